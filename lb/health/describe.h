// The log lines about servers going up and down, in HAProxy's words: alerting rules and eyes are
// trained on them. Pure.
#pragma once

#include "lb/health/result.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace tandem::lb::health {

enum class Change : std::uint8_t {
  kUp,
  kDown,
  kStopping,
  kMaint,  // enters maintenance while up
  kMaintWhileDown,
  kLeavesMaint,
  kDrain,
  kLeavesDrain,
  kLeavesDrainDown,  // drain ends, but the checks fail
};

/// What a line tells beside the change itself. Counts are those after the change.
struct ChangeFacts {
  std::string_view backend;
  std::string_view server;
  const Result* result = nullptr;  // the check that decided; null: a command or the configuration
  std::uint32_t active_left = 0;   // usable servers that are no backups
  std::uint32_t backup_left = 0;
  std::uint32_t sessions = 0;  // running on this server
  std::uint32_t requeued = 0;
  std::uint32_t queued = 0;  // remaining in its queue
};

/// "Server app/web1 is DOWN, reason: Layer4 connection problem, info: "Connection refused", check
/// duration: 0ms. 1 active and 0 backup servers left. 0 sessions active, 0 requeued, 0 remaining
/// in queue."
[[nodiscard]] std::string describe_change(Change change, const ChangeFacts& facts);

/// "backend app has no server available!"
[[nodiscard]] std::string describe_empty_backend(std::string_view backend);

}  // namespace tandem::lb::health
