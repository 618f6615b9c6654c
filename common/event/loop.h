// Loop: one libuv loop with its clock. One loop, one thread.
#pragma once

#include "common/time.h"

struct uv_loop_s;
struct uv_prepare_s;

namespace tandem::event {

class Loop {
 public:
  Loop();
  /// Every handle made on the loop must have been destroyed; their close callbacks run here.
  /// A handle that is still open is a programming error and ends the process.
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  /// Runs until stop() or until nothing is left to wait for.
  void run();
  /// Runs what is due now, waiting at most once for an event. For tests and start-up.
  void run_once();
  /// Makes run() return after this turn. Loop's thread; from others, post to a Mailbox.
  void stop() noexcept;

  /// The time at which this turn began: read once a turn, so that the hot path needs no clock.
  [[nodiscard]] Instant now() const noexcept { return now_; }
  /// Every callback that the loop makes begins with it.
  void update_now() noexcept {
    now_ = Clock::now();
    has_called_back_ = true;
  }

  /// Share of the time since the last call that the loop spent working, 0 to 1. Any thread.
  [[nodiscard]] double busy_ratio() noexcept;

  [[nodiscard]] uv_loop_s* native() noexcept { return native_; }

 private:
  uv_loop_s* native_;
  uv_prepare_s* before_wait_;
  Instant now_;
  Instant busy_since_;
  std::chrono::nanoseconds idle_before_{0};
  bool has_called_back_ = false;
};

}  // namespace tandem::event
