// The checker over many servers and many state changes; time is the test's, so that days pass in
// moments.
#include "common/random.h"
#include "lb/health/verdict.h"
#include "test/unit/lb/health/checker_harness.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace tandem::lb::health {
namespace {

using namespace std::chrono_literals;

TEST_CASE("ten thousand servers are all checked, few at a time") {
  CheckerHarness harness;
  harness.checker.configure(share(make_snapshot(10'000)));
  std::size_t most = 0;
  while (harness.results < 10'000) {
    harness.alarm.move_to(harness.alarm.now() + 50ms);
    harness.fire_if_due();
    most = std::max(most, harness.checker.probes_in_flight());
    harness.end_probes();
  }
  CHECK(most <= Checker::kProbesInFlightMax);
  std::size_t usable = 0;
  for (ServerIndex i = 0; i < 10'000; ++i) usable += harness.health(i).is_usable() ? 1U : 0U;
  CHECK(usable == 10'000);
}

TEST_CASE("servers that do not answer hold up the others only until their time is over") {
  CheckerHarness harness;
  harness.checker.configure(share(make_snapshot(2'000)));
  harness.alarm.move_to(harness.alarm.now() + 1s);
  harness.fire_if_due();
  CHECK(harness.checker.probes_in_flight() == Checker::kProbesInFlightMax);
  CHECK(harness.prober.pending.size() == Checker::kProbesInFlightMax);
  CHECK(harness.alarm.at() == Instant::max());  // nothing to wake up for until a place is free
  harness.end_probes();
  CHECK(harness.alarm.at() <= harness.alarm.now());
  harness.fire_if_due();
  CHECK(harness.checker.probes_in_flight() == Checker::kProbesInFlightMax);
}

TEST_CASE("thousands of changes agree with a verdict that is fed the same outcomes") {
  constexpr std::uint16_t kServers = 20;
  Random random(5);
  CheckerHarness harness;
  std::vector<Verdict> expected(kServers, Verdict::starting(2, 3));
  harness.answer = [&](const SocketAddress& address) {
    const bool passed = random.below(2) == 0;
    (void)expected[address.port() - 1U].step(passed);
    return passed ? Status::kL7Okd : Status::kL7Sts;
  };
  harness.checker.configure(share(make_snapshot(kServers)));
  harness.pass(20min);
  CHECK(harness.changes.size() > 1'000);
  for (std::uint16_t i = 0; i < kServers; ++i) {
    INFO(i);
    CHECK(harness.health(i).state() == expected[i].state());
    CHECK(harness.health(i).verdict.health() == expected[i].health());
  }
}

TEST_CASE("checks of many servers do not fall into step") {
  CheckerHarness harness;
  harness.checker.configure(share(make_snapshot(200)));
  harness.pass(1h);
  std::size_t most_at_once = 0;
  for (int i = 0; i < 400; ++i) {
    harness.alarm.move_to(harness.alarm.now() + 5ms);
    harness.fire_if_due();
    most_at_once = std::max(most_at_once, harness.checker.probes_in_flight());
    harness.end_probes();
  }
  CHECK(most_at_once < 20);  // 200 servers over 2 s: one in 10 ms
}

TEST_CASE("commands without end leave no heap without bound, and checks go on") {
  CheckerHarness harness;
  harness.checker.configure(share(make_snapshot(3)));
  for (std::uint16_t i = 0; i < 20'000; ++i) {
    harness.checker.set_address(0, i % 3U, *SocketAddress::parse_host("192.0.2.2", i));
    if (i % 7 == 0) harness.checker.set_enabled(0, 0, i % 2 == 0);
  }
  harness.checker.set_enabled(0, 0, true);
  harness.pass(10s);
  for (ServerIndex i = 0; i < 3; ++i) CHECK(harness.health(i).is_usable());
  CHECK(harness.results < 100);
}

TEST_CASE("a checker may go while probes are under way") {
  ManualAlarm alarm;
  ManualProber prober;
  {
    Checker checker(prober, alarm, {}, 1);
    checker.configure(share(make_snapshot(5)));
    alarm.move_to(alarm.now() + 1s);
    alarm.fire();
    CHECK(prober.pending.size() == 5);
  }
  CHECK(prober.pending.empty());
  CHECK(alarm.at() == Instant::max());
}

}  // namespace
}  // namespace tandem::lb::health
