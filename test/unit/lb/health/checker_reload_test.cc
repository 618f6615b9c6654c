#include "test/unit/lb/health/checker_harness.h"

#include <catch2/catch.hpp>

#include <utility>

namespace tandem::lb::health {
namespace {

using namespace std::chrono_literals;

TEST_CASE("a reload keeps what is known of servers, wherever they stand now") {
  CheckerHarness harness;
  harness.answer = [](const SocketAddress& address) {
    return address.port() == 2 ? Status::kL4Con : Status::kL4Ok;
  };
  harness.checker.configure(share(make_snapshot(3)));
  harness.pass(30s);
  CHECK(harness.health(1).state() == State::kDown);
  harness.take_changes();

  config::Snapshot other = make_snapshot(3);
  std::swap(other.backends[0].servers[0], other.backends[0].servers[1]);
  other.backends.insert(other.backends.begin(), config::Backend{});
  other.backends[0].name = "new";
  harness.checker.configure(share(std::move(other)));
  CHECK(harness.checker.health(1, 0).state() == State::kDown);
  CHECK(harness.checker.health(1, 0).failures == 1);
  CHECK(harness.checker.health(1, 1).is_usable());
  CHECK(harness.checker.health(1, 2).is_usable());
  harness.pass(60s);
  CHECK(harness.changes.empty());
}

TEST_CASE("a server with another address is another server with the same counters") {
  CheckerHarness harness;
  harness.checker.configure(share(make_snapshot(1)));
  harness.pass(1s);
  harness.checker.force(0, 0, State::kDown);
  harness.alarm.move_to(harness.alarm.now() + 100ms);
  config::Snapshot moved = make_snapshot(1);
  moved.backends[0].servers[0].address = *SocketAddress::parse("192.0.2.77:80");
  harness.checker.configure(share(std::move(moved)));
  CHECK(harness.health().state() == State::kStarting);
  CHECK(harness.health().downs == 1);
  CHECK(harness.health().downtime == 100ms);
  CHECK(harness.checker.check_address(0, 0).text() == "192.0.2.77:80");
}

TEST_CASE("a probe under way is given up by a reload and made again at once") {
  CheckerHarness harness;
  harness.checker.configure(share(make_snapshot(1)));
  harness.pass(1s);
  harness.alarm.move_to(harness.alarm.at());
  harness.fire_if_due();
  REQUIRE(harness.prober.pending.size() == 1);
  harness.checker.configure(share(make_snapshot(1)));
  CHECK(harness.prober.pending.empty());
  CHECK(harness.checker.probes_in_flight() == 0);
  harness.fire_if_due();
  CHECK(harness.prober.pending.size() == 1);
}

TEST_CASE("run-time addresses and paused checks outlive a reload that does not concern them") {
  CheckerHarness harness;
  harness.checker.configure(share(make_snapshot(2)));
  harness.pass(1s);
  harness.checker.set_address(0, 0, *SocketAddress::parse("192.0.2.9:99"));
  harness.checker.set_paused(0, 1, true);
  harness.checker.configure(share(make_snapshot(2)));
  CHECK(harness.checker.check_address(0, 0).text() == "192.0.2.9:99");
  CHECK(harness.health(1).is_paused);
}

TEST_CASE("checks that a reload brings leave a serving server its traffic") {
  config::Snapshot unchecked = make_snapshot(1);
  unchecked.backends[0].servers[0].check = false;
  CheckerHarness harness;
  harness.checker.configure(share(unchecked));
  harness.checker.configure(share(make_snapshot(1)));
  CHECK(harness.health().is_usable());
  harness.answer = [](const SocketAddress&) { return Status::kL4Con; };
  harness.pass(1s);
  CHECK(harness.health().state() == State::kDown);  // one failure is enough: nothing was known
}

TEST_CASE("without checks after a reload a server that was down is up") {
  CheckerHarness harness;
  harness.answer = [](const SocketAddress&) { return Status::kL4Con; };
  harness.checker.configure(share(make_snapshot(1)));
  harness.pass(1s);
  CHECK(harness.health().state() == State::kDown);
  config::Snapshot unchecked = make_snapshot(1);
  unchecked.backends[0].servers[0].check = false;
  harness.checker.configure(share(std::move(unchecked)));
  CHECK(harness.health().is_usable());
  CHECK(harness.health().last.status == Status::kUnknown);
  harness.pass(1h);
  CHECK(harness.health().is_usable());
}

TEST_CASE("an ejection ends in time over a reload") {
  config::Snapshot snapshot = make_snapshot(2);
  for (config::Server& server : snapshot.backends[0].servers) {
    server.check = false;
    server.observe = config::Observe::kLayer7;
  }
  CheckerHarness harness;
  harness.checker.configure(share(snapshot));
  harness.checker.note_errors(0, 0, "errors", false);
  harness.pass(500ms);
  harness.checker.configure(share(snapshot));
  CHECK(harness.health().state() == State::kDown);
  harness.pass(500ms);
  CHECK(harness.health().is_usable());
}

TEST_CASE("a shorter interval holds from the reload on") {
  config::Snapshot slow = make_snapshot(1);
  slow.backends[0].servers[0].inter = Milliseconds(3'600'000);
  CheckerHarness harness;
  harness.checker.configure(share(slow));
  harness.pass(1s);
  harness.checker.configure(share(make_snapshot(1)));
  CHECK(harness.alarm.at() <= harness.alarm.now() + 2s);
}

}  // namespace
}  // namespace tandem::lb::health
