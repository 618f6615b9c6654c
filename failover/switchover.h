// Switchover: moves of addresses that operators want, or a node that stops: which node may have
// what, asked for on either node, and the second chance of older connections, for all virtual
// routers of this node. One router's move is a PlannedMove. Thread: the loop's.
#pragma once

#include "common/pulse.h"
#include "common/result.h"
#include "failover/peers.h"
#include "failover/planned_move.h"
#include "failover/system/arp_settings.h"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::failover {

class Switchover {
 public:
  /// Everything outlives it.
  struct Ground {
    event::Loop& loop;
    const config::Settings& settings;
    system::RouteSocket& route;
    const system::Interface& interface;
    EventLog& events;
    Peers& peers;
    std::function<void()> on_plan_change;  // of the guard
    /// A move is over, well or not; is_idle() says whether it was the last.
    std::function<void()> on_over;
    /// False: it was not sent; feed_data_plane() is to be called when there is room.
    std::function<bool(const pulse::Leaving&)> to_data_plane;
  };

  explicit Switchover(Ground ground);

  void add(VirtualRouter& router);
  /// After every add(): takes away what an earlier process has left, and makes this node ready to
  /// give and to take.
  void prepare();

  /// Moves what this node has of the router (empty: of all) to the other node: that one takes it
  /// first, then this one lets go. Begins only: moves() and the events tell how it ends. Errors:
  /// why the other node cannot have it.
  /// `why` is for the events.
  [[nodiscard]] Result<void> give(const std::string& router, std::string_view why);
  /// Asks the other node to move the router (empty: all) here; its answer is an event. Errors:
  /// there is nobody to ask, or this node is not fit.
  [[nodiscard]] Result<void> take(const std::string& router);
  /// What another node asks of this one.
  [[nodiscard]] peer::Outcome answer(const std::string& node, const peer::Request& request);

  /// Nothing that was given is still on its way, or has connections here.
  [[nodiscard]] bool is_idle() const noexcept;

  void on_role_change();
  void on_link_up(const std::string& node);
  void on_link_down(const std::string& node, const peer::PeerLink::Down& down);
  /// tandem-lb has connected or has room again.
  void feed_data_plane(bool is_new);
  /// This node stops: ends everything, and leaves the interface as it was.
  void abandon();
  void add_to(system::GuardPlan& plan) const;

  /// By router, in the order of add().
  [[nodiscard]] const std::vector<std::unique_ptr<PlannedMove>>& moves() const noexcept {
    return moves_;
  }
  /// Why a move to this node breaks older connections; empty: it need not.
  [[nodiscard]] const std::string& trouble() const noexcept { return trouble_; }

 private:
  [[nodiscard]] Result<void> give_one(PlannedMove& move, std::string_view why);
  [[nodiscard]] PlannedMove* find(const std::string& router);
  void tell_leaving();

  Ground ground_;
  std::vector<std::unique_ptr<PlannedMove>> moves_;
  system::ArpSettings arp_settings_;
  std::string trouble_;
  bool leaving_is_told_ = true;
};

}  // namespace tandem::failover
