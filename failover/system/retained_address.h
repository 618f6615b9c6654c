// RetainedAddress: on the node that an address has moved away from, keeps it on `lo`, so that the
// connections it has there live on: packets that the other node hands over (second_chance.h) are
// taken in, and answers go to the clients directly. Nobody on the wire sees it: questions for an
// address on `lo` are not answered (arp_settings.h; IPv6 never does). system::Addresses looks at
// its own interface alone: it neither withdraws nor counts what is retained.
//
// The address has a lifetime there: a daemon that dies leaves it for that long, in which its
// successor may begin() again. Who wants it gone with the daemon adds it to the guard's plan.
// Programs of this node that connect to the address meet this node's listeners meanwhile.
#pragma once

#include "common/ip_address.h"
#include "common/result.h"
#include "failover/system/guard_plan.h"
#include "failover/system/netlink_route.h"

#include <chrono>
#include <vector>

namespace tandem::failover::system {

/// Thread: one; calls block as RouteSocket's do.
class RetainedAddress {
 public:
  /// In this time refresh() must come.
  static constexpr std::chrono::seconds kLifetime{5};

  /// `route` must outlive it. Touches nothing yet.
  RetainedAddress(RouteSocket& route, std::vector<IpAddress> addresses);

  /// Puts the addresses on `lo`, or begins the lifetime of those that are there anew. Before they
  /// are taken off their interface. Error: the kernel's refusal; none is left on `lo`.
  [[nodiscard]] Result<void> begin();
  /// Begins the lifetime anew, nothing before begin(). Error: the kernel's refusal; try again.
  [[nodiscard]] Result<void> refresh();
  /// Takes them off `lo`, also what an earlier process has left; none being there is no error. One
  /// that is there for ever is the operator's and stays. When this node gets the address back:
  /// after it is on its interface again.
  [[nodiscard]] Result<void> end();
  [[nodiscard]] bool has_begun() const noexcept { return has_begun_; }

  /// Adds their withdrawal. Nothing before begin().
  void add_to(GuardPlan& plan) const;

 private:
  [[nodiscard]] Result<void> put();
  /// Those that are not the operator's own on `lo`; finds `lo` as well.
  [[nodiscard]] Result<std::vector<IpAddress>> left_to_us();

  RouteSocket& route_;
  std::vector<IpAddress> addresses_;
  int loopback_ = 0;
  bool has_begun_ = false;
};

}  // namespace tandem::failover::system
