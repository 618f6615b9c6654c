// MinTree: which of n servers has the smallest key, as a tournament in which each server plays up a
// binary tree. One change costs at most log2(n) comparisons, the smallest is read off the root.
// Chosen over a heap with positions: no swaps, half the memory touched, and a leaf may simply be
// absent. Owned by one policy, used on its thread; allocates in reset() only.
#pragma once

#include "lb/balance/policy.h"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace tandem::lb::balance {

class MinTree {
 public:
  /// Smaller rank wins; among equals, smaller order.
  struct Key {
    std::uint64_t rank = 0;
    std::uint64_t order = 0;
  };
  /// The rank of a server that must not win. No present one may have it.
  static constexpr std::uint64_t kAbsent = std::numeric_limits<std::uint64_t>::max();

  /// Room for `size` servers, all absent.
  void reset(std::size_t size);
  /// Plays every match anew: O(n), after put() for many.
  void play_all() noexcept;

  /// Sets a key without playing; play_all() must follow before anything is read.
  void put(ServerIndex i, Key key) noexcept { keys_[i] = key; }
  void set(ServerIndex i, Key key) noexcept {
    keys_[i] = key;
    play(i);
  }
  void remove(ServerIndex i) noexcept { set(i, {kAbsent, 0}); }

  [[nodiscard]] Key key(ServerIndex i) const noexcept { return keys_[i]; }
  [[nodiscard]] bool has(ServerIndex i) const noexcept { return keys_[i].rank != kAbsent; }
  [[nodiscard]] std::size_t size() const noexcept { return keys_.size(); }

  /// The smallest that is present.
  [[nodiscard]] std::optional<ServerIndex> min() const noexcept {
    if (keys_.empty() || !has(winners_[1])) return std::nullopt;
    return winners_[1];
  }

  /// The smallest that is present and not in `excluded` (a few; each costs two changes).
  [[nodiscard]] std::optional<ServerIndex> min_except(
      std::span<const ServerIndex> excluded) noexcept;

 private:
  [[nodiscard]] ServerIndex winner_of(std::size_t node) const noexcept {
    const ServerIndex a = winners_[2 * node];
    const ServerIndex b = winners_[2 * node + 1];
    const Key& x = keys_[a];
    const Key& y = keys_[b];
    return y.rank < x.rank || (y.rank == x.rank && y.order < x.order) ? b : a;
  }
  void play(ServerIndex i) noexcept;

  std::vector<Key> keys_;             // by server
  std::vector<ServerIndex> winners_;  // 1: root, node's children at 2n and 2n+1, leaves from size()
};

}  // namespace tandem::lb::balance
