#include "lb/balance/weighted_draw.h"

#include <algorithm>
#include <limits>

namespace tandem::lb::balance {

void WeightedDraw::rebuild(const ServerView& view) {
  columns_.clear();
  left_.clear();
  small_.clear();
  large_.clear();
  std::uint64_t total = 0;
  for (ServerIndex i = 0; i < view.size(); ++i) {
    if (!view[i].usable || view[i].weight == 0) continue;
    columns_.push_back({std::numeric_limits<std::uint32_t>::max(), i, i});
    left_.push_back(view[i].weight);
    total += view[i].weight;
  }
  // Each column holds `total` parts; a server of weight w has w * n of them to place.
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    left_[c] *= columns_.size();
    (left_[c] < total ? small_ : large_).push_back(static_cast<std::uint32_t>(c));
  }
  while (!small_.empty() && !large_.empty()) {
    const std::uint32_t poor = small_.back();
    const std::uint32_t rich = large_.back();
    small_.pop_back();
    const double share = static_cast<double>(left_[poor]) / static_cast<double>(total);
    columns_[poor].threshold = static_cast<std::uint32_t>(share * 4294967296.0);
    columns_[poor].other = columns_[rich].own;
    left_[rich] -= total - left_[poor];
    if (left_[rich] < total) {
      large_.pop_back();
      small_.push_back(rich);
    }
  }
}

}  // namespace tandem::lb::balance
