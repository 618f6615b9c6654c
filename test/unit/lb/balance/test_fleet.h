// TestFleet: servers with loads for the tests of this room, and the few moves an owner makes: count
// a request in, count it out, tell the policies. No threads, no clock.
#pragma once

#include "common/random.h"
#include "lb/balance/registry.h"
#include "lb/balance/slowstart.h"

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

namespace tandem::lb::balance {

class TestFleet {
 public:
  /// Servers "s0", "s1", … of these configured weights, all usable.
  explicit TestFleet(const std::vector<std::uint32_t>& weights)
      : TestFleet(weights, default_names(weights.size())) {}

  TestFleet(const std::vector<std::uint32_t>& weights, const std::vector<std::string>& names)
      : loads_(weights.size()), view_(candidates(weights, names)) {}

  [[nodiscard]] ServerView& view() noexcept { return view_; }
  [[nodiscard]] std::uint32_t load(ServerIndex i) const { return loads_[i].load(); }

  /// Policies that are told of loads and of changes to servers.
  void attach(Policy& policy) {
    policies_.push_back(&policy);
    policy.rebuild(view_);
  }
  void rebuild() {
    for (Policy* policy : policies_) policy->rebuild(view_);
  }
  void set_load(ServerIndex i, std::uint32_t load) {
    loads_[i].store(load);
    for (Policy* policy : policies_)
      if (policy->wants_loads()) policy->load_changed(i, view_);
  }
  void take(ServerIndex i) { set_load(i, load(i) + 1); }
  void give_back(ServerIndex i) { set_load(i, load(i) - 1); }

  void set_usable(ServerIndex i, bool usable) {
    view_.edit(i).usable = usable;
    rebuild();
  }
  void set_weight(ServerIndex i, std::uint32_t weight) {
    view_.edit(i).weight = weight * kWeightScale;
    rebuild();
  }
  void set_maxconn_everywhere(std::uint32_t maxconn) {
    for (ServerIndex i = 0; i < view_.size(); ++i) view_.edit(i).maxconn = maxconn;
    rebuild();
  }

 private:
  static std::vector<std::string> default_names(std::size_t count) {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < count; ++i) names.push_back("s" + std::to_string(i));
    return names;
  }

  std::vector<Candidate> candidates(const std::vector<std::uint32_t>& weights,
                                    const std::vector<std::string>& names) {
    std::vector<Candidate> made;
    for (std::size_t i = 0; i < weights.size(); ++i)
      made.push_back({weights[i] * kWeightScale, true, 0, &loads_[i],
                      hash_bytes(names[i].data(), names[i].size())});
    return made;
  }

  std::deque<std::atomic<std::uint32_t>> loads_;
  ServerView view_;
  std::vector<Policy*> policies_;
};

inline std::unique_ptr<Policy> make_named(std::string_view name, std::uint64_t seed = 1,
                                          config::Balance balance = {}) {
  balance.policy = name;
  return make_policy(balance, seed).value();
}

inline PickRequest keyed(std::uint64_t key) {
  PickRequest request;
  request.key = key;
  request.has_key = true;
  return request;
}

/// How often each server is picked in `picks` requests that never end and count as no load.
inline std::vector<std::uint32_t> count_picks(Policy& policy, TestFleet& fleet, int picks) {
  std::vector<std::uint32_t> counts(fleet.view().size(), 0);
  Random keys(7);
  for (int n = 0; n < picks; ++n) ++counts[policy.pick(keyed(keys.next()), fleet.view()).value()];
  return counts;
}

}  // namespace tandem::lb::balance
