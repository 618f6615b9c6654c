// Signal: a Unix signal as a callback on a loop.
#pragma once

#include "common/event/handle.h"
#include "common/event/loop.h"

#include <functional>

namespace tandem::event {

/// Move-only; destroying it restores the default disposition. Thread: the loop's.
class Signal {
 public:
  Signal() = default;
  Signal(Loop& loop, int number, std::move_only_function<void()> on_signal);

 private:
  Handle<uv_signal_t> handle_;
};

}  // namespace tandem::event
