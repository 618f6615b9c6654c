// Policies that go by load or latency, under load: what a slow server gets, and what clients see.
#include "test/sim/balance/balance_world.h"

#include <catch2/catch.hpp>

namespace tandem::lb::balance {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// Five servers, the last of them ten times as slow as the others.
WorldOptions one_slow(std::string policy, std::uint64_t seed) {
  WorldOptions options;
  options.policy = std::move(policy);
  options.weights = {1, 1, 1, 1, 1};
  options.service = {milliseconds(10), milliseconds(10), milliseconds(10), milliseconds(10),
                     milliseconds(100)};
  options.requests_per_second = 1'000;
  options.seed = seed;
  return options;
}

TEST_CASE("a slow server gets a fraction of its turn from the policies that notice") {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    INFO("seed " << seed);
    CHECK(BalanceWorld(one_slow("roundrobin", seed)).run(seconds(30)).share_of(4) ==
          Approx(0.2).epsilon(0.02));
    // By load alone it holds as many requests as the others and so finishes a tenth of theirs.
    CHECK(BalanceWorld(one_slow("leastconn", seed)).run(seconds(30)).share_of(4) < 0.06);
    CHECK(BalanceWorld(one_slow("random", seed)).run(seconds(30)).share_of(4) < 0.12);
    CHECK(BalanceWorld(one_slow("ewma", seed)).run(seconds(30)).share_of(4) < 0.05);
  }
}

TEST_CASE("leastconn and ewma spare clients most of a slow server's delay") {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    INFO("seed " << seed);
    const Duration blind =
        BalanceWorld(one_slow("roundrobin", seed)).run(seconds(30)).percentile(0.95);
    for (const char* policy : {"leastconn", "ewma"}) {
      INFO(policy);
      CHECK(BalanceWorld(one_slow(policy, seed)).run(seconds(30)).percentile(0.95) < blind / 2);
    }
  }
}

TEST_CASE("a server that has recovered gets its share again") {
  for (const char* policy : {"leastconn", "ewma", "random"}) {
    INFO(policy);
    BalanceWorld world(one_slow(policy, 3));
    (void)world.run(seconds(30));
    world.set_service(4, milliseconds(10));
    (void)world.run(seconds(60));
    CHECK(world.run(seconds(30)).share_of(4) == Approx(0.2).epsilon(0.25));
  }
}

TEST_CASE("weights hold under load for leastconn, random and ewma") {
  for (const char* policy : {"leastconn", "random", "ewma"}) {
    INFO(policy);
    WorldOptions options = one_slow(policy, 4);
    options.weights = {1, 1, 2, 4};
    options.service.assign(4, milliseconds(40));
    options.requests_per_second = 4'000;
    const WorldReport report = BalanceWorld(options).run(seconds(20));
    CHECK(report.share_of(0) == Approx(0.125).epsilon(0.2));
    CHECK(report.share_of(2) == Approx(0.25).epsilon(0.2));
    CHECK(report.share_of(3) == Approx(0.5).epsilon(0.2));
  }
}

TEST_CASE("maxconn holds over all workers, and all of it is used, under overload") {
  for (const char* policy : {"roundrobin", "static-rr", "leastconn", "first", "random", "ewma"}) {
    INFO(policy);
    WorldOptions options = one_slow(policy, 6);
    options.maxconn = 4;
    options.requests_per_second = 3'000;
    const WorldReport report = BalanceWorld(options).run(seconds(5));
    for (const std::uint32_t most : report.load_most) CHECK(most == 4);
    // Four servers of 400 a second and one of 40 are busy all the time.
    CHECK(static_cast<double>(report.times.size()) == Approx(5 * 1'640).epsilon(0.08));
  }
}

TEST_CASE("first leaves the last servers idle under light load") {
  WorldOptions options = one_slow("first", 7);
  options.maxconn = 8;
  options.requests_per_second = 300;
  const WorldReport report = BalanceWorld(options).run(seconds(20));
  CHECK(report.share_of(0) > 0.95);
  CHECK(report.served[4] == 0);
}

}  // namespace
}  // namespace tandem::lb::balance
