#include "test/unit/lb/balance/test_fleet.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <set>

namespace tandem::lb::balance {
namespace {

TEST_CASE("leastconn always picks the lowest load over weight") {
  const std::vector<std::uint32_t> weights = {1, 2, 3, 7, 256, 1, 1, 10};
  TestFleet fleet(weights);
  const auto policy = make_named("leastconn");
  fleet.attach(*policy);
  Random random(8);
  for (int n = 0; n < 5'000; ++n) {
    const auto server = random.below(static_cast<std::uint32_t>(weights.size()));
    fleet.set_load(server, random.below(1 + weights[server] * 5));
    const ServerIndex picked = policy->pick({}, fleet.view()).value();
    for (ServerIndex i = 0; i < weights.size(); ++i)
      REQUIRE(fleet.load(picked) * weights[i] <= fleet.load(i) * weights[picked]);
  }
}

TEST_CASE("leastconn tells apart quotients that differ by little") {
  TestFleet fleet({1, 1});
  fleet.view().edit(0).weight = 4095;
  fleet.view().edit(1).weight = 4096;
  const auto policy = make_named("leastconn");
  fleet.attach(*policy);
  fleet.set_load(0, 4094);
  fleet.set_load(1, 4095);
  CHECK(policy->pick({}, fleet.view()) == ServerIndex{0});
  fleet.set_load(0, 4095);
  CHECK(policy->pick({}, fleet.view()) == ServerIndex{1});
}

TEST_CASE("leastconn goes round among idle servers") {
  TestFleet fleet({1, 1, 1, 1});
  const auto policy = make_named("leastconn");
  fleet.attach(*policy);
  std::vector<ServerIndex> order;
  for (int n = 0; n < 12; ++n) {
    order.push_back(policy->pick({}, fleet.view()).value());
    fleet.take(order.back());
    fleet.give_back(order.back());
  }
  CHECK(std::set<ServerIndex>(order.begin(), order.begin() + 4).size() == 4);
  for (std::size_t n = 4; n < order.size(); ++n) CHECK(order[n] == order[n - 4]);
}

TEST_CASE("a report that changes nothing does not cost a server its place") {
  TestFleet fleet({1, 1});
  const auto policy = make_named("leastconn");
  fleet.attach(*policy);
  const ServerIndex next = policy->pick({}, fleet.view()).value();
  fleet.set_load(next, 0);
  CHECK(policy->pick({}, fleet.view()) == next);
}

TEST_CASE("leastconn does not pick a server that another worker has filled meanwhile") {
  TestFleet fleet({1, 1});
  fleet.set_maxconn_everywhere(1);
  const auto policy = make_named("leastconn");
  policy->rebuild(fleet.view());
  const ServerIndex next = policy->pick({}, fleet.view()).value();
  fleet.take(next);  // the policy is not attached: it is not told
  CHECK(policy->pick({}, fleet.view()) == 1 - next);
  fleet.take(1 - next);
  CHECK_FALSE(policy->pick({}, fleet.view()));
  fleet.give_back(next);
  policy->load_changed(next, fleet.view());
  CHECK(policy->pick({}, fleet.view()) == next);
}

TEST_CASE("first fills the servers in file order") {
  TestFleet fleet({1, 9, 1});
  fleet.set_maxconn_everywhere(2);
  const auto policy = make_named("first");
  fleet.attach(*policy);
  std::vector<ServerIndex> order;
  while (const auto picked = policy->pick({}, fleet.view())) {
    order.push_back(*picked);
    fleet.take(*picked);
  }
  CHECK(order == std::vector<ServerIndex>{0, 0, 1, 1, 2, 2});
  fleet.give_back(1);
  CHECK(policy->pick({}, fleet.view()) == ServerIndex{1});
  fleet.give_back(0);
  CHECK(policy->pick({}, fleet.view()) == ServerIndex{0});
}

TEST_CASE("first does not look at weights or at the load below the limit") {
  TestFleet fleet({1, 100});
  const auto policy = make_named("first");
  fleet.attach(*policy);
  fleet.set_load(0, 1'000);
  CHECK(policy->pick({}, fleet.view()) == ServerIndex{0});
}

}  // namespace
}  // namespace tandem::lb::balance
