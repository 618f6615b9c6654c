// WeightedDraw: draws servers at random by weight in constant time (the alias method: a table of
// two-way choices, in whole numbers). Knows no loads. One worker, one thread; only rebuild()
// allocates.
#pragma once

#include "common/random.h"
#include "lb/balance/policy.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace tandem::lb::balance {

class WeightedDraw {
 public:
  /// Takes in the usable servers and their weights. O(n).
  void rebuild(const ServerView& view);

  [[nodiscard]] bool empty() const noexcept { return columns_.empty(); }
  /// Must not be empty.
  [[nodiscard]] ServerIndex draw(Random& random) const noexcept {
    const std::uint64_t bits = random.next();
    const auto at = static_cast<std::size_t>(((bits >> 32) * columns_.size()) >> 32);
    const Column& column = columns_[at];
    return static_cast<std::uint32_t>(bits) < column.threshold ? column.own : column.other;
  }

  /// Asks every usable server for `accept(i)`, from a random one on, and gives the first accepted
  /// one; `none` if there is none. O(n): the last resort of a policy whose draws all failed.
  template <class Accept>
  [[nodiscard]] std::optional<ServerIndex> search(Random& random, Accept accept) const {
    const std::size_t size = columns_.size();
    if (size == 0) return std::nullopt;
    const std::size_t start = random.below(static_cast<std::uint32_t>(size));
    for (std::size_t step = 0; step < size; ++step) {
      const ServerIndex i = columns_[(start + step) % size].own;
      if (accept(i)) return i;
    }
    return std::nullopt;
  }

 private:
  struct Column {
    std::uint32_t threshold = 0;  // of 2^32: below it `own`, else `other`
    ServerIndex own = 0;          // each usable server owns one column
    ServerIndex other = 0;
  };

  std::vector<Column> columns_;
  std::vector<std::uint64_t> left_;   // scratch of rebuild(): what a column still has to give
  std::vector<std::uint32_t> small_;  // scratch: columns below the mean
  std::vector<std::uint32_t> large_;  // scratch: the others
};

}  // namespace tandem::lb::balance
