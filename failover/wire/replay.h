// ReplayWindow: what was heard last from whom, so that a recorded advert is worth nothing. Knows
// sequence numbers, not messages; must only be asked about ones that are proven to be genuine, or
// forgers could push real senders out. Owned by the thread that reads the adverts.
#pragma once

#include "common/ip_address.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace tandem::failover::wire {

/// Handed in by the caller; what clocks of two nodes agree upon is UTC.
using WallTime = std::chrono::system_clock::time_point;

/// A moment as the first 48 bits of a sequence number: seconds since 1970 (32 bits, their overflow
/// is harmless) and 1/65536 seconds; the last 16 bits are zero and count within such a moment.
[[nodiscard]] std::uint64_t sequence_at(WallTime now) noexcept;

/// Serial number arithmetic of RFC 1982.
[[nodiscard]] constexpr bool is_after(std::uint64_t a, std::uint64_t b) noexcept {
  return static_cast<std::int64_t>(a - b) > 0;
}

/// Whole seconds by which `a` is ahead of `b`; negative when it is behind.
[[nodiscard]] constexpr std::int32_t seconds_ahead(std::uint64_t a, std::uint64_t b) noexcept {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(a >> 32) -
                                   static_cast<std::uint32_t>(b >> 32));
}

class ReplayWindow {
 public:
  /// Senders of one virtual router that are remembered; beyond that the one not heard for longest
  /// is forgotten. As many as a configuration may have nodes.
  static constexpr std::size_t kSendersMax = 16;

  struct Mark {
    IpAddress sender;
    std::uint64_t sequence;
  };

  /// `width`: by how much a sender's clock may differ from ours. Zero: by anything, only the order
  /// counts; then a receiver that was restarted can be told the past until it has heard the sender
  /// anew, but clocks that drift apart cannot make each node deaf to the other.
  /// `marks`: what another window had in its place before.
  explicit ReplayWindow(std::chrono::seconds width, std::vector<Mark> marks = {}) noexcept
      : width_(width), marks_(std::move(marks)) {}

  /// Whether the sequence number lies near enough to `now`.
  [[nodiscard]] bool is_fresh(std::uint64_t sequence, WallTime now) const noexcept;

  /// Whether the sequence number is beyond all that was admitted from this sender; remembers it if
  /// so. A mark that is itself no longer fresh is forgotten: the sender's clock was put right.
  [[nodiscard]] bool admit(const IpAddress& sender, std::uint64_t sequence, WallTime now);

  /// What was heard last from whom, last heard first; at most kSendersMax.
  [[nodiscard]] const std::vector<Mark>& marks() const noexcept { return marks_; }

 private:
  std::chrono::seconds width_;
  std::vector<Mark> marks_;
};

}  // namespace tandem::failover::wire
