// SocketCensus: which TCP sockets of this node have one of some addresses as their own, by asking
// the kernel (sock_diag), which picks them out itself. Connections of IPv4 that a listener on [::]
// has accepted are among them. It closes none.
//
// The kernel walks its whole table of connections and writes a record for each that it finds: half
// a millisecond of processor time when there are none, 60 ms when there are 40,000. On a loop that
// must not be late: ConnectionCounter.
#pragma once

#include "common/ip_address.h"
#include "common/result.h"
#include "failover/system/netlink.h"

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

struct inet_diag_msg;

namespace tandem::failover::system {

/// The program that lets the kernel pick out sockets with one of `addresses` as their own
/// (INET_DIAG_REQ_BYTECODE). 1 to 255 addresses.
[[nodiscard]] std::vector<std::uint8_t> local_address_filter(std::span<const IpAddress> addresses);

/// Movable. Thread: one; calls block as NetlinkSocket's do.
class SocketCensus {
 public:
  /// Errors: this kernel has no sock_diag.
  [[nodiscard]] static Result<SocketCensus> open();

  /// Connections that would break if packets to the addresses were no longer taken in here: with
  /// something still to be sent or read, and half-open ones. Not those that only wait for their end
  /// (TIME_WAIT, and FIN_WAIT2 without an owner: the client has everything).
  [[nodiscard]] Result<std::uint64_t> connections(std::span<const IpAddress> addresses);

 private:
  using Take = std::function<void(const inet_diag_msg&)>;

  explicit SocketCensus(NetlinkSocket socket) noexcept : socket_(std::move(socket)) {}
  [[nodiscard]] Result<void> each(std::span<const IpAddress> addresses, std::uint32_t states,
                                  const Take& take);

  NetlinkSocket socket_;
};

}  // namespace tandem::failover::system
