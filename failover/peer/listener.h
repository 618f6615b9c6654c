// PeerListener: where the nodes that dial arrive. One for each own address; it hands a connection
// to the link of the node it comes from, and closes those of strangers. Thread: the poller's.
#pragma once

#include "common/address.h"
#include "common/event/poller.h"
#include "common/ip_address.h"
#include "common/result.h"
#include "common/sparingly.h"

#include <cstdint>
#include <map>

namespace tandem::failover::peer {

class PeerLink;

/// Outlives the links it serves.
class PeerListener final : public event::Socket {
 public:
  /// Opens nothing yet: a node that only dials has no open port.
  PeerListener(event::Poller& poller, IpAddress own_address, std::uint16_t port);

  /// Connections from `address` are this link's from now on. The first call opens the port.
  /// Errors: why it cannot be opened; an address that is not there yet is none.
  [[nodiscard]] Result<void> serve(const IpAddress& address, PeerLink& link);
  void forget(const PeerLink& link) noexcept;

  /// Where it listens; port 0 has become the one that the kernel chose. After serve() only.
  [[nodiscard]] SocketAddress address() const;
  /// Connections from addresses that are no peer's.
  [[nodiscard]] std::uint64_t strangers() const noexcept { return strangers_; }

 private:
  void on_ready() override;
  [[nodiscard]] Result<void> open();
  void refuse(const IpAddress& stranger);

  IpAddress own_address_;
  std::uint16_t port_;
  std::map<IpAddress, PeerLink*> links_;
  std::uint64_t strangers_ = 0;
  Sparingly about_strangers_;
};

}  // namespace tandem::failover::peer
