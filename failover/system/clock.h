// Time and precedence for a daemon that must notice when it was not running: how long the machine
// slept, memory that is never paged out, a loop that runs before ordinary work. Not a timer, and
// not a second Instant type: what is said here is added to the loop's.
#pragma once

#include "common/result.h"
#include "common/time.h"

namespace tandem::failover::system {

/// How long this machine has been suspended since it booted: CLOCK_BOOTTIME minus CLOCK_MONOTONIC.
/// Instant is std::chrono::steady_clock, which is CLOCK_MONOTONIC and stands still in suspend; a
/// deadline kept in it comes late by as much, and nobody notices. A daemon that adds this to every
/// Instant it hands to the machine sees the gap. Thread: any.
///
/// Neither clock sees a hypervisor that stops both and lets them go on as if nothing had been (some
/// snapshots): only the adverts of the other node tell then.
[[nodiscard]] Duration suspended() noexcept;

/// Clock::now() plus suspended(): goes on through suspend. Thread: any.
[[nodiscard]] Instant boot_now() noexcept;

/// Keeps every page that the process touches, now and later, in memory. Reserved but untouched
/// memory (stacks of threads, arenas) stays unbacked. Once, at start.
/// Error: not allowed. Says what would allow it; the daemon runs on, a page fault may delay it.
/// A limit that is not infinite counts as not allowed: it would turn into failed allocations later.
[[nodiscard]] Result<void> lock_memory();

/// Above ordinary work and the threads of most software, below the kernel's own (50) and what
/// an administrator puts first.
inline constexpr int kLoopPriority = 20;

/// Puts the calling thread under SCHED_RR at kLoopPriority; processes that it starts begin as
/// ordinary ones again (SCHED_RESET_ON_FORK). Nothing that it runs may block or spin.
/// Error: not allowed. Says what would allow it; the daemon runs on, a busy machine may delay it.
[[nodiscard]] Result<void> raise_priority();

}  // namespace tandem::failover::system
