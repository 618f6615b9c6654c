// ScriptWatch: one program that is asked again and again whether all is well: exit status 0 is yes.
// It runs without a shell; one that takes too long is killed with everything it started, and has
// failed. Thread: the loop's.
#pragma once

#include "common/event/child.h"
#include "common/event/timer.h"
#include "failover/config/settings.h"
#include "failover/machine/right.h"

#include <cstdint>
#include <functional>
#include <string>

namespace tandem::failover {

class ScriptWatch {
 public:
  struct Counts {
    std::uint64_t runs = 0;
    std::uint64_t failures = 0;
  };

  /// `on_change` is called when tracked() has become another, and after the first run.
  ScriptWatch(event::Loop& loop, const config::TrackScript& settings,
              std::function<void()> on_change);

  /// Runs it now, then from the end of one run after each interval.
  void start();

  /// "script NAME". Well until it is known better.
  [[nodiscard]] const machine::Tracked& tracked() const noexcept { return tracked_; }
  /// It has ended at least once.
  [[nodiscard]] bool is_known() const noexcept { return counts_.runs > 0; }
  [[nodiscard]] const Counts& counts() const noexcept { return counts_; }

 private:
  void on_time();
  void on_exit(event::ChildExit exit);
  void finish(const std::string& fault);

  event::Loop& loop_;
  const config::TrackScript& settings_;
  std::function<void()> on_change_;
  event::Child child_;
  event::Timer timer_;  // the next run, or the end of this one's patience
  machine::Tracked tracked_;
  Counts counts_;
  bool timed_out_ = false;
  std::uint32_t in_a_row_ = 0;  // runs that were unlike the present verdict
};

}  // namespace tandem::failover
