// The guard itself: what runs in the process that outlives the daemon. Forked from a program that
// may have had threads, it makes system calls and nothing else: no allocation, no lock, no log.
#pragma once

namespace tandem::failover::system {

/// What the guard says once it stands: zero, or the errno of what it could not do without.
struct GuardReport {
  int error;
};

/// Never returns. Called in the child, with every signal blocked.
/// @param channel its end of a SOCK_SEQPACKET pair: orders come in, one GuardReport goes out.
/// @param daemon a pidfd of the daemon. Either one tells of its end: a stray copy of the channel's
/// other end, in a script that it had just forked, must not hide it.
[[noreturn]] void run_guard(int channel, int daemon) noexcept;

}  // namespace tandem::failover::system
