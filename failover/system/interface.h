// Interface: one network interface by name, as it is now: there or not, up, with a carrier. It
// follows the name, so one that goes away and comes back (another index, another MAC) is the same
// Interface. It changes nothing. Thread: the monitor's.
#pragma once

#include "failover/system/netlink_route.h"

#include <functional>
#include <optional>
#include <string>

namespace tandem::failover::system {

class Interface final : private RouteListener {
 public:
  /// Called after every change, with what was there before and what is there now; nullopt: none.
  /// Must not destroy the Interface.
  using OnChange = std::function<void(const std::optional<InterfaceState>& before)>;

  /// Looks the name up at once. Make it before what depends on it (Addresses, Announcer): the
  /// monitor tells in that order. `monitor` and `route` must outlive it.
  Interface(RouteMonitor& monitor, RouteSocket& route, std::string name);
  ~Interface();

  void set_on_change(OnChange callback) { on_change_ = std::move(callback); }

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  /// nullopt: no interface of that name.
  [[nodiscard]] const std::optional<InterfaceState>& link() const noexcept { return link_; }
  /// It is there, up, and has a carrier.
  [[nodiscard]] bool is_usable() const noexcept;
  /// "eth0 is up", "eth0 is down", "eth0 has no carrier", "there is no interface eth0".
  [[nodiscard]] std::string words() const;

 private:
  void on_link(const InterfaceState& link, bool is_gone) override;
  void on_address(const InterfaceAddress&, bool) override {}
  void on_lost_track() override;
  void look_up();
  void become(std::optional<InterfaceState> link);

  RouteMonitor& monitor_;
  RouteSocket& route_;
  std::string name_;
  std::optional<InterfaceState> link_;
  OnChange on_change_;
};

}  // namespace tandem::failover::system
