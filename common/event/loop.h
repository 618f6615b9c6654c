// Loop: one libuv loop with its clock. One loop, one thread.
#pragma once

#include "common/time.h"

struct uv_loop_s;
struct uv_prepare_s;

namespace tandem::event {

/// Waits in libuv's place, see Loop::run_behind(). Thread: the loop's.
class Front {
 public:
  /// `libuv` has an event when that descriptor is readable. Until leave().
  virtual void enter(int libuv) = 0;
  virtual void leave() = 0;
  /// Handles what has come, or comes within `milliseconds` (-1: however long that takes).
  /// @return whether libuv has an event.
  [[nodiscard]] virtual bool turn(int milliseconds) = 0;

 protected:
  ~Front() = default;
};

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
  /// As run(), until stop(): libuv has its turn only when it has something to do.
  void run_behind(Front& front);
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

  /// A front has slept for so long.
  void count_idle(Duration time) noexcept { idle_ += time; }
  /// Share of the time since the last call that the loop spent working, 0 to 1.
  [[nodiscard]] double busy_ratio() noexcept;

  [[nodiscard]] uv_loop_s* native() noexcept { return native_; }

 private:
  uv_loop_s* native_;
  uv_prepare_s* before_wait_;
  Instant now_;
  Instant busy_since_;
  Duration idle_{0};  // in fronts
  std::chrono::nanoseconds idle_before_{0};
  bool has_called_back_ = false;
  bool is_stopping_ = false;
};

}  // namespace tandem::event
