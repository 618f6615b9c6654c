// How evenly hashing spreads keys, and how few of them move when servers come and go.
#include "lb/balance/key.h"
#include "test/unit/lb/balance/test_fleet.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <numeric>

namespace tandem::lb::balance {
namespace {

constexpr int kKeys = 100'000;

/// Where each key lives now.
std::vector<ServerIndex> homes(Policy& policy, TestFleet& fleet) {
  std::vector<ServerIndex> found;
  found.reserve(kKeys);
  for (int n = 0; n < kKeys; ++n) {
    const std::uint64_t key = uri_key("/item/" + std::to_string(n), false);
    found.push_back(policy.pick(keyed(key), fleet.view()).value());
  }
  return found;
}

std::vector<double> shares(const std::vector<ServerIndex>& found, std::size_t servers) {
  std::vector<double> counted(servers, 0);
  for (const ServerIndex i : found) counted[i] += 1.0 / kKeys;
  return counted;
}

double moved(const std::vector<ServerIndex>& before, const std::vector<ServerIndex>& after) {
  int count = 0;
  for (std::size_t n = 0; n < before.size(); ++n) count += before[n] != after[n] ? 1 : 0;
  return static_cast<double>(count) / kKeys;
}

TEST_CASE("keys spread over equal servers within a third of the mean") {
  for (const std::size_t servers : {2U, 3U, 10U, 50U}) {
    INFO(servers << " servers");
    TestFleet fleet(std::vector<std::uint32_t>(servers, 1));
    const auto policy = make_named("uri");
    fleet.attach(*policy);
    const auto found = shares(homes(*policy, fleet), servers);
    const auto [least, most] = std::ranges::minmax(found);
    CHECK(least * static_cast<double>(servers) > 0.67);
    CHECK(most * static_cast<double>(servers) < 1.33);
  }
}

TEST_CASE("keys spread by weight") {
  const std::vector<std::uint32_t> weights = {1, 2, 5, 10, 20};
  TestFleet fleet(weights);
  const auto policy = make_named("uri");
  fleet.attach(*policy);
  const auto found = shares(homes(*policy, fleet), weights.size());
  for (std::size_t i = 0; i < weights.size(); ++i)
    CHECK(found[i] == Approx(weights[i] / 38.0).epsilon(0.25));
}

TEST_CASE("a server that leaves moves its own keys alone, and gets them back when it returns") {
  for (const std::uint32_t servers : {3U, 10U, 100U}) {
    TestFleet fleet(std::vector<std::uint32_t>(servers, 1));
    const auto policy = make_named("uri");
    fleet.attach(*policy);
    const auto before = homes(*policy, fleet);
    const auto share = shares(before, servers);
    for (const ServerIndex gone : {0U, servers / 2, servers - 1}) {
      INFO(servers << " servers, without " << gone);
      fleet.set_usable(gone, false);
      const auto without = homes(*policy, fleet);
      CHECK(moved(before, without) == Approx(share[gone]));
      // The orphans are shared out, not dumped on one neighbour.
      const auto after = shares(without, servers);
      double largest_gain = 0;
      for (ServerIndex i = 0; i < servers; ++i)
        if (i != gone) largest_gain = std::max(largest_gain, after[i] - share[i]);
      CHECK(largest_gain < share[gone] * (servers == 3 ? 0.7 : 0.35));
      fleet.set_usable(gone, true);
      CHECK(moved(before, homes(*policy, fleet)) == 0);
    }
  }
}

TEST_CASE("a server added to the file takes about its share and moves nothing else") {
  std::vector<std::string> names;
  for (int n = 0; n < 20; ++n) names.push_back("web" + std::to_string(n));
  TestFleet fleet(std::vector<std::uint32_t>(20, 1), names);
  names.insert(names.begin() + 7, "web-new");
  TestFleet larger(std::vector<std::uint32_t>(21, 1), names);
  const auto policy = make_named("uri", 1);
  const auto after_reload = make_named("uri", 2);
  fleet.attach(*policy);
  larger.attach(*after_reload);
  const auto before = homes(*policy, fleet);
  const auto after = homes(*after_reload, larger);
  int taken = 0;
  for (std::size_t n = 0; n < before.size(); ++n) {
    const ServerIndex same_place = before[n] + (before[n] >= 7 ? 1 : 0);
    REQUIRE((after[n] == same_place || after[n] == 7));
    taken += after[n] == 7 ? 1 : 0;
  }
  CHECK(taken == Approx(kKeys / 21.0).epsilon(0.33));
}

TEST_CASE("bounded loads hold for popular keys and leave the others mostly at home") {
  config::Balance balance;
  balance.hash_balance_factor = 125;
  constexpr std::uint32_t kServers = 10;
  TestFleet fleet(std::vector<std::uint32_t>(kServers, 1));
  const auto bounded = make_named("uri", 1, balance);
  const auto unbounded = make_named("uri");
  fleet.attach(*bounded);
  fleet.attach(*unbounded);
  Random random(12);
  std::vector<ServerIndex> running;
  int at_home = 0;
  constexpr int kRequests = 50'000;
  for (int n = 0; n < kRequests; ++n) {
    // Half of all requests ask for three of ten thousand keys.
    const std::uint64_t key = random.below(2) == 0 ? random.below(3) : 100 + random.below(10'000);
    const ServerIndex i = bounded->pick(keyed(key), fleet.view()).value();
    at_home += i == unbounded->pick(keyed(key), fleet.view()) ? 1 : 0;
    fleet.take(i);
    running.push_back(i);
    REQUIRE(fleet.load(i) < static_cast<double>(running.size()) / kServers * 1.25 + 1);
    if (running.size() > 500) {
      std::swap(running[random.below(500)], running.back());
      fleet.give_back(running.back());
      running.pop_back();
    }
  }
  CHECK(at_home > kRequests / 2);
}

}  // namespace
}  // namespace tandem::lb::balance
