// Alarm: the time and one wake-up, so that the checker runs on a loop in production and through a
// thousand hours a second in tests.
#pragma once

#include "common/event/loop.h"
#include "common/time.h"

#include <functional>
#include <memory>

namespace tandem::lb::health {

class Alarm {
 public:
  virtual ~Alarm() = default;

  [[nodiscard]] virtual Instant now() const noexcept = 0;
  /// Calls `on_alarm` once at `at` or soon after, in place of any earlier setting.
  virtual void set(Instant at) = 0;
  virtual void clear() noexcept = 0;
  /// Whom to wake; set once, before the first set().
  virtual void on_alarm(std::move_only_function<void()> callback) = 0;
};

/// An alarm on `loop`, which must outlive it. Thread: the loop's.
[[nodiscard]] std::unique_ptr<Alarm> make_loop_alarm(event::Loop& loop);

}  // namespace tandem::lb::health
