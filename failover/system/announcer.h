// Announcer: tells the neighbours on an interface that the addresses of one router live here, by
// gratuitous ARP and unsolicited neighbour advertisement. When is decided by AnnouncePlan, which is
// pure; what the frames look like by failover/wire. It does not know whether this node may.
#pragma once

#include "common/event/timer.h"
#include "common/file_descriptor.h"
#include "common/ip_address.h"
#include "failover/system/interface.h"
#include "failover/system/link_budget.h"

#include <cstdint>
#include <string>
#include <vector>

namespace tandem::failover::system {

struct AnnounceSettings {
  int burst = 5;                                // rounds in a burst, at least 1
  Duration burst_span = Milliseconds(100);      // from the first round of a burst to the last
  Duration second_burst = Milliseconds(5'000);  // after the beginning of the first; 0: none
  Duration refresh = Milliseconds(60'000);      // between single rounds afterwards; 0: none
  /// A round that is late by more is put off by as much: whoever overslept may have lost the
  /// addresses, and must not take the neighbours along before it has found out.
  Duration late_max = Milliseconds(250);
};

/// When to send rounds of announcements: a burst whose rounds lie ever further apart, so that one
/// lost frame costs little and a busy switch is not hit five times in a row; a second burst for
/// neighbours that were away; single rounds as long as the addresses are held. Value type, pure.
class AnnouncePlan {
 public:
  explicit AnnouncePlan(const AnnounceSettings& settings) noexcept;

  /// Begins anew. Bounded: some bursts at once, then one a second; one too many waits its turn.
  void start(Instant now) noexcept;
  void stop() noexcept { next_ = Instant::max(); }
  /// When the next round is due; Instant::max(): never.
  [[nodiscard]] Instant next() const noexcept { return next_; }
  /// To be called when next() has come. True: send a round now; either way there is a new next().
  [[nodiscard]] bool take_round(Instant now) noexcept;

 private:
  [[nodiscard]] Duration offset(int round) const noexcept;

  AnnounceSettings settings_;
  TurnBudget bursts_;
  Instant begun_at_{};  // of the burst that is under way
  Instant next_ = Instant::max();
  int round_ = 0;  // rounds of this burst that have been sent
  bool is_second_ = false;
};

/// Thread: the loop's.
class Announcer {
 public:
  struct Counts {
    std::uint64_t arp_sent = 0;
    std::uint64_t neighbour_sent = 0;
    std::uint64_t failures = 0;  // frames that the kernel did not take
  };

  /// `interface` must outlive it.
  Announcer(event::Loop& loop, const Interface& interface, std::vector<IpAddress> addresses,
            const AnnounceSettings& settings = {});

  /// Opens the packet socket. Errors: not allowed (CAP_NET_RAW), no descriptors.
  [[nodiscard]] Result<void> open();
  /// The addresses are here: a first round in this call, the others follow. Again at any time, such
  /// as when two nodes have met or the link came back. Needs open(); without an interface that is
  /// up nothing is sent, and the rounds go on.
  void announce();
  /// No further round.
  void stop() noexcept;

  [[nodiscard]] bool is_active() const noexcept { return plan_.next() != Instant::max(); }
  [[nodiscard]] const Counts& counts() const noexcept { return counts_; }

 private:
  void on_time();
  void arm();
  void send_round();
  [[nodiscard]] bool send_frame(const std::vector<std::uint8_t>& frame, int interface_index);
  [[nodiscard]] bool is_router() const;

  const Interface& interface_;
  std::vector<IpAddress> addresses_;
  AnnouncePlan plan_;
  FileDescriptor socket_;
  bool has_failed_ = false;  // said once, until a frame gets through
  Counts counts_;
  event::Timer timer_;
};

}  // namespace tandem::failover::system
