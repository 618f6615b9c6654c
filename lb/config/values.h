// The forms a single value may have, read into what the snapshot holds. Used twice: to check a
// value and to build from it. Pure.
#pragma once

#include "common/jsonc.h"
#include "common/result.h"
#include "common/time.h"
#include "lb/config/schema.h"
#include "lb/config/snapshot.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tandem::lb::config {

/// Rounded up to whole milliseconds, so that a short time never becomes none. nullopt: no unit, no
/// number, overflow.
[[nodiscard]] std::optional<Milliseconds> read_duration(std::string_view text);

/// "roundrobin", "random(3)", "uri whole": `policy`, `random_draws`, `key` and `uri_whole`.
[[nodiscard]] Result<Balance> read_balance(std::string_view text);

/// "hdr(X-User)", "cookie(SRV)", "url_param(id)", "src", "path", "pathq" into `balance`.
[[nodiscard]] Result<void> read_hash_key(std::string_view text, Balance& balance);

/// 200, "200" or "200-399"; both ends included.
[[nodiscard]] std::optional<std::pair<int, int>> read_status_range(const jsonc::Value& value);

/// "660" as the bits 0660.
[[nodiscard]] std::optional<std::uint32_t> read_file_mode(std::string_view text);

/// What stands before and after the first ":" of "file:PATH" and "syslog:ADDRESS".
struct LogTarget {
  AccessLog::Target target = AccessLog::Target::kNone;
  std::string_view rest;
};
[[nodiscard]] std::optional<LogTarget> read_log_target(std::string_view text);

/// RFC 9110 section 5.6.2.
[[nodiscard]] bool is_token(std::string_view text) noexcept;

/// Whether a user may give something this name.
[[nodiscard]] bool is_name(std::string_view text, Names names) noexcept;

/// No control character, and valid as a field value (RFC 9110 section 5.5).
[[nodiscard]] bool is_one_line(std::string_view text) noexcept;

/// The words of a schema row, one by one.
[[nodiscard]] std::vector<std::string_view> words_of(std::string_view words);

}  // namespace tandem::lb::config
