// Gate: the finer lease on the addresses of one router. An nf_tables table of its own, hooked in
// where frames enter the interface, keeps every question for the addresses (ARP, IPv6 neighbour
// discovery) and every packet to them from this node, unless they were held open less than so many
// milliseconds ago. A node whose daemon is dead or frozen falls silent by itself, long before the
// whole seconds of an address's lifetime are over.
//
// It hears, it does not speak: what this node sends of its own accord is not stopped. arp_announce
// of 2 keeps the kernel from naming the addresses in its own questions. Other interfaces of the
// node are not gated either.
//
// The kernel measures in ticks (4 ms at 250 Hz): the gate closes up to two ticks late, never early.
#pragma once

#include "common/ip_address.h"
#include "common/result.h"
#include "common/time.h"
#include "failover/system/netlink.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tandem::failover::system {

/// Movable. Destroying it leaves the table where it is, since a gate must outlive its daemon: see
/// remove(). Thread: one. Calls block as NetlinkSocket's do; set_up() and remove() for
/// milliseconds.
class Gate {
 public:
  struct Settings {
    std::string table;      // letters, digits and underscores, begins with a letter; ours alone
    std::string interface;  // must be there when the gate is set up
    std::vector<IpAddress> addresses;
  };
  /// What is let in.
  enum class Open : std::uint8_t {
    kFully,       // questions and packets: this node has the addresses
    kForPackets,  // packets alone: they are handed over by the node that has them now
  };
  struct Counts {
    std::uint64_t refreshes = 0;
    std::uint64_t failures = 0;
    std::uint64_t rebuilt = 0;  // somebody had taken the table away
  };

  explicit Gate(Settings settings);

  /// Puts the table up, in the place of one that is there, in one transaction; open for `hold_for`
  /// from now on, closed if that is 0. To be called again when the interface has come back, since
  /// the kernel unhooks what goes away.
  /// Errors: no nf_tables in this kernel, not allowed (is_supported() says which it is); no such
  /// interface.
  [[nodiscard]] Result<void> set_up(Milliseconds hold_for);
  /// Opens it for so long from now on; 0 closes it at once. One transaction: a packet meets the old
  /// time or the new one, never a closed gate between them. A table that somebody has removed (a
  /// firewall that loads its rules anew) is put up again.
  [[nodiscard]] Result<void> hold(Milliseconds for_time, Open open = Open::kFully);
  /// Takes the table away: packets come in as if there never had been one. Nothing if there is
  /// none.
  [[nodiscard]] Result<void> remove();

  /// False once the kernel was seen to have no nf_tables: the log has said so, and the lifetime of
  /// the addresses must do.
  [[nodiscard]] bool is_supported() const noexcept { return is_supported_; }
  [[nodiscard]] bool is_up() const noexcept { return is_up_; }
  [[nodiscard]] const Counts& counts() const noexcept { return counts_; }

 private:
  [[nodiscard]] Result<void> probe();
  [[nodiscard]] Answer refresh(Milliseconds for_time, Open open);
  [[nodiscard]] bool has_family(bool v6) const noexcept;
  [[nodiscard]] std::string rules(Milliseconds hold_for) const;

  Settings settings_;
  std::optional<NetlinkSocket> socket_;
  Counts counts_;
  bool is_supported_ = true;
  bool is_up_ = false;
};

}  // namespace tandem::failover::system
