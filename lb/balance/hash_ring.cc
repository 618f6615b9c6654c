#include "lb/balance/hash_ring.h"

#include "common/random.h"
#include "lb/balance/slowstart.h"

#include <algorithm>
#include <array>
#include <bit>
#include <functional>
#include <numeric>
#include <tuple>

namespace tandem::lb::balance {
namespace {

std::uint32_t place_of(std::uint64_t identity, std::uint32_t replica) noexcept {
  const std::array<std::uint64_t, 2> name = {identity, replica};
  return static_cast<std::uint32_t>(hash_bytes(name.data(), sizeof name) >> 32);
}

}  // namespace

std::uint32_t HashRing::points_of(std::uint32_t weight) const noexcept {
  if (weight == 0) return 0;
  const std::uint64_t points = std::uint64_t{weight} * (kPointsPerUnit / kWeightScale);
  return static_cast<std::uint32_t>(std::max(points >> halvings_, std::uint64_t{1}));
}

bool HashRing::outgrown(const ServerView& view) const noexcept {
  if (prepared_.size() != view.size()) return true;
  for (ServerIndex i = 0; i < view.size(); ++i)
    if (view[i].weight > prepared_[i]) return true;
  return false;
}

void HashRing::prepare(const ServerView& view) {
  prepared_.resize(view.size(), 0);
  for (ServerIndex i = 0; i < view.size(); ++i) {
    if (view[i].weight <= prepared_[i]) continue;
    // Some room to grow, so that a slow start does not come here at every step.
    prepared_[i] = std::bit_ceil(std::max(view[i].weight, kWeightScale));
  }
  const auto total = [&] {
    return std::transform_reduce(prepared_.begin(), prepared_.end(), std::uint64_t{0},
                                 std::plus<>{},
                                 [&](std::uint32_t w) { return std::uint64_t{points_of(w)}; });
  };
  // One point each is the least there can be, so the second condition ends a hopeless case.
  while (total() > kPointsMax && total() > prepared_.size()) ++halvings_;

  all_.clear();
  all_.reserve(total());
  for (ServerIndex i = 0; i < view.size(); ++i)
    for (std::uint32_t r = 0; r < points_of(prepared_[i]); ++r)
      all_.push_back({place_of(view[i].identity, r), i, r});
  // By identity where two points meet: the order of the file must not decide.
  std::ranges::sort(all_, {}, [&](const Point& p) {
    return std::tuple(p.place, view[p.server].identity, p.replica);
  });
}

void HashRing::rebuild(const ServerView& view) {
  if (outgrown(view)) prepare(view);
  wanted_.resize(view.size());
  for (ServerIndex i = 0; i < view.size(); ++i)
    wanted_[i] = view[i].usable ? points_of(view[i].weight) : 0;
  active_.clear();
  active_.reserve(all_.size());
  for (const Point& point : all_)
    if (point.replica < wanted_[point.server])
      active_.push_back(std::uint64_t{point.place} << 32 | point.server);
}

std::size_t HashRing::find(std::uint64_t key) const noexcept {
  // Mixed once more: a ring must not trust that every caller's key is evenly spread.
  const std::uint64_t place = Random(key).next() & ~std::uint64_t{0xffffffff};
  const std::uint64_t* base = active_.data();
  // A binary search without a branch to guess wrong.
  for (std::size_t size = active_.size(); size > 1;) {
    const std::size_t half = size / 2;
    base += base[half - 1] < place ? half : 0;
    size -= half;
  }
  const auto position = static_cast<std::size_t>(base - active_.data()) + (*base < place ? 1 : 0);
  return position == active_.size() ? 0 : position;
}

}  // namespace tandem::lb::balance
