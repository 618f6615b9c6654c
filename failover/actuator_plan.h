// ActuatorPlan: which run of the operator's program comes next, so that the network sends the
// addresses of one router to this node: acquire, read back who has it, again after a failure, look
// now and then, take back what somebody moved away, but never without end. Pure: it is told the
// time and how runs ended; it runs nothing itself. See actuator.h.
#pragma once

#include "common/time.h"
#include "failover/system/link_budget.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::failover {

enum class Actuation : std::uint8_t { kAcquire, kReadBack, kRelease };
/// "acquire", "read_back", "release": the program's first argument, and a metric label.
[[nodiscard]] std::string_view actuation_name(Actuation actuation) noexcept;

/// Owner: the actuator. Value type.
class ActuatorPlan {
 public:
  struct Settings {
    std::size_t addresses;  // at least 1
    bool reads_back;
    bool releases;
    Duration retry;     // after the first failure; doubled up to kRetryMost
    Duration interval;  // between two rounds of reading back
  };
  static constexpr Duration kRetryMost = std::chrono::minutes(1);
  /// What others move away is taken back so often at once, then once in each such time: two nodes
  /// that do not hear each other must not fight over it through the network's interface.
  static constexpr int kTakeBacks = 3;
  static constexpr Duration kTakeBackEvery = std::chrono::minutes(5);

  struct Task {
    Actuation what;
    std::size_t place;  // in the list of addresses
    friend bool operator==(const Task&, const Task&) = default;
  };
  /// How a run ended.
  struct Outcome {
    std::string fault = {};        // why it failed; empty: it did not
    std::string elsewhere = {};    // kReadBack: "lb2 has 192.0.2.10"; empty: this node has it
    bool other_is_active = false;  // the peer says over the link that it has a right to it
  };
  /// What is worth telling about it.
  enum class News : std::uint8_t { kNone, kDone, kMovedAway, kFault };

  explicit ActuatorPlan(Settings settings);

  /// From now on the addresses are to be here. `adopts`: a predecessor has seen to it.
  void acquire(Instant now, bool adopts);
  /// No longer.
  void release(Instant now);
  /// The network may have learned another place meanwhile: to be looked at, or told again.
  void confirm(Instant now);

  /// What to run now; ended() is to follow, or acquire() or release(). nullopt: nothing before
  /// due().
  [[nodiscard]] std::optional<Task> next(Instant now);
  [[nodiscard]] Instant due() const noexcept { return due_; }
  [[nodiscard]] News ended(const Outcome& outcome, Instant now);

  /// Nothing is wished, neither to have nor to give away.
  [[nodiscard]] bool is_idle() const noexcept { return wish_ == Wish::kNothing; }
  [[nodiscard]] bool is_to_have() const noexcept { return wish_ == Wish::kHave; }
  /// What is wished is so, as far as is known.
  [[nodiscard]] bool is_done() const noexcept;
  /// Why not, in words; empty: nothing has gone wrong so far.
  [[nodiscard]] const std::string& fault() const noexcept { return fault_; }

 private:
  enum class Wish : std::uint8_t { kNothing, kHave, kGone };
  struct Site {
    bool is_taken = false;  // the program has acquired it since it was wished
    bool is_here = false;   // and it was not seen elsewhere since
    std::string fault;
  };

  void begin(Wish wish, Instant now);
  void begin_round(Instant at);
  void step_to(std::size_t place);
  [[nodiscard]] std::size_t next_place(std::size_t from) const;
  [[nodiscard]] News acquired(Site& site, const Outcome& outcome, Instant now);
  [[nodiscard]] News read(Site& site, const Outcome& outcome, Instant now);
  [[nodiscard]] News seen_elsewhere(Site& site, const Outcome& outcome, Instant now);
  [[nodiscard]] News finish(Instant now);
  [[nodiscard]] News end_round(Instant now);
  [[nodiscard]] system::TurnBudget fresh_take_backs() const;

  Settings settings_;
  Wish wish_ = Wish::kNothing;
  std::vector<Site> sites_;
  Task task_{};
  Instant due_ = Instant::max();  // of task_, unless it runs
  bool is_running_ = false;
  bool is_fresh_ = false;       // nothing has been run for this wish yet
  bool is_confirming_ = false;  // task_ reads back what has just been acquired
  bool again_ = false;          // another round is to follow at once
  bool was_done_ = false;
  std::string fault_;
  Duration retry_;
  system::TurnBudget take_backs_;
  system::TurnBudget confirms_;
};

}  // namespace tandem::failover
