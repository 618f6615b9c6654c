// TurnBudget: how often a link may be read. A token bucket of turns, not of packets: what costs is
// waking up, and a turn reads many packets at once. Pure: the caller brings the time. Any thread.
#pragma once

#include "common/time.h"

#include <algorithm>

namespace tandem::failover::system {

/// Value type.
class TurnBudget {
 public:
  struct Terms {
    Duration turn;  // one more turn is earned in this time
    int burst;      // at least 1: what a link that was quiet may spend at once
  };

  explicit constexpr TurnBudget(Terms terms) noexcept : terms_(terms) {}

  /// Spends one turn. False: there is none until wait() has passed.
  [[nodiscard]] constexpr bool take(Instant now) noexcept {
    // What is left is kept as the time from which on it was earned: one number, no rounding.
    earned_since_ = std::max(earned_since_, now - terms_.turn * terms_.burst);
    if (now - earned_since_ < terms_.turn) return false;
    earned_since_ += terms_.turn;
    return true;
  }

  /// How long until take() may succeed; zero: now.
  [[nodiscard]] constexpr Duration wait(Instant now) const noexcept {
    return std::max(Duration::zero(), earned_since_ + terms_.turn - now);
  }

 private:
  Terms terms_;
  Instant earned_since_{Duration::min() / 2};  // long ago, and far from overflow
};

}  // namespace tandem::failover::system
