#include "lb/balance/hash_ring.h"
#include "test/unit/lb/balance/test_fleet.h"

#include <catch2/catch.hpp>

#include <map>

namespace tandem::lb::balance {
namespace {

TEST_CASE("the ring gives each server points by its weight") {
  TestFleet fleet({1, 2, 5});
  fleet.view().edit(2).usable = false;
  HashRing ring;
  ring.rebuild(fleet.view());
  CHECK(ring.points() == 3 * HashRing::kPointsPerUnit);
  fleet.view().edit(2).usable = true;
  fleet.view().edit(0).weight = 1;
  ring.rebuild(fleet.view());
  CHECK(ring.points() == 7 * HashRing::kPointsPerUnit + HashRing::kPointsPerUnit / kWeightScale);
}

TEST_CASE("find gives the first point at or after the key's, and wraps") {
  TestFleet fleet({1, 1, 1});
  HashRing ring;
  ring.rebuild(fleet.view());
  std::map<std::size_t, int> hits;
  for (std::uint64_t key = 0; key < 20'000; ++key) {
    const std::size_t position = ring.find(key);
    REQUIRE(position < ring.points());
    ++hits[position];
  }
  // Nearly every arc is hit; the wrapping one belongs to the first point.
  CHECK(hits.size() > ring.points() * 8 / 10);
  CHECK(ring.next(ring.points() - 1) == 0);
}

TEST_CASE("the ring stays within its bound for very many heavy servers") {
  TestFleet fleet(std::vector<std::uint32_t>(2'000, 256));
  HashRing ring;
  ring.rebuild(fleet.view());
  CHECK(ring.points() <= HashRing::kPointsMax);
  CHECK(ring.points() >= HashRing::kPointsMax / 4);
}

TEST_CASE("raising a weight takes keys from others and moves none between them") {
  TestFleet fleet({1, 1, 1, 1});
  const auto policy = make_named("hash");
  fleet.attach(*policy);
  std::map<std::uint64_t, ServerIndex> homes;
  for (std::uint64_t key = 0; key < 4'000; ++key)
    homes[key] = policy->pick(keyed(key), fleet.view()).value();
  fleet.set_weight(1, 3);
  int gained = 0;
  for (const auto& [key, home] : homes) {
    const ServerIndex now = policy->pick(keyed(key), fleet.view()).value();
    REQUIRE((now == home || now == 1));
    gained += now != home ? 1 : 0;
  }
  // From a quarter to a half of all keys.
  CHECK(gained > 700);
  CHECK(gained < 1'300);
}

TEST_CASE("requests without a key go in round robin") {
  TestFleet fleet({1, 1, 1, 1});
  const auto policy = make_named("hash", 3);
  fleet.attach(*policy);
  const ServerIndex first = policy->pick({}, fleet.view()).value();
  for (ServerIndex n = 1; n < 12; ++n) REQUIRE(policy->pick({}, fleet.view()) == (first + n) % 4);
}

TEST_CASE("without a balance factor a key keeps its server whatever the load") {
  TestFleet fleet({1, 1, 1, 1});
  fleet.set_maxconn_everywhere(1);
  const auto policy = make_named("source");
  fleet.attach(*policy);
  const ServerIndex home = policy->pick(keyed(5), fleet.view()).value();
  fleet.set_load(home, 100);
  CHECK(policy->queues_on_full());
  CHECK(policy->pick(keyed(5), fleet.view()) == home);
}

TEST_CASE("with a balance factor one hot key spreads no further than it must") {
  config::Balance balance;
  balance.hash_balance_factor = 150;
  TestFleet fleet({1, 1, 2, 4});
  const auto policy = make_named("uri", 1, balance);
  fleet.attach(*policy);
  const ServerIndex home = policy->pick(keyed(5), fleet.view()).value();
  for (std::uint32_t total = 1; total <= 800; ++total) {
    const ServerIndex picked = policy->pick(keyed(5), fleet.view()).value();
    fleet.take(picked);
    const double share = fleet.view()[picked].weight / (8.0 * kWeightScale);
    REQUIRE(fleet.load(picked) < total * share * 1.5 + 1);
  }
  // The home of the key carries as much as the factor allows.
  const double share = fleet.view()[home].weight / (8.0 * kWeightScale);
  CHECK(fleet.load(home) >= 800 * share * 1.5 - 1);
}

TEST_CASE("a request that has tried every server within its share gets one beyond it") {
  config::Balance balance;
  balance.hash_balance_factor = 110;
  TestFleet fleet({1, 1});
  const auto policy = make_named("uri", 1, balance);
  fleet.attach(*policy);
  fleet.set_load(1, 50);
  const std::vector<ServerIndex> tried = {0};
  for (std::uint64_t key = 0; key < 20; ++key) {
    PickRequest retry = keyed(key);
    CHECK(policy->pick(retry, fleet.view()) == ServerIndex{0});
    retry.tried = tried;
    CHECK(policy->pick(retry, fleet.view()) == ServerIndex{1});
  }
}

TEST_CASE("a key prefers the same second server each time its own has been tried") {
  TestFleet fleet({1, 1, 1, 1, 1});
  const auto policy = make_named("hash");
  fleet.attach(*policy);
  for (std::uint64_t key = 0; key < 100; ++key) {
    const std::vector<ServerIndex> home = {policy->pick(keyed(key), fleet.view()).value()};
    PickRequest retry = keyed(key);
    retry.tried = home;
    const ServerIndex second = policy->pick(retry, fleet.view()).value();
    // The same as when the server is gone altogether: retries warm the right cache.
    fleet.set_usable(home.front(), false);
    REQUIRE(policy->pick(keyed(key), fleet.view()) == second);
    fleet.set_usable(home.front(), true);
  }
}

}  // namespace
}  // namespace tandem::lb::balance
