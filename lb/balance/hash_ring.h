// HashRing: places each server at many points of a circle of 2^32, as many as its weight says; a
// key belongs to the first point after its own. Where the points of a server lie follows from its
// name alone, so a server that leaves or loses weight moves its own keys and no others, and the
// order of servers in the file does not matter. Knows no loads. One worker, one thread.
//
// Bound: kPointsMax points of 20 bytes, 10 MiB, whatever the number of servers and their weights.
#pragma once

#include "lb/balance/policy.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace tandem::lb::balance {

class HashRing {
 public:
  /// Points of one configured unit of weight (1/16 of it for the smallest step of a slow start):
  /// with 128, shares of equal servers differ by about 9 % (one standard deviation).
  static constexpr std::uint32_t kPointsPerUnit = 128;
  /// More points than this are halved until they fit (over 4,096 servers of weight 1). Each
  /// halving keeps every second point's server where it is and makes shares coarser by 1.4.
  static constexpr std::size_t kPointsMax = std::size_t{1} << 19;

  /// Takes in eligibility and weights. O(points) when servers come, go or lose weight;
  /// O(points log points) the first time and when a weight outgrows what was prepared.
  void rebuild(const ServerView& view);

  [[nodiscard]] bool empty() const noexcept { return active_.empty(); }
  [[nodiscard]] std::size_t points() const noexcept { return active_.size(); }

  /// Position of the point that `key` belongs to. Not for an empty ring.
  [[nodiscard]] std::size_t find(std::uint64_t key) const noexcept;
  [[nodiscard]] std::size_t next(std::size_t position) const noexcept {
    return position + 1 == active_.size() ? 0 : position + 1;
  }
  [[nodiscard]] ServerIndex server(std::size_t position) const noexcept {
    return static_cast<ServerIndex>(active_[position]);
  }

 private:
  struct Point {
    std::uint32_t place;
    ServerIndex server;
    std::uint32_t replica;
  };

  [[nodiscard]] std::uint32_t points_of(std::uint32_t weight) const noexcept;
  [[nodiscard]] bool outgrown(const ServerView& view) const noexcept;
  void prepare(const ServerView& view);

  std::vector<Point> all_;               // of every server, usable or not, in order of place
  std::vector<std::uint32_t> prepared_;  // by server: the weight that all_ has points for
  std::vector<std::uint32_t> wanted_;    // by server: points to use now
  std::vector<std::uint64_t> active_;    // place in the upper half, server in the lower
  int halvings_ = 0;
};

}  // namespace tandem::lb::balance
