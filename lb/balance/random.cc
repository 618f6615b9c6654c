// random(N): draws N servers by weight and takes the one with the lowest load over weight. Two
// draws already avoid the worst; nothing needs to be told about loads.
#include "lb/balance/policies.h"
#include "lb/balance/weighted_draw.h"

#include <algorithm>

namespace tandem::lb::balance {
namespace {

class RandomDraws final : public Policy {
 public:
  RandomDraws(std::uint32_t draws, std::uint64_t seed)
      : draws_(std::max(draws, std::uint32_t{1})), random_(seed) {}

  void rebuild(const ServerView& view) override { draw_.rebuild(view); }

  std::optional<ServerIndex> pick(const PickRequest& request, const ServerView& view) override {
    if (draw_.empty()) return std::nullopt;
    std::optional<ServerIndex> best;
    for (std::uint32_t n = 0; n < draws_; ++n) {
      const ServerIndex i = draw_.draw(random_);
      if (acceptable(i, request, view) && (!best || less_loaded(i, *best, view))) best = i;
    }
    if (best) return best;
    return draw_.search(random_, [&](ServerIndex i) { return acceptable(i, request, view); });
  }

 private:
  [[nodiscard]] static bool acceptable(ServerIndex i, const PickRequest& request,
                                       const ServerView& view) noexcept {
    return !view.full(i) && !request.was_tried(i);
  }
  /// Not on equality: the first draw has to stand then, or weights would count twice.
  [[nodiscard]] static bool less_loaded(ServerIndex a, ServerIndex b,
                                        const ServerView& view) noexcept {
    return std::uint64_t{view.load(a)} * view[b].weight <
           std::uint64_t{view.load(b)} * view[a].weight;
  }

  std::uint32_t draws_;
  Random random_;
  WeightedDraw draw_;
};

}  // namespace

std::unique_ptr<Policy> make_random(const config::Balance& balance, std::uint64_t seed) {
  return std::make_unique<RandomDraws>(balance.random_draws, seed);
}

}  // namespace tandem::lb::balance
