// Link: how the adverts of one virtual router and family leave and arrive on one interface, by
// multicast or to named peers. It knows nothing of what is in them beyond what its kernel filter
// looks at: failover/wire judges, the machine decides.
//
// Two receiving queues stand against floods. What has the form of an advert for us waits in one,
// the rest (another hop limit, version, VRID, length or source) in another that is small and read
// ten times a second: enough to count refusals by reason, too little to be in the way. Each queue
// has a budget of turns; while it is spent, the socket is not watched and wakes nobody.
#pragma once

#include "common/event/poller.h"
#include "common/file_descriptor.h"
#include "common/ip_address.h"
#include "common/result.h"
#include "failover/system/guard_plan.h"
#include "failover/system/link_budget.h"
#include "failover/system/link_filter.h"
#include "failover/system/link_socket.h"
#include "failover/wire/bytes.h"
#include "failover/wire/envelope.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace tandem::failover::system {

struct LinkSettings {
  std::string interface;
  bool is_v6 = false;
  std::uint8_t version = 3;
  std::uint8_t vrid = 1;
  std::vector<IpAddress> peers;          // of the link's family; empty: multicast
  std::optional<IpAddress> source;       // nullopt: the first that fits, see choose_source()
  std::vector<IpAddress> never_sources;  // the virtual addresses
};

/// All count from the beginning of the Link, through every reopen().
struct LinkCounters {
  std::uint64_t received = 0;        // given to on_packet
  std::uint64_t unreadable = 0;      // no whole IP packet, or longer than any advert
  std::uint64_t unread = 0;          // had the form of an advert, and the queue was full
  std::uint64_t unread_suspect = 0;  // had not, and the queue was full: refused without a reason
  std::uint64_t sent = 0;
  std::uint64_t send_failures = 0;
};

/// Owner: the daemon, one for each router. Thread: the poller's; the poller outlives it.
class Link {
 public:
  /// A flood in our form is read at kPacketsPerTurn packets for each kFormed.turn, 32,000 a second,
  /// after a first burst of turns. An advert waits for its turn 2 ms longer than it would alone.
  static constexpr int kPacketsPerTurn = 64;
  static constexpr TurnBudget::Terms kFormed{.turn = std::chrono::milliseconds(2), .burst = 32};
  static constexpr TurnBudget::Terms kSuspect{.turn = std::chrono::milliseconds(100), .burst = 4};
  /// Adverts of 255 IPv6 addresses and a seal fit; longer ones are counted as unreadable.
  static constexpr std::size_t kPacketBytesMax = 4352;

  /// The payload is what follows the IP header, valid during the call. Called for every packet that
  /// could be read, also our own that came back and those of strangers. It may call reopen() and
  /// close(), but must not destroy the Link.
  using OnPacket = std::move_only_function<void(const wire::Envelope&, wire::ByteView payload)>;

  /// Opens nothing.
  Link(event::Poller& poller, LinkSettings settings, OnPacket on_packet);
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  /// Opens the link, or opens it again: after the interface has come back (a new one of the same
  /// name has another index), or its addresses have changed. Packets that wait are lost.
  /// Error: words that name interface and address; the link is closed then, try again later.
  [[nodiscard]] Result<void> reopen();
  void close();
  [[nodiscard]] bool is_open() const noexcept { return static_cast<bool>(sender_); }

  /// Where adverts come from; only while open. With it the sender's address in the machine's tie.
  [[nodiscard]] const IpAddress& source() const noexcept { return place_.source; }
  /// Where each advert is to be sent: the group, or every peer. The checksum covers the
  /// destination, so that each has a payload of its own.
  [[nodiscard]] std::span<const IpAddress> destinations() const noexcept { return destinations_; }

  /// Error: words that name interface and destination; also when the link is closed. Never waits.
  [[nodiscard]] Result<void> send(const IpAddress& destination, wire::ByteView payload);
  /// The same packet for the guard to send; only while open. Tell the guard again after reopen().
  [[nodiscard]] Farewell farewell(const IpAddress& destination, wire::ByteView payload) const;

  [[nodiscard]] LinkCounters counters() const;

 private:
  class Queue;

  [[nodiscard]] Result<LinkPlace> find_place() const;
  [[nodiscard]] Result<void> open_queue(std::unique_ptr<Queue>& queue, TurnBudget::Terms terms,
                                        const Filter& filter, int buffer_bytes);
  void close_queue(std::unique_ptr<Queue>& queue, std::uint64_t& unread);

  event::Poller& poller_;
  LinkSettings settings_;
  OnPacket on_packet_;
  std::vector<IpAddress> destinations_;
  LinkPlace place_;
  FileDescriptor sender_;
  std::unique_ptr<Queue> formed_;
  std::unique_ptr<Queue> suspect_;
  LinkCounters counters_;
};

}  // namespace tandem::failover::system
