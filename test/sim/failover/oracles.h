// The oracles: what must hold whatever happens. They look at each step and at the world as a whole,
// and keep the first thing that is wrong. They compute times from the plan, never with the machine.
#pragma once

#include "test/sim/failover/plan.h"

#include <array>
#include <span>

namespace tandem::failover::machine {

/// A node of the world, as the oracles may see it.
struct SimNode {
  State state;
  bool is_running = false;  // the process is there
  bool is_frozen = false;   // but does not run
  bool holds_address = false;
  bool has_yielded = false;        // and was not active since
  std::uint32_t slow_actions = 0;  // begun and not finished
  Instant wake = Instant::max();
  Instant busy_until{};
  Instant last_advert{};   // when the last step said one, while active
  std::uint32_t life = 0;  // of the process; what an earlier life began is void

  /// Runs, has a right, takes part.
  [[nodiscard]] bool is_able() const noexcept {
    return is_running && !is_frozen && state.is_started && state.right != 0;
  }
  [[nodiscard]] bool is_active() const noexcept {
    return is_running && !is_frozen && state.role == Role::kActive;
  }
};

/// An oracle that was not content.
struct Finding {
  const char* oracle = nullptr;  // nullptr: all are content
  Instant at{};
  std::uint32_t node = 0;
};

class Oracles {
 public:
  void reset(const Plan& plan, Instant now);

  // ---- what the world tells ---------------------------------------------------------------------

  /// An advert has reached the node's socket; it may be read much later, after a freeze.
  void note_arrival(std::uint32_t node, const SimNode& there, const Advert& advert, Instant now);
  /// A process begins with an empty state.
  void note_birth(std::uint32_t node) { watch_.at(node) = {}; }
  /// Something happened that may leave nobody active, or two, for a while.
  void note_disturbance(Instant now);
  /// An advert was lost, late or doubled: two that are active may hear of each other later.
  void note_bad_network(Instant now);
  /// Two nodes are meant to be active until then: an operator moves the address.
  void note_claim(Instant until);
  void set_adverts_cut(bool is_cut) { is_cut_ = is_cut; }
  void set_quiet(bool is_quiet) { is_quiet_ = is_quiet; }

  // ---- checks -----------------------------------------------------------------------------------

  /// Of one step: legal moves, actions that fit them, adverts, deadlines, freezes.
  void check_step(std::uint32_t node, const State& before, const Input& input, const Step& result,
                  Instant now);
  /// Of all nodes: not two for long, not none for long.
  void check_world(std::span<const SimNode> nodes, Instant now);

  void report(const char* oracle, std::uint32_t node, Instant now);
  [[nodiscard]] const Finding& finding() const noexcept { return finding_; }
  [[nodiscard]] bool is_content() const noexcept { return finding_.oracle == nullptr; }

 private:
  struct Watch {
    Instant last_advert{};    // said while active
    Instant listens_since{};  // froze: must not speak before it has listened
    Instant lower_since{};    // hears a lower node since
    Instant follow_at{};      // an advert that is to be followed reached the socket
    Duration follow_for{};    // three of its intervals
    Instant window_begin{};   // of the count of adverts
    std::uint32_t window_adverts = 0;
  };

  void check_moves(std::uint32_t node, const State& before, const Input& input, const Step& result,
                   Instant now);
  void check_move(std::uint32_t node, const Moved& moved, const State& before, const Input& input,
                  Instant now);
  void check_takeover(std::uint32_t node, Reason reason, const State& before, Instant now);
  void check_actions(std::uint32_t node, const State& before, const Step& result, Instant now);
  void check_advert(std::uint32_t node, const SendAdvert& advert, const State& before,
                    const Step& result, bool has_released, Instant now);
  void check_answer(std::uint32_t node, const State& before, const Input& input, const Step& result,
                    bool froze, Instant now);
  void check_deadline(std::uint32_t node, const Input& input, const State& after, Instant now);
  void check_freeze(std::uint32_t node, bool froze, const Input& input, const Step& result,
                    Instant now);
  void listen(std::uint32_t node, const State& after, const Input& input, Instant now);
  void count_advert(std::uint32_t node, Instant now);

  const Plan* plan_ = nullptr;
  std::array<Watch, kNodesMost> watch_;
  Instant alone_since_{};    // since when no two that hear each other are active
  Instant covered_until_{};  // somebody was active, or nobody could be expected to be
  Instant claimed_until_{};
  bool is_cut_ = false;
  bool is_quiet_ = false;
  Finding finding_;
};

}  // namespace tandem::failover::machine
