// What one seed decides before anything happens: nodes, priorities, intervals, how good the network
// is and how slow the machines are. Times of the oracles are computed here, from the plan alone and
// never by the machine under test.
#pragma once

#include "common/random.h"
#include "failover/machine/machine.h"

#include <array>
#include <cstdint>

namespace tandem::failover::machine {

inline constexpr std::uint32_t kNodesMost = 3;

/// Uniform in [least, most].
[[nodiscard]] Duration draw(Random& random, Duration least, Duration most);

struct Plan {
  std::uint32_t nodes = 2;
  std::array<Config, kNodesMost> configs;
  std::array<std::uint8_t, kNodesMost> priorities{};
  bool has_link = false;            // the peer link, between two nodes
  bool says_every_release = false;  // PeerLetGo after every Release, not only when resigning
  Duration delay_most{};            // of a message while the network is well
  Duration slow_most{};             // of taking an address or letting it go
  Duration jitter_most{};           // by which a timer is late while nothing is wrong

  [[nodiscard]] static Plan of_seed(Random& random);

  [[nodiscard]] bool preempts() const noexcept { return configs[0].preempt; }
  [[nodiscard]] Duration interval(std::uint32_t node) const noexcept {
    return configs[node].advert_interval;
  }
  [[nodiscard]] Duration longest_interval() const noexcept;
  /// RFC 9568 section 6.1, RFC 3768 section 6.2: of a backup that follows `active`.
  [[nodiscard]] Duration skew(std::uint32_t active, std::uint8_t right) const noexcept;
  [[nodiscard]] Duration down(std::uint32_t active, std::uint8_t right) const noexcept;
  /// No backup waits longer in silence, whomever it followed and whatever its right.
  [[nodiscard]] Duration down_most() const noexcept;
  /// How long a PeerHolds is believed after it was read.
  [[nodiscard]] Duration holds_for(std::uint32_t sender) const noexcept;
  /// What late timers, the looks before silence is believed and a slow action may add to any bound.
  [[nodiscard]] Duration slack() const noexcept;
  /// Long enough for any history to end in one active node, the right one.
  [[nodiscard]] Duration settling() const noexcept;
};

}  // namespace tandem::failover::machine
