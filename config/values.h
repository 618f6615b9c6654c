// The forms a single value may have, read into values. Used twice: to check a
// value and to build from it. Pure.
#pragma once

#include "common/jsonc.h"
#include "common/result.h"
#include "common/time.h"
#include "config/schema.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tandem::config {

/// Rounded up to whole milliseconds, so that a short time never becomes none. nullopt: no unit, no
/// number, overflow.
[[nodiscard]] std::optional<Milliseconds> read_duration(std::string_view text);

/// Row of the policy table in lb/balance/registry.cc, with what follows it in parentheses.
struct Balance {
  std::string policy = "roundrobin";
  std::uint32_t random_draws = 2;  // random(N)
  enum class Key : std::uint8_t { kNone, kSource, kUri, kHeader, kCookie, kQuery };
  Key key = Key::kNone;                   // what source, uri and hash look at
  std::string key_name;                   // header, cookie or parameter name (header: lower case)
  bool uri_whole = false;                 // "uri whole": the query counts too
  std::uint32_t hash_balance_factor = 0;  // percent of the mean a server may carry; 0: unbounded
  friend bool operator==(const Balance&, const Balance&) = default;
};

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
  enum class Kind : std::uint8_t { kNone, kStdout, kStderr, kFile, kSyslog };
  Kind target = Kind::kNone;
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

}  // namespace tandem::config
