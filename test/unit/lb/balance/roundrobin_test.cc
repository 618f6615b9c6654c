#include "test/unit/lb/balance/test_fleet.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <set>

namespace tandem::lb::balance {
namespace {

TEST_CASE("round robin over equal weights goes through the file in order") {
  TestFleet fleet({1, 1, 1, 1, 1});
  const auto policy = make_named("roundrobin", 3);
  fleet.attach(*policy);
  const ServerIndex first = policy->pick({}, fleet.view()).value();
  for (ServerIndex n = 1; n < 23; ++n) REQUIRE(policy->pick({}, fleet.view()) == (first + n) % 5);
}

TEST_CASE("round robin begins at a server that depends on the seed") {
  std::set<ServerIndex> beginnings;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    TestFleet fleet({1, 1, 1, 1});
    const auto policy = make_named("roundrobin", seed);
    fleet.attach(*policy);
    beginnings.insert(policy->pick({}, fleet.view()).value());
  }
  CHECK(beginnings.size() == 4);
}

TEST_CASE("round robin gives every server its exact share at all times") {
  const std::vector<std::vector<std::uint32_t>> rows = {
      {1, 1, 1}, {5, 1, 1}, {10, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, {256, 1, 100, 3}, {2, 3, 5, 7, 11}};
  for (const auto& weights : rows) {
    double total = 0;
    for (const std::uint32_t w : weights) total += w;
    for (std::uint64_t seed = 0; seed < 8; ++seed) {
      TestFleet fleet(weights);
      const auto policy = make_named("roundrobin", seed);
      fleet.attach(*policy);
      std::vector<double> counts(weights.size(), 0);
      for (int n = 1; n <= 2'000; ++n) {
        counts[policy->pick({}, fleet.view()).value()] += 1;
        for (std::size_t i = 0; i < weights.size(); ++i)
          REQUIRE(std::abs(counts[i] - weights[i] * (n / total)) < 1.6);
      }
    }
  }
}

TEST_CASE("a heavy server's turns fall between those of the light ones") {
  TestFleet fleet({10, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1});
  const auto policy = make_named("roundrobin", 9);
  fleet.attach(*policy);
  int run = 0;
  int longest = 0;
  bool heavy_before = false;
  for (int n = 0; n < 400; ++n) {
    const bool heavy = policy->pick({}, fleet.view()) == ServerIndex{0};
    run = heavy == heavy_before ? run + 1 : 1;
    heavy_before = heavy;
    longest = std::max(longest, run);
  }
  CHECK(longest <= 3);
}

TEST_CASE("round robin follows a change of weight at once and without a burst") {
  TestFleet fleet({1, 1});
  const auto policy = make_named("roundrobin");
  fleet.attach(*policy);
  (void)count_picks(*policy, fleet, 101);
  fleet.set_weight(1, 4);
  const auto heavier = count_picks(*policy, fleet, 100);
  CHECK(heavier[0] >= 19);
  CHECK(heavier[0] <= 21);
  fleet.set_weight(1, 1);
  const auto even = count_picks(*policy, fleet, 100);
  CHECK(even[0] >= 49);
  CHECK(even[0] <= 51);
}

TEST_CASE("a server that comes back is not owed the turns it missed") {
  TestFleet fleet({1, 1, 1});
  const auto policy = make_named("roundrobin");
  fleet.attach(*policy);
  fleet.set_usable(1, false);
  (void)count_picks(*policy, fleet, 500);
  fleet.set_usable(1, true);
  const auto counts = count_picks(*policy, fleet, 30);
  CHECK(counts[1] >= 9);
  CHECK(counts[1] <= 11);
}

TEST_CASE("a full server keeps the one turn it was owed and earns no more") {
  TestFleet fleet({1, 1, 1, 1});
  fleet.set_maxconn_everywhere(1);
  const auto policy = make_named("roundrobin");
  fleet.attach(*policy);
  fleet.set_load(2, 1);
  CHECK(count_picks(*policy, fleet, 300)[2] == 0);
  fleet.set_load(2, 0);
  CHECK(policy->pick({}, fleet.view()) == ServerIndex{2});
  const auto counts = count_picks(*policy, fleet, 40);
  CHECK(counts[2] >= 9);
  CHECK(counts[2] <= 11);
}

TEST_CASE("a tried server stays next for other requests") {
  TestFleet fleet({1, 1, 1});
  const auto policy = make_named("roundrobin", 3);
  fleet.attach(*policy);
  const ServerIndex first = policy->pick({}, fleet.view()).value();
  const std::vector<ServerIndex> tried = {(first + 1) % 3};
  PickRequest retry;
  retry.tried = tried;
  CHECK(policy->pick(retry, fleet.view()) == (first + 2) % 3);
  CHECK(policy->pick({}, fleet.view()) == (first + 1) % 3);
}

TEST_CASE("round robin outlives the overflow of its virtual time") {
  // One server of the smallest weight moves virtual time fastest: past 2^64 in 2^24 picks.
  TestFleet fleet({1, 1});
  fleet.view().edit(0).weight = 1;
  fleet.view().edit(1).weight = 1;
  const auto policy = make_named("roundrobin");
  fleet.attach(*policy);
  fleet.set_usable(1, false);
  for (int n = 0; n < (1 << 24) + 1'000; ++n) (void)policy->pick({}, fleet.view());
  fleet.set_usable(1, true);
  const auto counts = count_picks(*policy, fleet, 100);
  CHECK(counts[0] >= 49);
  CHECK(counts[0] <= 51);
}

TEST_CASE("static-rr keeps its first weights but lets servers out and in") {
  TestFleet fleet({1, 3});
  const auto policy = make_named("static-rr");
  fleet.attach(*policy);
  fleet.set_weight(0, 200);
  const auto counts = count_picks(*policy, fleet, 400);
  CHECK(counts[0] >= 99);
  CHECK(counts[0] <= 101);
  fleet.set_weight(0, 0);
  CHECK(count_picks(*policy, fleet, 40)[0] == 0);
  fleet.set_weight(0, 7);
  const auto back = count_picks(*policy, fleet, 400);
  CHECK(back[0] >= 98);
  CHECK(back[0] <= 102);
}

TEST_CASE("static-rr does not take the weight of a server that is not usable yet") {
  TestFleet fleet({1, 1});
  fleet.view().edit(0).usable = false;
  const auto policy = make_named("static-rr");
  fleet.attach(*policy);
  fleet.view().edit(0).usable = true;
  fleet.set_weight(0, 4);
  CHECK(count_picks(*policy, fleet, 500)[0] >= 398);
}

TEST_CASE("static-rr takes the first weight that is not 0") {
  TestFleet fleet({0, 1});
  const auto policy = make_named("static-rr");
  fleet.attach(*policy);
  CHECK(count_picks(*policy, fleet, 10)[0] == 0);
  fleet.set_weight(0, 4);
  CHECK(count_picks(*policy, fleet, 500)[0] >= 398);
}

}  // namespace
}  // namespace tandem::lb::balance
