#include "lb/health/checker.h"

#include "test/unit/lb/health/checker_harness.h"

#include <catch2/catch.hpp>

#include <vector>

namespace tandem::lb::health {
namespace {

using namespace std::chrono_literals;
using Seen = CheckerHarness::Seen;

/// Answers that are the same for every server and can be changed between checks.
struct OneServer : CheckerHarness {
  explicit OneServer(config::Snapshot snapshot = make_snapshot(1)) {
    answer = [this](const SocketAddress&) { return status; };
    checker.configure(share(std::move(snapshot)));
  }
  Status status = Status::kL4Ok;
};

TEST_CASE("a checked server gets no traffic before its first result") {
  OneServer one;
  CHECK(one.health().state() == State::kStarting);
  CHECK_FALSE(one.health().is_usable());
  CHECK(one.health().last.status == Status::kInitializing);
  one.fire_if_due();
  CHECK(one.health().in_progress);
  CHECK_FALSE(one.health().is_usable());
  one.end_probes();
  CHECK(one.health().is_usable());
  CHECK_FALSE(one.health().in_progress);
  CHECK(one.take_changes() == std::vector<Seen>{{0, State::kUp}});
}

TEST_CASE("an unchecked server is up and is left alone") {
  config::Snapshot snapshot = make_snapshot(1);
  snapshot.backends[0].servers[0].check = false;
  OneServer one(std::move(snapshot));
  CHECK(one.health().is_usable());
  one.pass(1h);
  CHECK(one.prober.started == 0);
  CHECK(one.changes.empty());
}

TEST_CASE("a failing server goes down after fall failures at fastinter and counts them") {
  OneServer one;
  one.pass(10s);
  one.take_changes();
  const Instant before = one.alarm.now();
  one.status = Status::kL4Con;
  one.pass(2'200ms + 2 * 550ms);
  CHECK(one.take_changes() == std::vector<Seen>{{0, State::kDown}});
  CHECK(one.health().failures == 3);
  CHECK(one.health().downs == 1);
  CHECK(one.health().last_change - before <= 3'300ms);
  one.status = Status::kL4Ok;
  one.pass(1'100ms + 550ms);
  CHECK(one.take_changes() == std::vector<Seen>{{0, State::kUp}});
  CHECK(one.health().failures == 3);
}

TEST_CASE("downtime adds up over the spells") {
  OneServer one;
  one.pass(1s);
  for (int spell = 1; spell <= 3; ++spell) {
    one.status = Status::kL4Con;
    one.pass(60s);
    CHECK(one.health().state() == State::kDown);
    CHECK(one.health().downtime_at(one.alarm.now()) >= spell * 50s);
    one.status = Status::kL4Ok;
    one.pass(60s);
    CHECK(one.health().state() == State::kUp);
    CHECK(one.health().downtime_at(one.alarm.now()) == one.health().downtime);
    CHECK(one.health().downtime <= spell * 63s);
  }
  CHECK(one.health().downs == 3);
}

TEST_CASE("our own lack of descriptors is shown but judges nobody") {
  OneServer one;
  one.pass(1s);
  one.take_changes();
  one.status = Status::kSockErr;
  one.pass(60s);
  CHECK(one.changes.empty());
  CHECK(one.health().is_usable());
  CHECK(one.health().last.status == Status::kSockErr);
  CHECK(one.health().failures == 0);
}

TEST_CASE("disabled checks keep the state, enabled ones go on at once") {
  OneServer one;
  one.pass(1s);
  one.checker.set_enabled(0, 0, false);
  one.status = Status::kL4Con;
  const std::uint64_t started = one.prober.started;
  one.pass(1h);
  CHECK(one.prober.started == started);
  CHECK(one.health().is_usable());
  one.checker.set_enabled(0, 0, true);
  one.fire_if_due();
  CHECK(one.prober.started == started + 1);
}

TEST_CASE("a server whose checks are disabled before the first result counts as up") {
  OneServer one;
  one.fire_if_due();
  one.checker.set_enabled(0, 0, false);
  CHECK(one.prober.pending.empty());
  CHECK(one.take_changes() == std::vector<Seen>{{0, State::kUp}});
}

TEST_CASE("a server that comes out of maintenance is checked before it gets traffic") {
  OneServer one;
  one.pass(1s);
  one.take_changes();
  one.checker.set_paused(0, 0, true);
  const std::uint64_t started = one.prober.started;
  one.pass(1h);
  CHECK(one.prober.started == started);
  one.checker.set_paused(0, 0, false);
  CHECK(one.health().state() == State::kStarting);
  one.fire_if_due();
  one.end_probes();
  CHECK(one.health().is_usable());
  CHECK(one.take_changes() == std::vector<Seen>{{0, State::kStarting}, {0, State::kUp}});
}

TEST_CASE("checks follow the address, unless they have one of their own") {
  OneServer one;
  const SocketAddress moved = *SocketAddress::parse("192.0.2.9:99");
  one.fire_if_due();
  one.checker.set_address(0, 0, moved);  // the check of the old address is given up
  CHECK(one.prober.pending.empty());
  CHECK(one.checker.probes_in_flight() == 0);
  one.fire_if_due();
  REQUIRE(one.prober.pending.size() == 1);
  CHECK(one.prober.pending.begin()->second.target.address == moved);
  one.checker.set_check_port(0, 0, 7);
  CHECK(one.checker.check_address(0, 0).text() == "192.0.2.9:7");
  one.checker.set_address(0, 0, *SocketAddress::parse("192.0.2.10:99"));
  CHECK(one.checker.check_address(0, 0).text() == "192.0.2.10:7");
  one.checker.set_check_address(0, 0, *SocketAddress::parse("192.0.2.77:1"));
  one.checker.set_address(0, 0, *SocketAddress::parse("192.0.2.11:99"));
  CHECK(one.checker.check_address(0, 0).text() == "192.0.2.77:7");
}

TEST_CASE("maintenance ends as up for a server whose checks are switched off") {
  OneServer one;
  one.pass(1s);
  one.checker.force(0, 0, State::kDown);
  one.checker.set_enabled(0, 0, false);
  one.checker.set_paused(0, 0, true);
  one.checker.set_paused(0, 0, false);
  CHECK(one.health().is_usable());
}

TEST_CASE("forced states are told once, and checks go on from there") {
  OneServer one;
  one.pass(1s);
  one.take_changes();
  one.checker.force(0, 0, State::kDown);
  one.checker.force(0, 0, State::kDown);
  CHECK(one.take_changes() == std::vector<Seen>{{0, State::kDown}});
  one.pass(5s);
  CHECK(one.take_changes() == std::vector<Seen>{{0, State::kUp}});
  one.checker.force(0, 0, State::kStopping);
  CHECK_FALSE(one.health().is_usable());
  one.pass(5s);
  CHECK(one.take_changes() == std::vector<Seen>{{0, State::kStopping}, {0, State::kUp}});
}

TEST_CASE("live errors act as on-error says") {
  struct Row {
    config::OnError action;
    std::uint32_t health_after;
    State state;
  };
  const Row rows[] = {
      {config::OnError::kFastinter, 6, State::kUp},
      {config::OnError::kFailCheck, 5, State::kUp},
      {config::OnError::kSuddenDeath, 2, State::kUp},
      {config::OnError::kMarkDown, 0, State::kDown},
  };
  for (const Row& row : rows) {
    INFO(static_cast<int>(row.action));
    config::Snapshot snapshot = make_snapshot(1);
    config::Server& server = snapshot.backends[0].servers[0];
    server.fall = 5;
    server.observe = config::Observe::kLayer7;
    server.on_error = row.action;
    OneServer one(std::move(snapshot));
    one.pass(10s);
    one.checker.note_errors(0, 0, "10 errors, in a row", false);
    CHECK(one.health().verdict.health() == row.health_after);
    CHECK(one.health().state() == row.state);
    CHECK(one.health().passive_failures == 1);
    CHECK(one.alarm.at() <= one.alarm.now() + 500ms);
    if (row.action != config::OnError::kFastinter) {
      CHECK(one.health().last.status == Status::kHana);
      CHECK(one.health().last.description == "10 errors  in a row");
    }
  }
}

TEST_CASE("live errors mean nothing without observe, while down, or with checks off") {
  config::Snapshot snapshot = make_snapshot(1);
  OneServer unobserved(snapshot);
  unobserved.pass(1s);
  unobserved.checker.note_errors(0, 0, "x", false);
  CHECK(unobserved.health().passive_failures == 0);

  snapshot.backends[0].servers[0].observe = config::Observe::kLayer4;
  snapshot.backends[0].servers[0].on_error = config::OnError::kMarkDown;
  OneServer observed(std::move(snapshot));
  observed.checker.note_errors(0, 0, "x", false);  // still starting
  observed.pass(1s);
  observed.checker.set_enabled(0, 0, false);
  observed.checker.note_errors(0, 0, "x", false);
  CHECK(observed.health().passive_failures == 0);
  CHECK(observed.health().is_usable());
}

TEST_CASE("an unchecked server is ejected for a while, longer when it fails again") {
  config::Snapshot snapshot = make_snapshot(2);
  for (config::Server& server : snapshot.backends[0].servers) {
    server.check = false;
    server.observe = config::Observe::kLayer7;
  }
  OneServer pair(std::move(snapshot));
  pair.checker.note_errors(0, 0, "errors", false);
  CHECK(pair.health(0).state() == State::kDown);
  pair.checker.note_errors(0, 1, "errors", true);
  CHECK(pair.health(1).is_usable());  // the last one stays
  pair.pass(999ms);
  CHECK(pair.health(0).state() == State::kDown);
  pair.pass(1ms);
  CHECK(pair.health(0).is_usable());
  pair.checker.note_errors(0, 0, "errors", false);
  pair.pass(1'999ms);
  CHECK(pair.health(0).state() == State::kDown);
  pair.pass(1ms);
  CHECK(pair.health(0).is_usable());
  CHECK(pair.health(0).downs == 2);
  CHECK(pair.health(0).downtime == 3s);
}

TEST_CASE("a forced state of an ejected server does not end by itself") {
  config::Snapshot snapshot = make_snapshot(2);
  snapshot.backends[0].servers[0].check = false;
  snapshot.backends[0].servers[0].observe = config::Observe::kLayer7;
  OneServer pair(std::move(snapshot));
  pair.pass(1s);
  pair.checker.note_errors(0, 0, "errors", false);
  pair.checker.force(0, 0, State::kDown);
  pair.pass(1h);
  CHECK(pair.health(0).state() == State::kDown);
}

TEST_CASE("a state can be assumed before the first result alone") {
  OneServer one;
  one.checker.assume(0, 0, State::kDown);
  CHECK(one.health().state() == State::kDown);
  CHECK(one.health().basis == Basis::kWord);
  one.checker.assume(0, 0, State::kUp);
  CHECK(one.health().is_usable());
  one.pass(1s);
  CHECK(one.health().basis == Basis::kChecks);
  CHECK(one.health().is_usable());
  one.checker.assume(0, 0, State::kDown);
  CHECK(one.health().is_usable());
}

TEST_CASE("nothing is assumed of a server that nobody checks, or whose state a command has set") {
  OneServer one;
  SECTION("in maintenance") { one.checker.set_paused(0, 0, true); }
  SECTION("checks are off") { one.checker.set_enabled(0, 0, false); }
  SECTION("forced") { one.checker.force(0, 0, State::kUp); }
  const State before = one.health().state();
  one.checker.assume(0, 0, State::kDown);
  CHECK(one.health().state() == before);
  CHECK(one.health().basis != Basis::kWord);
}

TEST_CASE("a change may be answered with commands") {
  OneServer one;
  one.on_change = [&](BackendIndex b, ServerIndex s, const ServerHealth& health) {
    if (health.state() == State::kDown) one.checker.set_paused(b, s, true);
  };
  one.pass(1s);
  one.status = Status::kL4Con;
  one.pass(1h);
  CHECK(one.health().is_paused);
  CHECK(one.checker.probes_in_flight() == 0);
  const std::uint64_t started = one.prober.started;
  one.pass(1h);
  CHECK(one.prober.started == started);
}

}  // namespace
}  // namespace tandem::lb::health
