// ThreadTime: how the kernel has treated a thread of another process: whether it wants to run, and
// how long it has run so far. Tells a thread that hangs from one that is not given a CPU. Reads
// /proc, which does not block. Any thread.
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

}  // namespace tandem::failover::system
