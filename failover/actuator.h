// Actuator: makes the network send the addresses of one router to this node where no ARP can (the
// clouds): it runs the operator's program, one run at a time and without a shell, and reads back
// from the network who has them. What comes next is decided by ActuatorPlan; whether this node is
// to have them by the machine alone. Thread: the loop's.
#pragma once

#include "common/event/child.h"
#include "common/event/timer.h"
#include "common/ip_address.h"
#include "failover/actuator_plan.h"
#include "failover/config/settings.h"
#include "failover/event_log.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tandem::failover {

/// Counted from the start of the daemon, through every reload.
struct ActuatorFigures {
  using Key = std::pair<std::string_view, std::string_view>;  // action, result
  std::map<Key, std::uint64_t> runs;
  std::uint64_t moved_away = 0;
  std::chrono::nanoseconds took{0};  // of the last acquisition, from the decision to the proof
};

/// The node that `text` names by its name or one of its addresses, in words; empty: this node.
[[nodiscard]] std::string owner_in_words(const config::Settings& settings, std::string_view text);
/// Why a run is to be called failed: its status and the last line of what it complained; empty: it
/// did well.
[[nodiscard]] std::string fault_of(const event::ChildExit& exit);

class Actuator {
 public:
  /// What it stands on; everything outlives it.
  struct Ground {
    event::Loop& loop;
    const config::Settings& settings;  // with an actuator
    const config::Router& router;
    EventLog& events;
    ActuatorFigures& figures;
    /// The peer says over the link that it is active and has a right to the addresses.
    std::function<bool()> other_is_active;
  };

  explicit Actuator(Ground ground);

  /// Of those in `router`, what a network can be asked to move: not the link-local ones.
  [[nodiscard]] static std::vector<IpPrefix> movable(const config::Router& router);

  /// The addresses are to be here. Nothing is run before the next turn. `adopts`: a predecessor of
  /// this process has seen to it.
  void acquire(bool adopts);
  /// No longer. What runs is ended: it must not come after the other node's.
  void release();
  /// The machine tells the network again: as above, if it may have forgotten.
  void confirm();
  /// Calls `done` once nothing runs for whoever has let go; at once if that is so.
  void when_idle(std::function<void()> done);

  /// "done", "running", "failed", "idle".
  [[nodiscard]] std::string_view state() const noexcept;
  /// "done 0.8 s ago", "running: acquire 192.0.2.10 for 0.2 s", "failed: …, again in 1.9 s",
  /// "idle".
  [[nodiscard]] std::string words() const;
  [[nodiscard]] const ActuatorPlan& plan() const noexcept { return plan_; }
  [[nodiscard]] const ActuatorFigures& figures() const noexcept { return ground_.figures; }

 private:
  void supersede();
  void go_on();
  void wait();
  void run(const ActuatorPlan::Task& task);
  [[nodiscard]] event::ChildSettings program(const ActuatorPlan::Task& task) const;
  void on_exit(const event::ChildExit& exit);
  void finish(ActuatorPlan::Outcome outcome, std::string_view result);
  void tell(ActuatorPlan::News news, const std::string& elsewhere);
  void tell_done();
  void count(std::string_view result);
  [[nodiscard]] std::string task_words() const;

  Ground ground_;
  const config::Actuator& settings_;
  std::vector<IpPrefix> addresses_;
  ActuatorPlan plan_;
  ActuatorPlan::Task task_{};  // what runs
  event::Child child_;
  event::Timer patience_;
  event::Timer next_;
  bool is_superseded_ = false;  // what runs is about an earlier wish
  bool timed_out_ = false;
  bool adopts_ = false;
  Instant wished_at_{};
  Instant began_at_{};
  std::optional<Instant> done_at_;  // since the wish
  std::function<void()> on_idle_;
};

}  // namespace tandem::failover
