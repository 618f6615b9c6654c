// background(): work that takes milliseconds, off the loop, in libuv's pool of threads. For what is
// rare and computes (rendering metrics), never for what waits.
#pragma once

#include "common/event/loop.h"

#include <functional>

namespace tandem::event {

/// Runs `work` in another thread, then `then` on the loop's. Both run exactly once, whatever
/// happens; the loop runs on until they have. What they refer to must live until then: share it.
/// Neither may throw. Thread: the loop's.
void background(Loop& loop, std::move_only_function<void()> work,
                std::move_only_function<void()> then);

}  // namespace tandem::event
