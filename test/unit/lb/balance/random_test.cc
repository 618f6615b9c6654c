#include "lb/balance/weighted_draw.h"
#include "test/unit/lb/balance/test_fleet.h"

#include <catch2/catch.hpp>

namespace tandem::lb::balance {
namespace {

TEST_CASE("draws follow the weights and leave out what is not usable") {
  TestFleet fleet({1, 0, 6, 256, 40, 1});
  fleet.view().edit(4).usable = false;
  WeightedDraw draw;
  draw.rebuild(fleet.view());
  Random random(4);
  std::vector<int> counts(6, 0);
  constexpr int kDraws = 264'000;
  for (int n = 0; n < kDraws; ++n) ++counts[draw.draw(random)];
  CHECK(counts[1] == 0);
  CHECK(counts[4] == 0);
  CHECK(counts[0] == Approx(1'000).epsilon(0.15));
  CHECK(counts[2] == Approx(6'000).epsilon(0.05));
  CHECK(counts[3] == Approx(256'000).epsilon(0.01));
  CHECK(counts[5] == Approx(1'000).epsilon(0.15));
}

TEST_CASE("draws follow weights of which several are above the mean") {
  const std::vector<std::uint32_t> weights = {3, 5, 7, 1, 8, 6};
  TestFleet fleet(weights);
  WeightedDraw draw;
  draw.rebuild(fleet.view());
  Random random(4);
  std::vector<int> counts(weights.size(), 0);
  for (int n = 0; n < 300'000; ++n) ++counts[draw.draw(random)];
  for (std::size_t i = 0; i < weights.size(); ++i)
    CHECK(counts[i] == Approx(weights[i] * 10'000).epsilon(0.04));
}

TEST_CASE("a search asks every usable server once") {
  TestFleet fleet({1, 1, 1, 1});
  fleet.view().edit(1).usable = false;
  WeightedDraw draw;
  draw.rebuild(fleet.view());
  Random random(4);
  std::vector<int> asked(4, 0);
  CHECK_FALSE(draw.search(random, [&](ServerIndex i) {
    ++asked[i];
    return false;
  }));
  CHECK(asked == std::vector<int>{1, 0, 1, 1});
}

TEST_CASE("one draw ignores loads, many draws find the idle server") {
  config::Balance balance;
  for (const auto& [draws, least, most] :
       {std::tuple{1U, 150U, 250U}, std::tuple{2U, 300U, 450U}, std::tuple{64U, 999U, 1'000U}}) {
    INFO("draws: " << draws);
    balance.random_draws = draws;
    TestFleet fleet({1, 1, 1, 1, 1});
    const auto policy = make_named("random", 6, balance);
    fleet.attach(*policy);
    for (const ServerIndex i : {0U, 1U, 2U, 4U}) fleet.set_load(i, 10);
    const auto counts = count_picks(*policy, fleet, 1'000);
    CHECK(counts[3] >= least);
    CHECK(counts[3] <= most);
  }
}

TEST_CASE("random compares loads by weight") {
  TestFleet fleet({1, 10});
  config::Balance balance;
  balance.random_draws = 64;
  const auto policy = make_named("random", 6, balance);
  fleet.attach(*policy);
  fleet.set_load(0, 2);
  fleet.set_load(1, 19);
  CHECK(count_picks(*policy, fleet, 100)[1] == 100);
  fleet.set_load(1, 21);
  CHECK(count_picks(*policy, fleet, 100)[0] >= 99);
}

}  // namespace
}  // namespace tandem::lb::balance
