// RouteSocket and RouteMonitor: links and addresses as the kernel has them (rtnetlink): asked for,
// changed, and watched. They know nothing of which addresses are ours: see addresses.h.
#pragma once

#include "common/event/poller.h"
#include "common/ip_address.h"
#include "failover/system/netlink.h"
#include "failover/wire/ethernet.h"

#include <chrono>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tandem::failover::system {

struct InterfaceState {
  int index = 0;
  std::string name;
  bool is_up = false;        // somebody wants it up (IFF_UP)
  bool has_carrier = false;  // it has a link and may send (IFF_LOWER_UP and IFF_RUNNING)
  wire::MacAddress mac{};    // zeros where it has none of six bytes
  std::uint32_t mtu = 0;

  friend bool operator==(const InterfaceState&, const InterfaceState&) = default;
};

struct InterfaceAddress {
  int link = 0;  // index
  IpPrefix prefix;
  std::uint32_t flags = 0;            // IFA_F_…
  std::uint32_t valid_seconds = ~0U;  // ~0: for ever

  friend bool operator==(const InterfaceAddress&, const InterfaceAddress&) = default;
};

/// How an address is to be put on a link.
struct AddressWish {
  int link = 0;
  IpPrefix prefix;
  std::optional<std::chrono::seconds> lifetime;  // none: for ever
  bool without_route = false;                    // the network of the prefix is reachable already
};

/// Decode RTM_NEWLINK/DELLINK and RTM_NEWADDR/DELADDR. nullopt: something else (a port of a bridge,
/// another address family) or not whole.
[[nodiscard]] std::optional<InterfaceState> decode_link(const nlmsghdr& message);
[[nodiscard]] std::optional<InterfaceAddress> decode_address(const nlmsghdr& message);

/// Move-only. Thread: one; each call blocks as NetlinkSocket's do.
class RouteSocket {
 public:
  [[nodiscard]] static Result<RouteSocket> open();

  /// Error ENODEV: no link of that name (alternative names do not count).
  [[nodiscard]] std::expected<InterfaceState, KernelError> link(const std::string& name);
  /// Every address of both families on the link of that index.
  [[nodiscard]] std::expected<std::vector<InterfaceAddress>, KernelError> addresses(int link);
  /// Adds the address, or gives the one that is there a new lifetime. IPv6 without duplicate
  /// address detection (it would keep the address mute for a second) and never preferred as a
  /// source.
  [[nodiscard]] Answer put_address(const AddressWish& wish);
  /// Error EADDRNOTAVAIL: it is not there.
  [[nodiscard]] Answer remove_address(int link, const IpPrefix& prefix);

 private:
  explicit RouteSocket(NetlinkSocket socket) noexcept : socket_(std::move(socket)) {}

  NetlinkSocket socket_;
};

/// Told by a RouteMonitor. What has changed may have changed again since: a reason to look, no
/// more. Thread: the monitor's.
class RouteListener {
 public:
  RouteListener() = default;
  RouteListener(const RouteListener&) = delete;
  RouteListener& operator=(const RouteListener&) = delete;

  virtual void on_link(const InterfaceState& link, bool is_gone) = 0;
  virtual void on_address(const InterfaceAddress& address, bool is_gone) = 0;
  /// Messages were lost: read everything anew.
  virtual void on_lost_track() = 0;

 protected:
  ~RouteListener() = default;
};

/// Hears of every change of links and addresses in this network namespace. One for the daemon; must
/// outlive its listeners. Thread: the poller's.
class RouteMonitor final : private event::Socket {
 public:
  /// `receive_bytes`: what the kernel may queue before it drops.
  [[nodiscard]] static Result<std::unique_ptr<RouteMonitor>> open(event::Poller& poller,
                                                                  int receive_bytes = 1 << 20);
  explicit RouteMonitor(event::Poller& poller) : Socket(poller) {}

  /// Told in the order of joining, until it leaves. Not while being told.
  void join(RouteListener& listener) { listeners_.push_back(&listener); }
  void leave(RouteListener& listener) noexcept { std::erase(listeners_, &listener); }

  /// How often the kernel had to drop messages.
  [[nodiscard]] std::uint64_t losses() const noexcept { return losses_; }

 private:
  void on_ready() override;
  void dispatch(std::size_t bytes);
  void tell(const nlmsghdr& message);

  std::vector<RouteListener*> listeners_;
  std::vector<char> received_;
  std::uint64_t losses_ = 0;
};

}  // namespace tandem::failover::system
