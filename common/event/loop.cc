#include "common/event/loop.h"

#include "common/check.h"

#include <uv.h>

#include <algorithm>

namespace tandem::event {

Loop::Loop()
    : native_(new uv_loop_t),
      before_wait_(new uv_prepare_t),
      now_(Clock::now()),
      busy_since_(now_) {
  TANDEM_CHECK(uv_loop_init(native_) == 0);
  TANDEM_CHECK(uv_loop_configure(native_, UV_METRICS_IDLE_TIME) == 0);
  TANDEM_CHECK(uv_prepare_init(native_, before_wait_) == 0);
  before_wait_->data = this;
  uv_unref(reinterpret_cast<uv_handle_t*>(before_wait_));
}

Loop::~Loop() {
  uv_close(reinterpret_cast<uv_handle_t*>(before_wait_),
           [](uv_handle_t* handle) { delete reinterpret_cast<uv_prepare_t*>(handle); });
  // Work that background() has handed out still refers to the loop; it computes and ends soon.
  while (native_->active_reqs.count > 0) uv_run(native_, UV_RUN_ONCE);
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
  is_stopping_ = false;
}

void Loop::run_behind(Front& front) {
  update_now();
  front.enter(uv_backend_fd(native_));
  bool has_event = true;  // whatever was begun before
  while (!is_stopping_) {
    uv_update_time(native_);  // or it counts from its own last turn
    int wait = uv_backend_timeout(native_);
    if (has_event || wait == 0) {
      uv_run(native_, UV_RUN_NOWAIT);
      if (is_stopping_) break;
      wait = uv_backend_timeout(native_);
    }
    has_event = front.turn(wait);
  }
  front.leave();
  is_stopping_ = false;
}

void Loop::run_once() {
  update_now();
  has_called_back_ = false;
  // Before 1.45 libuv runs the timers that are due and then waits all the same, although one of
  // them may have done what the caller waits for. A stop at this point means "do not wait".
  TANDEM_CHECK(uv_prepare_start(before_wait_, [](uv_prepare_t* handle) {
                 if (static_cast<Loop*>(handle->data)->has_called_back_) uv_stop(handle->loop);
               }) == 0);
  uv_run(native_, UV_RUN_ONCE);
  uv_prepare_stop(before_wait_);
  is_stopping_ = false;
  update_now();
}

void Loop::stop() noexcept {
  is_stopping_ = true;
  uv_stop(native_);
}

double Loop::busy_ratio() noexcept {
  const Instant now = Clock::now();
  const auto idle = idle_ + std::chrono::nanoseconds(uv_metrics_idle_time(native_));
  const auto passed = std::chrono::duration<double>(now - busy_since_).count();
  const auto idled = std::chrono::duration<double>(idle - idle_before_).count();
  busy_since_ = now;
  idle_before_ = idle;
  return passed <= 0 ? 0 : std::clamp(1.0 - idled / passed, 0.0, 1.0);
}

}  // namespace tandem::event
