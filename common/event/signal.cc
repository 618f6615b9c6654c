#include "common/event/signal.h"

namespace tandem::event {

Signal::Signal(Loop& loop, int number, std::move_only_function<void()> on_signal)
    : handle_([&loop, callback = std::move(on_signal)]() mutable {
        loop.update_now();
        callback();
      }) {
  TANDEM_CHECK(uv_signal_init(loop.native(), handle_.get()) == 0);
  TANDEM_CHECK(uv_signal_start(
                   handle_.get(),
                   [](uv_signal_t* handle, int) { Handle<uv_signal_t>::fire(handle); },
                   number) == 0);
}

}  // namespace tandem::event
