// Notifier: runs the operator's program for each change of a virtual router, one after the other,
// without a shell. What it does is its affair; that it failed or hung is an event. Thread: the
// loop's.
#pragma once

#include "common/event/child.h"
#include "common/event/timer.h"
#include "failover/config/settings.h"
#include "failover/event_log.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <vector>

namespace tandem::failover {

class Notifier {
 public:
  /// Changes that wait for the program; when one more comes the oldest is forgotten, and said so.
  static constexpr std::size_t kWaitingMax = 64;

  struct Counts {
    std::uint64_t runs = 0;
    std::uint64_t failures = 0;  // could not be run, ended badly, took too long, forgotten
  };

  /// Both outlive it.
  Notifier(event::Loop& loop, const config::Notify& settings, EventLog& events);

  /// Runs the program with these words behind its own.
  void tell(std::vector<std::string> words);
  /// Calls `done` once nothing runs or waits; at once if that is so.
  void when_idle(std::function<void()> done);

  [[nodiscard]] bool is_idle() const noexcept { return waiting_.empty() && !child_.is_running(); }
  [[nodiscard]] const Counts& counts() const noexcept { return counts_; }

 private:
  void run_next();
  void on_exit(event::ChildExit exit);
  void fail(const std::string& what);

  event::Loop& loop_;
  const config::Notify& settings_;
  EventLog& events_;
  std::deque<std::vector<std::string>> waiting_;
  event::Child child_;
  event::Timer patience_;
  bool timed_out_ = false;
  Counts counts_;
  std::function<void()> on_idle_;
};

}  // namespace tandem::failover
