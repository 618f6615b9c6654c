// SecondChance: on the node that an address has moved to, hands the packets of older connections
// back to the node that has them. An nf_tables table of its own, hooked in before routing, sends
// every TCP packet for the addresses that is no SYN and belongs to no connection of this node to
// the other node, and drops it here; errors about connections (ICMP, so that path MTU discovery
// goes on) are sent there as well and kept here too. The other node keeps the addresses on `lo`
// (retained_address.h), takes the packets in, and answers the clients directly.
//
// Whether this node has a connection, the kernel is asked for each packet, so that nothing is
// remembered and nothing can be out of date. It makes no difference where listeners are bound to,
// or whether there are any. `tproxy` is what asks: it looks for the connection first and, only if
// there is none, for a listener that the rule names. That one is ours, at an address that is
// nobody's; it never gets to see a packet.
//
// What must hold, or connections break as without it:
// * Both nodes are on one Ethernet, and the packets come over Ethernet. Those that come from the
//   other node's MAC are never handed over, so that both may have a table; and each is handed over
//   with a TTL less by one, so that nothing circles for ever.
// * The addresses are in no VRF: connections would be looked for outside of it.
// * arp_ignore 1 and arp_announce 2 on the other node (arp_settings.h).
// * No address translation of the addresses. Conntrack is not needed, and sees none of the packets.
// * This node sends no SYN cookies meanwhile: the end of a handshake with one looks like an older
//   connection. cookies_sent() rises where that happens.
// Not handed over: UDP, fragments.
#pragma once

#include "common/file_descriptor.h"
#include "common/ip_address.h"
#include "common/result.h"
#include "common/time.h"
#include "failover/system/netlink.h"
#include "failover/wire/ethernet.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tandem::failover::system {

/// Movable. Destroying it leaves the table, which hands nothing over any more. Thread: one. Calls
/// block as NetlinkSocket's do; begin() and end() for milliseconds.
class SecondChance {
 public:
  struct Settings {
    std::string table;                 // see table_name()
    std::vector<IpAddress> addresses;  // of one family
  };
  /// Where the packets go.
  struct OldNode {
    IpAddress address;  // its own on that interface, never a virtual one; IPv6: link-local will do
    wire::MacAddress mac{};
    std::string interface;  // this node's towards it
  };
  struct HandedOver {
    std::uint64_t packets = 0;
    std::uint64_t errors = 0;  // ICMP
  };
  /// How long begin() and hold() are good for unless told: several calls must fit.
  static constexpr Milliseconds kHold{3'000};

  explicit SecondChance(Settings settings);

  /// Whether this kernel can do it; tries the rules where no packet meets them. Error: "a planned
  /// move will break connections: " and why.
  [[nodiscard]] static Result<void> probe();
  /// The table of one virtual router: "tandem_51_v4_second".
  [[nodiscard]] static std::string table_name(std::uint8_t vrid, bool is_v6);
  /// Takes away whatever tables of table_name() an earlier process has left, of any router.
  /// @return how many.
  [[nodiscard]] static Result<unsigned> sweep();

  /// Puts the table up, in the place of one that is there, in one transaction. Before the address
  /// is put on this node. Errors: the reasons of probe(); no such interface; not of one family.
  [[nodiscard]] Result<void> begin(const OldNode& old_node, Milliseconds hold_for = kHold);
  /// Goes on for so long from now. A table that somebody has removed (a firewall that loads its
  /// rules anew) is put up again, its counts from 0. Error: it has not begun; the kernel's refusal.
  [[nodiscard]] Result<void> hold(Milliseconds for_time = kHold);
  /// Takes the table away: from now on the clients of older connections get a RST. Nothing if there
  /// is none.
  [[nodiscard]] Result<void> end();

  [[nodiscard]] bool has_begun() const noexcept { return old_node_.has_value(); }
  /// Since begin(). Error: there is no table.
  [[nodiscard]] Result<HandedOver> handed_over();

 private:
  [[nodiscard]] bool is_v6() const noexcept;
  [[nodiscard]] Result<void> connect();
  [[nodiscard]] Result<void> listen();
  [[nodiscard]] Result<std::uint64_t> read_counter(const std::string& name);
  [[nodiscard]] std::string rules(Milliseconds hold_for) const;

  Settings settings_;
  std::optional<OldNode> old_node_;
  std::optional<NetlinkSocket> socket_;
  FileDescriptor listener_;  // what the rule finds where there is no connection
  std::uint16_t port_ = 0;   // its
};

/// SYN cookies that this node has sent since its start, over all listeners (TcpExt SyncookiesSent);
/// nullopt: the kernel does not say.
[[nodiscard]] std::optional<std::uint64_t> cookies_sent();

}  // namespace tandem::failover::system
