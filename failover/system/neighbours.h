// Neighbours: the kernel's table of who is where on a link (ARP, IPv6 neighbour discovery), asked
// by rtnetlink. It sends nothing itself: the kernel asks when it is told to. It does not watch.
#pragma once

#include "common/ip_address.h"
#include "common/result.h"
#include "failover/system/netlink.h"
#include "failover/wire/ethernet.h"

#include <optional>

namespace tandem::failover::system {

/// Movable. Thread: one; calls block as NetlinkSocket's do, never for a neighbour's answer.
class Neighbours {
 public:
  [[nodiscard]] static Result<Neighbours> open();

  /// Has the kernel find out where `address` is on the link of that index, or whether it still is
  /// there if what it knows is old. The answer is in the table after a round trip: see mac().
  [[nodiscard]] Result<void> ask(int link, const IpAddress& address);
  /// nullopt: not known, or not there.
  [[nodiscard]] Result<std::optional<wire::MacAddress>> mac(int link, const IpAddress& address);

 private:
  explicit Neighbours(NetlinkSocket socket) noexcept : socket_(std::move(socket)) {}

  NetlinkSocket socket_;
};

}  // namespace tandem::failover::system
