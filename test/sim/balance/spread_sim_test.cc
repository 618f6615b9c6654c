// How evenly several workers together spread requests that each of them places on its own.
#include "test/unit/lb/balance/test_fleet.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace tandem::lb::balance {
namespace {

/// Requests of equal cost arriving at random at one of `workers` workers.
struct Spread {
  TestFleet fleet;
  std::vector<std::unique_ptr<Policy>> policies;
  std::vector<std::uint32_t> counts;
  Random random;

  Spread(std::string_view name, const std::vector<std::uint32_t>& weights, std::uint32_t workers,
         std::uint64_t seed)
      : fleet(weights), counts(weights.size(), 0), random(seed) {
    for (std::uint32_t w = 0; w < workers; ++w) {
      policies.push_back(make_named(name, seed * 100 + w));
      fleet.attach(*policies.back());
    }
  }

  void place_one() {
    const auto worker = random.below(static_cast<std::uint32_t>(policies.size()));
    ++counts[policies[worker]->pick(keyed(random.next()), fleet.view()).value()];
  }
};

/// Largest distance of a server from its exact share, in requests.
double distance(const std::vector<std::uint32_t>& counts,
                const std::vector<std::uint32_t>& weights) {
  const double all = std::accumulate(counts.begin(), counts.end(), 0.0);
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  double largest = 0;
  for (std::size_t i = 0; i < counts.size(); ++i)
    largest = std::max(largest, std::abs(counts[i] - all * weights[i] / total));
  return largest;
}

TEST_CASE("round robin of W workers stays within W picks of exact at all times") {
  const std::vector<std::vector<std::uint32_t>> rows = {
      std::vector<std::uint32_t>(10, 1), {1, 2, 3, 4, 5}, {100, 1, 1, 50}, {7, 7, 7, 1, 1, 1, 1}};
  for (const char* name : {"roundrobin", "static-rr"}) {
    for (const auto& weights : rows) {
      for (const std::uint32_t workers : {1U, 2U, 8U, 32U}) {
        for (std::uint64_t seed = 1; seed <= 5; ++seed) {
          INFO(name << ", " << workers << " workers, seed " << seed);
          Spread spread(name, weights, workers, seed);
          // Unequal weights cannot all come out even: one worker may be off by one and a half.
          const bool equal = std::ranges::count(weights, weights[0]) == std::ssize(weights);
          const double bound = equal || workers > 1 ? workers : 1.5;
          for (int n = 0; n < 2'000; ++n) {
            spread.place_one();
            REQUIRE(distance(spread.counts, weights) <= bound);
          }
        }
      }
    }
  }
}

TEST_CASE("workers of round robin do not march in step") {
  // Each of 64 workers places one request: all at one server if they began alike.
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    INFO("seed " << seed);
    Spread spread("roundrobin", std::vector<std::uint32_t>(8, 1), 64, seed);
    for (const auto& policy : spread.policies)
      ++spread.counts[policy->pick({}, spread.fleet.view()).value()];
    CHECK(*std::ranges::max_element(spread.counts) < 22);
  }
}

TEST_CASE("random spreads like dice: chi-square over many servers is near its degrees of freedom") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    INFO("seed " << seed);
    constexpr std::uint32_t kServers = 100;
    constexpr std::uint32_t kPicks = 100'000;
    Spread spread("random", std::vector<std::uint32_t>(kServers, 1), 4, seed);
    for (std::uint32_t n = 0; n < kPicks; ++n) spread.place_one();
    double chi_square = 0;
    for (const std::uint32_t count : spread.counts) {
      const double off = count - kPicks / double{kServers};
      chi_square += off * off / (kPicks / double{kServers});
    }
    // 99 degrees of freedom: mean 99, deviation 14; five deviations either way.
    CHECK(chi_square > 29);
    CHECK(chi_square < 169);
  }
}

TEST_CASE("leastconn of several workers that share loads is exact") {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    INFO("seed " << seed);
    TestFleet fleet({1, 1, 1, 1, 1, 1, 1});
    std::vector<std::unique_ptr<Policy>> policies;
    for (std::uint64_t w = 0; w < 6; ++w) {
      policies.push_back(make_named("leastconn", seed * 100 + w));
      fleet.attach(*policies.back());
    }
    Random random(seed);
    for (int n = 0; n < 1'000; ++n) {
      Policy& worker = *policies[random.below(6)];
      fleet.take(worker.pick({}, fleet.view()).value());
      std::vector<std::uint32_t> loads;
      for (ServerIndex i = 0; i < 7; ++i) loads.push_back(fleet.load(i));
      const auto [least, most] = std::ranges::minmax(loads);
      REQUIRE(most - least <= 1);
    }
  }
}

TEST_CASE("a server in slow start gets its share of the ramp and no burst at its end") {
  TestFleet fleet({10, 10, 10, 10});
  const auto policy = make_named("roundrobin", 5);
  fleet.attach(*policy);
  const SlowStart ramp{Instant{}, std::chrono::seconds(16)};
  double expected = 0;
  double got = 0;
  for (int second = 0; second < 24; ++second) {
    const Instant now = Instant{} + std::chrono::seconds(second);
    fleet.view().edit(2).weight = effective_weight(10, ramp, now);
    fleet.rebuild();
    const double weight = fleet.view()[2].weight;
    const double share = 1'000 * weight / (weight + 480);
    const auto counts = count_picks(*policy, fleet, 1'000);
    expected += share;
    got += counts[2];
    CHECK(std::abs(counts[2] - share) <= 2);
  }
  CHECK(std::abs(got - expected) <= 24);
}

}  // namespace
}  // namespace tandem::lb::balance
