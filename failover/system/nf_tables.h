// What Gate and SecondChance share of nf_tables: commands run as one transaction, and sets of
// addresses that expire and are renewed. Commands go through libnftables, which reads every table
// of the machine first; renewals, several a second, are written by hand. Neither knows what the
// rules mean. Any thread; each call blocks as NetlinkSocket's do, run_nft() for milliseconds.
#pragma once

#include "common/ip_address.h"
#include "common/result.h"
#include "common/time.h"
#include "failover/system/netlink.h"

#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>

namespace tandem::failover::system {

/// Letters, digits and underscores, begins with a letter: nothing else gets into a command.
[[nodiscard]] bool is_table_name(std::string_view name) noexcept;

/// A socket that the kernel has answered to. Before run_nft(): libnftables ends the process where
/// it cannot open its own. Errors: EPERM (not allowed), anything else: no nf_tables here.
[[nodiscard]] std::expected<NetlinkSocket, KernelError> open_nf_tables();

/// Runs commands as one transaction. Error: what nft says, in one line.
[[nodiscard]] Result<void> run_nft(const std::string& commands);

[[nodiscard]] std::uint16_t nf_tables_type(int message) noexcept;
/// The header that every request has behind the netlink one.
void put_nf_family(MessageBuffer& buffer, std::uint8_t family, std::uint16_t resource = 0);

/// A set whose elements expire (`flags timeout`); it holds addresses of one family.
struct TimedSet {
  std::uint8_t family;  // NFPROTO_…, of the table
  std::string table;
  std::string name;
};

/// Requests that change sets together or not at all.
class SetBatch {
 public:
  /// `sequences_max`: two, and two for each put().
  SetBatch(NetlinkSocket& socket, std::uint32_t sequences_max);

  /// Empties the set, and fills it with those of `addresses` that are of the family, to live for
  /// `for_time`; empty it stays for 0. (To delete an element that has just expired would fail.)
  void put(const TimedSet& set, bool v6, std::span<const IpAddress> addresses,
           Milliseconds for_time);
  /// Nothing if there was no put(). Error ENOENT: no such table or set.
  [[nodiscard]] Answer commit();

 private:
  nlmsghdr* begin(int type, std::uint16_t flags, const TimedSet& set);

  NetlinkSocket& socket_;
  MessageBuffer buffer_;
  std::uint32_t first_;
  std::uint32_t next_;
  nlmsghdr* message_ = nullptr;
};

}  // namespace tandem::failover::system
