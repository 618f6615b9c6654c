// Moving: the commands of tandemctl that wait for what they have asked for: `switchover`,
// `takeover`, `drill`. Each prints what came of it and says how it ended. Blocking.
#pragma once

#include "ctl/arguments.h"

#include <chrono>
#include <string>
#include <vector>

namespace tandem::ctl {

enum Exit : int { kDone = 0, kRefused = 1, kBadUsage = 2, kNotReachable = 3 };

/// How long a move may take until it is called stuck: both nodes give up earlier.
inline constexpr std::chrono::seconds kMoveTime{5};
/// How long a drill stays on the other side, unless told.
inline constexpr std::chrono::seconds kDrillStay{5};

/// Whether the command is one of these.
[[nodiscard]] bool is_moving(const std::vector<std::string>& words) noexcept;

/// Its sockets can be read. @return the exit status.
[[nodiscard]] int run_moving(const Arguments& arguments);

}  // namespace tandem::ctl
