#include "test/unit/lb/balance/test_fleet.h"

#include <catch2/catch.hpp>

namespace tandem::lb::balance {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

PickRequest at(Instant now) {
  PickRequest request;
  request.now = now;
  return request;
}

std::vector<int> picks_at(Policy& policy, TestFleet& fleet, Instant now, int picks) {
  std::vector<int> counts(fleet.view().size(), 0);
  for (int n = 0; n < picks; ++n) ++counts[policy.pick(at(now), fleet.view()).value()];
  return counts;
}

TEST_CASE("ewma prefers the faster of two servers") {
  TestFleet fleet({1, 1});
  const auto policy = make_named("ewma");
  fleet.attach(*policy);
  const Instant now{};
  policy->completed(0, milliseconds(10), now);
  policy->completed(1, milliseconds(11), now);
  CHECK(picks_at(*policy, fleet, now, 200)[0] > 190);
}

TEST_CASE("ewma weighs latency with the requests running and the weight") {
  TestFleet fleet({1, 4});
  const auto policy = make_named("ewma");
  fleet.attach(*policy);
  const Instant now{};
  policy->completed(0, milliseconds(10), now);
  policy->completed(1, milliseconds(10), now);
  fleet.set_load(0, 1);  // 10 ms * 2 / 1
  fleet.set_load(1, 6);  // 10 ms * 7 / 4
  CHECK(picks_at(*policy, fleet, now, 200)[1] > 190);
  fleet.set_load(1, 8);  // 10 ms * 9 / 4
  // The pair is compared whenever both are drawn, which several draws make nearly sure.
  CHECK(picks_at(*policy, fleet, now, 200)[0] > 130);
}

TEST_CASE("one slow response counts at once, many fast ones take it back slowly") {
  TestFleet fleet({1, 1});
  const auto policy = make_named("ewma");
  fleet.attach(*policy);
  Instant now{};
  for (int n = 0; n < 100; ++n) {
    now += milliseconds(10);
    policy->completed(0, milliseconds(1), now);
    policy->completed(1, milliseconds(2), now);
  }
  CHECK(picks_at(*policy, fleet, now, 200)[0] > 190);
  policy->completed(0, milliseconds(500), now);
  CHECK(picks_at(*policy, fleet, now, 200)[1] > 190);
  policy->completed(0, milliseconds(1), now);
  CHECK(picks_at(*policy, fleet, now, 200)[1] > 190);
  for (int n = 0; n < 100; ++n) {
    now += seconds(1);
    policy->completed(0, milliseconds(1), now);
    policy->completed(1, milliseconds(2), now);
  }
  CHECK(picks_at(*policy, fleet, now, 200)[0] > 190);
}

TEST_CASE("a server in trouble is asked again when its measurement has faded") {
  TestFleet fleet({1, 1});
  const auto policy = make_named("ewma");
  fleet.attach(*policy);
  Instant now{};
  policy->completed(0, seconds(1), now);
  policy->completed(1, milliseconds(10), now);
  CHECK(picks_at(*policy, fleet, now, 200)[0] < 10);
  now += seconds(60);
  policy->completed(1, milliseconds(10), now);
  CHECK(picks_at(*policy, fleet, now, 200)[0] > 190);
}

TEST_CASE("a server without measurements is neither flooded nor starved") {
  for (const milliseconds rival : {milliseconds(1), milliseconds(1'000)}) {
    TestFleet fleet({1, 1});
    const auto policy = make_named("ewma");
    fleet.attach(*policy);
    policy->completed(1, rival, Instant{});
    const int unknown = picks_at(*policy, fleet, Instant{}, 1'000)[0];
    CHECK(unknown > 400);
    CHECK(unknown < 600);
  }
}

TEST_CASE("a server that comes back starts without its old measurements") {
  TestFleet fleet({1, 1});
  const auto policy = make_named("ewma");
  fleet.attach(*policy);
  policy->completed(0, seconds(30), Instant{});
  policy->completed(1, milliseconds(1), Instant{});
  CHECK(picks_at(*policy, fleet, Instant{}, 200)[0] < 10);
  fleet.set_usable(0, false);
  fleet.set_usable(0, true);
  CHECK(picks_at(*policy, fleet, Instant{}, 200)[0] > 60);
}

TEST_CASE("ewma takes a clock that stands still or goes back as no time passed") {
  TestFleet fleet({1, 1});
  const auto policy = make_named("ewma");
  fleet.attach(*policy);
  const Instant now = Instant{} + seconds(100);
  policy->completed(0, milliseconds(1), now);
  policy->completed(1, milliseconds(5), now - seconds(50));
  CHECK(picks_at(*policy, fleet, Instant{}, 200)[0] > 190);
  policy->completed(0, Duration::zero(), now);
  CHECK(picks_at(*policy, fleet, now, 200)[0] > 190);
}

}  // namespace
}  // namespace tandem::lb::balance
