// static-rr: round robin by the weights that the servers had when they were first usable. Later
// weights count only as "in" or "out", so that "set weight" does not move shares.
#include "lb/balance/policies.h"
#include "lb/balance/virtual_deadlines.h"

#include <vector>

namespace tandem::lb::balance {
namespace {

class StaticRoundRobin final : public Policy {
 public:
  explicit StaticRoundRobin(std::uint64_t seed) : round_(seed) {}

  void rebuild(const ServerView& view) override {
    weights_.resize(view.size(), 0);
    current_.resize(view.size());
    for (ServerIndex i = 0; i < view.size(); ++i) {
      if (weights_[i] == 0 && view[i].usable) weights_[i] = view[i].weight;
      current_[i] = view[i].weight == 0 ? 0 : weights_[i];
    }
    round_.rebuild(view, current_);
  }

  std::optional<ServerIndex> pick(const PickRequest& request, const ServerView& view) override {
    return round_.pick(request, view);
  }

 private:
  VirtualDeadlines round_;
  std::vector<std::uint32_t> weights_;  // when first usable; 0: never was
  std::vector<std::uint32_t> current_;
};

}  // namespace

std::unique_ptr<Policy> make_static_rr(const config::Balance& /*balance*/, std::uint64_t seed) {
  return std::make_unique<StaticRoundRobin>(seed);
}

}  // namespace tandem::lb::balance
