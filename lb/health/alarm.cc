#include "lb/health/alarm.h"

#include "common/event/timer.h"

#include <algorithm>
#include <utility>

namespace tandem::lb::health {
namespace {

class LoopAlarm final : public Alarm {
 public:
  explicit LoopAlarm(event::Loop& loop)
      : loop_(loop), timer_(loop, [this] {
          if (callback_) callback_();
        }) {}

  [[nodiscard]] Instant now() const noexcept override { return loop_.now(); }
  void set(Instant at) override {
    timer_.start(std::max<Duration>(at - Clock::now(), Duration::zero()));
  }
  void clear() noexcept override { timer_.stop(); }
  void on_alarm(std::move_only_function<void()> callback) override {
    callback_ = std::move(callback);
  }

 private:
  event::Loop& loop_;
  std::move_only_function<void()> callback_;
  event::Timer timer_;
};

}  // namespace

std::unique_ptr<Alarm> make_loop_alarm(event::Loop& loop) {
  return std::make_unique<LoopAlarm>(loop);
}

}  // namespace tandem::lb::health
