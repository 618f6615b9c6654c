#include "common/event/timer.h"

namespace tandem::event {
namespace {

std::uint64_t milliseconds_up(Duration delay) {
  const auto milliseconds = std::chrono::ceil<Milliseconds>(delay).count();
  return milliseconds < 0 ? 0 : static_cast<std::uint64_t>(milliseconds);
}

}  // namespace

Timer::Timer(Loop& loop, std::move_only_function<void()> on_expiry)
    : handle_([&loop, callback = std::move(on_expiry)]() mutable {
        loop.update_now();
        callback();
      }) {
  TANDEM_CHECK(uv_timer_init(loop.native(), handle_.get()) == 0);
}

void Timer::start(Duration delay) { start_periodic(delay, Duration::zero()); }

void Timer::start_periodic(Duration delay, Duration period) {
  // libuv counts from its own idea of now, which is stale after a long turn.
  uv_update_time(handle_.get()->loop);
  TANDEM_CHECK(uv_timer_start(handle_.get(), Handle<uv_timer_t>::fire, milliseconds_up(delay),
                              milliseconds_up(period)) == 0);
}

void Timer::stop() noexcept {
  if (handle_) uv_timer_stop(handle_.get());
}

}  // namespace tandem::event
