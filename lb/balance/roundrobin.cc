// roundrobin: every server in turn, as often as its weight says; weights may change at any time.
#include "lb/balance/policies.h"
#include "lb/balance/virtual_deadlines.h"

#include <vector>

namespace tandem::lb::balance {
namespace {

class RoundRobin final : public Policy {
 public:
  explicit RoundRobin(std::uint64_t seed) : round_(seed) {}

  void rebuild(const ServerView& view) override {
    weights_.resize(view.size());
    for (ServerIndex i = 0; i < view.size(); ++i) weights_[i] = view[i].weight;
    round_.rebuild(view, weights_);
  }

  std::optional<ServerIndex> pick(const PickRequest& request, const ServerView& view) override {
    return round_.pick(request, view);
  }

 private:
  VirtualDeadlines round_;
  std::vector<std::uint32_t> weights_;
};

}  // namespace

std::unique_ptr<Policy> make_roundrobin(const config::Balance& /*balance*/, std::uint64_t seed) {
  return std::make_unique<RoundRobin>(seed);
}

}  // namespace tandem::lb::balance
