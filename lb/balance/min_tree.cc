#include "lb/balance/min_tree.h"

namespace tandem::lb::balance {

void MinTree::reset(std::size_t size) {
  keys_.assign(size, {kAbsent, 0});
  winners_.assign(2 * size, 0);
  for (std::size_t i = 0; i < size; ++i) winners_[size + i] = static_cast<ServerIndex>(i);
  play_all();
}

void MinTree::play_all() noexcept {
  for (std::size_t node = size(); node-- > 1;) winners_[node] = winner_of(node);
}

void MinTree::play(ServerIndex i) noexcept {
  for (std::size_t node = (size() + i) / 2; node >= 1; node /= 2) {
    const ServerIndex before = winners_[node];
    const ServerIndex now = winner_of(node);
    // A match that neither was nor is won by `i` changes nothing further up.
    if (now == before && now != i) return;
    winners_[node] = now;
  }
}

std::optional<ServerIndex> MinTree::min_except(std::span<const ServerIndex> excluded) noexcept {
  const std::optional<ServerIndex> best = min();
  if (excluded.empty() || !best) return best;
  const ServerIndex first = excluded.front();
  // Takes one aside, asks again without it, and puts it back.
  const Key kept = key(first);
  remove(first);
  const std::optional<ServerIndex> found = min_except(excluded.subspan(1));
  set(first, kept);
  return found;
}

}  // namespace tandem::lb::balance
