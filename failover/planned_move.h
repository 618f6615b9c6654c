// PlannedMove: one virtual router on its way to the other node because an operator wants it, or
// this node stops, and what follows until nothing is left of it. It moves make-before-break, and
// older connections get a second chance: the node that has let go keeps the address on `lo` and
// goes on with them, the node that has it now hands their packets back
// (failover/system/second_chance.h).
//
//   the node that gives                            the node that takes
//   begin -------- "second_chance", own address -> puts up the rules
//   retain the address, ask ---------- "claim" --> takes the address
//   let go <-------------------------- "taken" --- hands packets over
//   ... until the last connection has ended, the deadline, or the address is back here
//   end ---------------- "second_chance_over" ---> takes the rules away
//
// If one of them dies meanwhile, the other ends its half: the clients of older connections are
// told (RST), instead of waiting. A daemon that merely stood still for a moment looks the same from
// the other node, so it gets kDoubtMost: an answer that was lost is asked for again, and rules stay
// until then, or until the node that gives says "second_chance" once more. Without what it takes
// (SecondChance::probe()) the move is made all the same, and it is said beforehand that older
// connections break. Thread: the loop's.
#pragma once

#include "common/event/timer.h"
#include "common/time.h"
#include "failover/config/settings.h"
#include "failover/event_log.h"
#include "failover/peer/link.h"
#include "failover/system/connection_counter.h"
#include "failover/system/guard_plan.h"
#include "failover/system/interface.h"
#include "failover/system/retained_address.h"
#include "failover/system/second_chance.h"
#include "failover/virtual_router.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::failover {

/// One move away from this node, as it went.
struct MoveReport {
  enum class Stage : std::uint8_t {
    kAsked,      // the other node has not answered yet
    kRetaining,  // the other node has the address; older connections go on here
    kDone,
    kFailed,  // the address has stayed
  };
  Stage stage = Stage::kAsked;
  std::string to;
  std::string words;  // why it failed, or what it could not keep; empty: nothing to say
  std::chrono::system_clock::time_point began{};
  Duration took{0};                // until this node had let go
  Duration lasted{0};              // from then until the last connection had ended
  std::uint64_t connections = 0;   // that are still here
  std::uint64_t kept = 0;          // that were here when the address went
  std::uint64_t cut = 0;           // that had not ended when they had to
  std::uint64_t packets_back = 0;  // that the other node has handed over
};
/// Since the start of this process.
struct MoveCounts {
  std::uint64_t done = 0;
  std::uint64_t failed = 0;
  std::uint64_t cut = 0;          // connections
  std::uint64_t handed_back = 0;  // packets, by this node as the one that takes
};
/// "asked", "retaining", "done", "failed".
[[nodiscard]] std::string_view stage_name(MoveReport::Stage stage) noexcept;

class PlannedMove {
 public:
  /// The requests by which a node asks the other to take a router's addresses; tells it that
  /// packets are to be handed over, before the claim and after the link was down; and that none
  /// needs to be any more.
  static constexpr const char* kClaim = "claim";
  static constexpr const char* kHandOver = "second_chance";
  static constexpr const char* kOver = "second_chance_over";
  /// How long both have for the move itself.
  static constexpr Milliseconds kClaimTime{2'000};
  /// How long the move is not given up when no answer comes: the other node may have taken it.
  static constexpr Milliseconds kAskFor{4'000};
  /// How long rules stay without the old node's word, or without the address: both may be back.
  static constexpr Milliseconds kDoubtMost{3'000};
  static constexpr Milliseconds kLookEvery{100};

  struct Ground {
    event::Loop& loop;
    const config::Settings& settings;
    system::RouteSocket& route;
    const system::Interface& interface;
    EventLog& events;
    std::function<void()> on_plan_change;  // of the guard
    /// A move away from here is over, well or not.
    std::function<void()> on_over;
    /// leaving() has become another.
    std::function<void()> on_leaving;
    /// The link to that node; nullptr: there is none.
    std::function<peer::PeerLink*(const std::string& node)> link;
  };

  /// The router outlives it.
  PlannedMove(Ground ground, VirtualRouter& router);
  ~PlannedMove();
  PlannedMove(const PlannedMove&) = delete;
  PlannedMove& operator=(const PlannedMove&) = delete;

  [[nodiscard]] const VirtualRouter& router() const noexcept { return router_; }
  /// Takes away what an earlier process has left.
  void sweep();

  // ---- the node that gives
  /// Begins to move the router over the link, which is up. Errors: it is being moved already.
  [[nodiscard]] Result<void> give(peer::PeerLink& link, std::string_view why);
  /// Of older connections, that go on here now.
  [[nodiscard]] std::uint64_t connections_retained() const noexcept {
    return is_retaining() ? report_->connections : 0;
  }
  [[nodiscard]] bool is_under_way() const noexcept { return is_asking() || is_retaining(); }
  /// The addresses whose connections are to end softly.
  [[nodiscard]] std::vector<IpAddress> leaving() const;
  /// Of the last move, or the present one; nullopt: there was none.
  [[nodiscard]] const std::optional<MoveReport>& report() const noexcept { return report_; }

  // ---- the node that takes
  /// What `node` asks for with kClaim.
  [[nodiscard]] peer::Outcome take(const std::string& node, const peer::Json& argument);
  /// kHandOver.
  [[nodiscard]] peer::Outcome hand_over(const std::string& node, const peer::Json& argument);
  /// kOver.
  [[nodiscard]] peer::Outcome end_forwarding();
  [[nodiscard]] bool is_forwarding() const noexcept { return second_chance_.has_begun(); }

  // ---- both
  [[nodiscard]] const MoveCounts& counts() const noexcept { return counts_; }
  void on_role_change();
  void on_link_up(const std::string& node);
  void on_link_down(const std::string& node, const peer::PeerLink::Down& down);
  /// Ends both halves now, whatever that breaks: this node stops.
  void abandon();
  void add_to(system::GuardPlan& plan) const;

 private:
  [[nodiscard]] peer::Json claim_argument() const;
  void ask(peer::PeerLink& link);
  void answered(const peer::Outcome& outcome);
  void ask_again(const std::string& words);
  void stop_asking();
  void move_away(bool has_second_chance);
  void fail_to_move(const std::string& words);
  void retain();
  void let_retained_go();
  void look();
  void cut();
  void count();
  void on_counted(const Result<std::uint64_t>& counted);
  void say_moved(std::string_view rest);
  void begin_to_wait();
  void finish(std::string_view how);
  void say_done(std::string_view how);
  [[nodiscard]] Result<void> forward(const std::string& node, const peer::Json& argument);
  void hold_rules();
  void weigh_doubts();
  void give_up_forwarding();
  void stop_forwarding();
  [[nodiscard]] bool is_asking() const noexcept;
  /// The address has gone, older connections have not.
  [[nodiscard]] bool is_waiting() const noexcept { return is_retaining() && has_let_go_; }
  [[nodiscard]] bool is_retaining() const noexcept { return retained_.has_begun(); }

  Ground ground_;
  VirtualRouter& router_;
  std::vector<IpAddress> addresses_;  // without link-local ones: nobody connects to those
  std::optional<MoveReport> report_;
  Instant asked_at_{};
  Instant let_go_at_{};
  Instant refresh_at_{};
  bool has_let_go_ = false;               // in the move that report_ tells of
  std::string lost_answer_;               // why none came, while another is waited for
  event::Timer asking_;                   // how long that may be
  std::optional<std::uint64_t> counted_;  // connections, at last
  system::RetainedAddress retained_;
  system::ConnectionCounter counter_;
  event::Timer look_;
  system::SecondChance second_chance_;
  std::string old_node_;
  peer::Json old_place_;         // its address and MAC, as it says them
  bool hears_old_node_ = false;  // it has said that it goes on, and the link has stood since
  bool is_in_doubt_ = false;     // doubt_ runs
  event::Timer doubt_;
  MoveCounts counts_;
  std::optional<std::uint64_t> cookies_before_;
  event::Timer hold_;
};

}  // namespace tandem::failover
