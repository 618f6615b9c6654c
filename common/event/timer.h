// Timer: a libuv timer for things that are few (checks, ticks of the control thread). Connections
// use the Wheel.
#pragma once

#include "common/event/handle.h"
#include "common/event/loop.h"
#include "common/time.h"

#include <functional>

namespace tandem::event {

/// Move-only; destroying it cancels. Thread: the loop's.
class Timer {
 public:
  Timer() = default;
  Timer(Loop& loop, std::move_only_function<void()> on_expiry);

  /// Fires once after `delay` (rounded up to milliseconds); replaces an earlier start.
  void start(Duration delay);
  /// Fires after `delay` and then every `period`, until stop().
  void start_periodic(Duration delay, Duration period);
  void stop() noexcept;

 private:
  Handle<uv_timer_t> handle_;
};

}  // namespace tandem::event
