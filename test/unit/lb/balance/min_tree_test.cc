#include "lb/balance/min_tree.h"

#include "common/random.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <map>
#include <vector>

namespace tandem::lb::balance {
namespace {

std::optional<ServerIndex> scan(const std::vector<MinTree::Key>& keys,
                                const std::vector<ServerIndex>& excluded) {
  std::optional<ServerIndex> best;
  for (ServerIndex i = 0; i < keys.size(); ++i) {
    if (keys[i].rank == MinTree::kAbsent || std::ranges::count(excluded, i) > 0) continue;
    if (!best ||
        std::pair(keys[i].rank, keys[i].order) < std::pair(keys[*best].rank, keys[*best].order))
      best = i;
  }
  return best;
}

TEST_CASE("the tree agrees with a scan through any sequence of changes") {
  for (const std::uint32_t size : {1U, 2U, 3U, 5U, 8U, 13U, 64U, 100U}) {
    MinTree tree;
    tree.reset(size);
    std::vector<MinTree::Key> keys(size, {MinTree::kAbsent, 0});
    Random random(size);
    REQUIRE_FALSE(tree.min());
    for (std::uint64_t n = 0; n < 2'000; ++n) {
      const ServerIndex i = random.below(size);
      keys[i] = {random.below(4) == 0 ? MinTree::kAbsent : random.below(20), n};
      tree.set(i, keys[i]);
      REQUIRE(tree.min() == scan(keys, {}));
      const std::vector<ServerIndex> excluded = {random.below(size), random.below(size)};
      REQUIRE(tree.min_except(excluded) == scan(keys, excluded));
      REQUIRE(tree.min() == scan(keys, {}));
    }
  }
}

TEST_CASE("an empty tree has no smallest") {
  MinTree tree;
  CHECK_FALSE(tree.min());
  tree.reset(0);
  CHECK_FALSE(tree.min());
  CHECK_FALSE(tree.min_except(std::vector<ServerIndex>{1}));
}

}  // namespace
}  // namespace tandem::lb::balance
