// Guard: the daemon's side of a small process that outlives it. However the daemon dies, the guard
// at once deletes the addresses that it held and says goodbye (priority 0) for it; told that the
// end is an orderly one, it does nothing and goes. And if the guard dies, the daemon starts
// another.
//
// It is forked, not spawned: a fork keeps the rights that the daemon has given up since, needs no
// file that an upgrade may have replaced, and the child only makes system calls (guard_process.h),
// which is safe also where there were threads. The fork waits until the child has closed every
// descriptor of the daemon's, because an epoll set reports what a copy still holds open.
//
// Not covered here: the death of both at once (a SIGKILL to a whole control group, the end of a
// container whose first process is the daemon) and a guard that is stopped. The lease on the
// addresses bounds those.
#pragma once

#include "common/event/poller.h"
#include "common/event/timer.h"
#include "common/file_descriptor.h"
#include "common/result.h"
#include "common/time.h"
#include "failover/system/guard_plan.h"

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <memory>
#include <vector>

namespace tandem::failover::system {

/// Owner: the daemon, one. Thread: the loop's; start() also before there is a loop. The poller
/// outlives it.
class Guard {
 public:
  /// How long a new guard may take to stand; it takes a millisecond or two.
  static constexpr std::chrono::milliseconds kStartWait{1'000};
  /// A guard that dies sooner than this after its start is replaced only after as long again.
  static constexpr std::chrono::milliseconds kRestartPause{1'000};

  /// Told after the guard has died: success, another stands and holds the same plan; or why not
  /// (it is tried again). Must not destroy the Guard.
  using OnReplaced = std::move_only_function<void(const Result<void>&)>;

  Guard();
  /// Without dismiss(), this is a death like any other: the guard withdraws what is held.
  ~Guard();
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

  /// First thing in main, while memory is small and there are no threads. Error: cannot fork, or
  /// the guard could not open what it needs; words for a person.
  [[nodiscard]] Result<void> start();
  /// From now on a dead guard is noticed and replaced. After start().
  void watch(event::Poller& poller, OnReplaced on_replaced);
  /// No longer, because the poller goes; the guard goes on. Nothing if it is not watched.
  void unwatch();

  /// What to do from now on. Each time that what is held changes, before an address is put on and
  /// after it is taken off; an empty plan when nothing is held. The sockets are copied. A guard
  /// that is found dead, or does not read, is replaced at once. Error: the plan is too large (the
  /// one before holds on), or no guard could be started.
  [[nodiscard]] Result<void> set(const GuardPlan& plan);

  /// The end is an orderly one. Waits for the guard's end, a millisecond as a rule. Nothing if none
  /// stands.
  void dismiss();

  [[nodiscard]] bool is_standing() const noexcept { return pid_ > 0; }
  /// For the state dump and tests; 0 when none stands.
  [[nodiscard]] pid_t pid() const noexcept { return pid_; }

 private:
  class Watch;

  [[nodiscard]] Result<void> await_report();
  [[nodiscard]] bool deliver();
  [[nodiscard]] Result<void> replace();
  void listen();
  void on_lost();
  void restart();
  void stop_watching();
  void reap();

  pid_t pid_ = 0;
  FileDescriptor channel_;
  PackedPlan plan_;                      // sockets: those below
  std::vector<FileDescriptor> sockets_;  // our own copies: a number alone may be used anew
  Instant started_{};
  event::Poller* poller_ = nullptr;
  OnReplaced on_replaced_;
  std::unique_ptr<Watch> watch_;
  event::Timer restart_;
};

}  // namespace tandem::failover::system
