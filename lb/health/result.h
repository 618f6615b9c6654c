// Result: what one health check found, in HAProxy's words, so that show stat, logs and metrics say
// what tools expect. A value.
#pragma once

#include "common/time.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace tandem::lb::health {

/// check_status of show stat. The order is HAProxy's: from kL7Okd on there is a code to tell.
enum class Status : std::uint8_t {
  kUnknown,       // UNK: no check is made
  kInitializing,  // INI: no result yet
  kChecked,       // CHECKED: an agent that said nothing of health
  kHana,          // HANA: concluded from live traffic ("observe")
  kSockErr,       // SOCKERR: our own side failed (descriptors, memory)
  kL4Ok,
  kL4Tout,
  kL4Con,
  kL6Ok,
  kL6Tout,
  kL6Rsp,
  kL7Tout,
  kL7Rsp,
  kL7Okd,   // L7OK
  kL7Okcd,  // L7OKC: conditionally, as a 404 under disable-on-404
  kL7Sts,
  kProcErr,
  kProcTout,
  kProcOk,
};

/// "L4CON".
[[nodiscard]] std::string_view status_code(Status status) noexcept;
/// "Layer4 connection problem".
[[nodiscard]] std::string_view status_words(Status status) noexcept;
/// Whether the check succeeded. Not for kUnknown, kInitializing, kChecked.
[[nodiscard]] bool is_passed(Status status) noexcept;
/// Whether Result::code means something (an HTTP status, an exit status).
[[nodiscard]] bool has_code(Status status) noexcept;

struct AgentReply;

struct Result {
  static constexpr std::size_t kDescriptionMax = 80;

  Status status = Status::kUnknown;
  int code = 0;               // HTTP status or exit status; 0: none
  Milliseconds duration{-1};  // negative: was not measured
  std::string description;    // "Connection refused"; through clean_description()
  std::shared_ptr<const AgentReply> agent = nullptr;  // of an agent that has answered

  [[nodiscard]] bool passed() const noexcept { return is_passed(status); }
};

/// At most kDescriptionMax bytes of `text` that fit into a CSV field, a log line and an HTML page:
/// comma, quotes, backslash, markup, controls and non-ASCII bytes become spaces, trailing ones go.
[[nodiscard]] std::string clean_description(std::string_view text);

}  // namespace tandem::lb::health
