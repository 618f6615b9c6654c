// ThreadTime: how the kernel has treated a thread of another process: whether it wants to run, and
// how long it has run so far. Tells a thread that hangs from one that is not given a CPU. And the
// same of the calling thread, afterwards. Reads /proc, which does not block. Any thread.
#pragma once

#include "common/time.h"

#include <cstdint>
#include <optional>

namespace tandem::failover::system {

struct ThreadTime {
  bool wants_to_run = false;  // running, or waiting for a CPU and nothing else
  Duration ran{0};            // on a CPU, since it began
};

/// nullopt: there is no such thread, or /proc does not show it (hidepid, ProtectProc=).
[[nodiscard]] std::optional<ThreadTime> thread_time(std::int32_t process, std::uint32_t thread);

/// Of the calling thread since it began; what is in neither it slept or waited in the kernel, or
/// the whole machine stood still. Zeros where /proc does not tell.
struct OwnTime {
  Duration ran{0};     // on a CPU
  Duration waited{0};  // ready, and waiting for one
};

[[nodiscard]] OwnTime own_time();

}  // namespace tandem::failover::system
