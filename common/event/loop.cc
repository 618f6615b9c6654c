#include "common/event/loop.h"

#include <uv.h>

#include <algorithm>

#include "common/check.h"

namespace tandem::event {

Loop::Loop() : native_(new uv_loop_t), now_(Clock::now()), busy_since_(now_) {
  TANDEM_CHECK(uv_loop_init(native_) == 0);
  TANDEM_CHECK(uv_loop_configure(native_, UV_METRICS_IDLE_TIME) == 0);
}

Loop::~Loop() {
  while (uv_run(native_, UV_RUN_NOWAIT) != 0 && uv_loop_alive(native_) != 0) {
    // Close callbacks may need more than one turn; an active handle would spin here, so look.
    if (uv_backend_timeout(native_) != 0) break;
  }
  TANDEM_CHECK(uv_loop_close(native_) == 0);
  delete native_;
}

void Loop::run() {
  update_now();
  uv_run(native_, UV_RUN_DEFAULT);
}

void Loop::run_once() {
  update_now();
  uv_run(native_, UV_RUN_ONCE);
  update_now();
}

void Loop::stop() noexcept { uv_stop(native_); }

double Loop::busy_ratio() noexcept {
  const Instant now = Clock::now();
  const std::chrono::nanoseconds idle(uv_metrics_idle_time(native_));
  const auto passed = std::chrono::duration<double>(now - busy_since_).count();
  const auto idled = std::chrono::duration<double>(idle - idle_before_).count();
  busy_since_ = now;
  idle_before_ = idle;
  return passed <= 0 ? 0 : std::clamp(1.0 - idled / passed, 0.0, 1.0);
}

}  // namespace tandem::event
