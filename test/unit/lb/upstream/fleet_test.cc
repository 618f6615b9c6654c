#include "test/unit/lb/upstream/fleet_harness.h"

#include <catch2/catch.hpp>

namespace tandem::lb::upstream {
namespace {

using namespace std::chrono_literals;
using health::Status;

}  // namespace

TEST_CASE("a checked server gets no traffic before its first result, an unchecked one at once") {
  config::Snapshot config = checked(2);
  config.backends[0].servers[1].check = false;
  FleetHarness harness(config);
  CHECK_FALSE(harness.standing(0).usable);
  CHECK(harness.standing(1).usable);
  harness.pass(1s);
  CHECK(harness.standing(0).usable);
}

TEST_CASE("many changes become one publication") {
  FleetHarness harness(unchecked(100));
  harness.pass(1s);
  harness.plane.publications = 0;
  for (ServerIndex s = 0; s < 100; ++s) harness.fleet->set_weight({0, s}, 5);
  CHECK(harness.plane.publications == 1);  // an operator's change holds at once
  CHECK(harness.standing(0).weight == 5 * balance::kWeightScale);
  harness.pass(Fleet::kPublishDelay + 1ms);
  CHECK(harness.plane.publications == 2);
  CHECK(harness.standing(99).weight == 5 * balance::kWeightScale);
  SECTION("and nothing is published while nothing changes") {
    harness.pass(10s);
    CHECK(harness.plane.publications == 2);
  }
  SECTION("flush does not wait") {
    harness.fleet->set_weight({0, 0}, 7);
    harness.fleet->flush();
    CHECK(harness.standing(0).weight == 7 * balance::kWeightScale);
  }
}

TEST_CASE("servers that come up together are published together") {
  FleetHarness harness(checked(200));
  harness.plane.publications = 0;
  harness.pass(1s);
  CHECK(harness.fleet->backend(0).acting.active == 200);
  CHECK(harness.plane.publications < 200);
  CHECK(harness.standing(199).usable);
}

TEST_CASE("only backends that changed are published") {
  config::Snapshot config = unchecked(1);
  config.backends.push_back(config.backends[0]);
  config.backends[1].name = "other";
  FleetHarness harness(config);
  const auto other = harness.plane.last.at(1);
  harness.fleet->set_weight({0, 0}, 3);
  harness.fleet->flush();
  CHECK(harness.plane.last.at(1) == other);
}

TEST_CASE("what each administrative state means for requests and idle connections") {
  struct Row {
    AdminState state;
    bool usable;
    bool keeps_idle;
    std::string status;
    std::uint8_t bits;
  };
  const std::vector<Row> rows = {
      {AdminState::kDrain, false, false, "DRAIN", kForcedDrain},
      {AdminState::kMaint, false, false, "MAINT", kForcedMaint},
      {AdminState::kReady, true, true, "no check", 0},
  };
  FleetHarness harness(unchecked(2));
  for (const Row& row : rows) {
    harness.fleet->set_state({0, 0}, row.state);
    harness.fleet->flush();
    INFO(row.status);
    CHECK(harness.standing(0).usable == row.usable);
    CHECK(harness.standing(0).keeps_idle == row.keeps_idle);
    CHECK(harness.status(0) == row.status);
    CHECK(harness.fleet->server({0, 0}).admin == row.bits);
    CHECK(harness.standing(1).usable);
  }
}

TEST_CASE("the state in the configuration is where a server begins") {
  config::Snapshot config = checked(2);
  config.backends[0].servers[0].state = config::InitialState::kMaint;
  config.backends[0].servers[1].state = config::InitialState::kDrain;
  FleetHarness harness(config);
  harness.pass(3s);
  CHECK(harness.status(0) == "MAINT");
  CHECK(harness.fleet->health({0, 0}).is_paused);
  CHECK(harness.status(1) == "DRAIN");
  CHECK_FALSE(harness.fleet->backend(0).is_up);
  SECTION("and ready ends it, after a check where there are checks") {
    harness.fleet->set_state({0, 0}, AdminState::kReady);
    CHECK_FALSE(harness.fleet->is_usable({0, 0}));
    harness.pass(1s);
    CHECK(harness.fleet->is_usable({0, 0}));
    CHECK(harness.status(0) == "UP");
  }
}

TEST_CASE("status words show the progress of checks") {
  FleetHarness harness(checked(1));
  const auto status_after = [&](Status found, Duration time) {
    harness.answer(0, found);
    harness.pass(time);
    return harness.status(0);
  };
  CHECK(harness.status(0) == "DOWN 1/2");  // nothing is known: one success decides
  CHECK(status_after(Status::kL4Ok, 1s) == "UP");
  harness.answer(0, Status::kL4Con);
  std::vector<std::string> seen;
  for (int i = 0; i < 6'000; ++i) {
    harness.pass(1ms);
    if (seen.empty() || seen.back() != harness.status(0)) seen.push_back(harness.status(0));
  }
  CHECK(seen == std::vector<std::string>{"UP", "UP 2/3", "UP 1/3", "DOWN"});
  harness.answer(0, Status::kL4Ok);
  seen.clear();
  for (int i = 0; i < 4'000; ++i) {
    harness.pass(1ms);
    if (seen.empty() || seen.back() != harness.status(0)) seen.push_back(harness.status(0));
  }
  CHECK(seen == std::vector<std::string>{"DOWN", "DOWN 1/2", "UP"});
}

TEST_CASE("a server that fails in drain shows DOWN, and one that checks stopped shows no check") {
  FleetHarness harness(checked(1));
  harness.pass(1s);
  harness.fleet->set_state({0, 0}, AdminState::kDrain);
  CHECK(harness.status(0) == "DRAIN");
  harness.answer(0, Status::kL4Con);
  harness.pass(6s);
  CHECK(harness.status(0) == "DOWN");
  harness.answer(0, Status::kL4Ok);
  harness.pass(6s);
  harness.fleet->set_state({0, 0}, AdminState::kReady);
  harness.fleet->set_checks_enabled({0, 0}, false);
  CHECK(harness.status(0) == "no check");
}

TEST_CASE("health by command lasts until a check says otherwise") {
  FleetHarness harness(unchecked(2));
  harness.fleet->set_health({0, 0}, health::State::kDown);
  CHECK(harness.status(0) == "DOWN");
  CHECK_FALSE(harness.fleet->is_usable({0, 0}));
  harness.fleet->set_health({0, 0}, health::State::kStopping);
  CHECK(harness.status(0) == "NOLB");
  CHECK_FALSE(harness.fleet->is_usable({0, 0}));
  harness.fleet->set_health({0, 0}, health::State::kUp);
  CHECK(harness.status(0) == "no check");
  CHECK(harness.fleet->is_usable({0, 0}));
}

TEST_CASE("backups act when no other server can") {
  config::Snapshot config = unchecked(3);
  config.backends[0].servers[1].backup = true;
  config.backends[0].servers[2].backup = true;
  FleetHarness harness(config);
  CHECK(harness.fleet->backend(0).acting.active == 1);
  CHECK(harness.fleet->backend(0).acting.backup == 2);
  CHECK_FALSE(harness.standing(1).usable);
  harness.fleet->set_state({0, 0}, AdminState::kMaint);
  harness.fleet->flush();
  CHECK(harness.standing(1).usable);
  CHECK_FALSE(harness.standing(2).usable);
  CHECK(harness.fleet->backend(0).is_up);
}

TEST_CASE("a backend counts its falls and its time down") {
  FleetHarness harness(unchecked(1));
  harness.pass(5s);
  harness.fleet->set_state({0, 0}, AdminState::kMaint);
  CHECK_FALSE(harness.fleet->backend(0).is_up);
  CHECK(harness.fleet->backend(0).downs == 1);
  harness.pass(7s);
  CHECK(harness.fleet->backend(0).downtime_at(harness.fleet->now()) == 7s);
  CHECK(harness.fleet->server({0, 0}).downtime_at(harness.fleet->now()) == 7s);
  harness.fleet->set_state({0, 0}, AdminState::kReady);
  harness.pass(5s);
  CHECK(harness.fleet->backend(0).downtime_at(harness.fleet->now()) == 7s);
  CHECK(harness.fleet->server({0, 0}).downtime_at(harness.fleet->now()) == 7s);
}

TEST_CASE("a weight of zero takes a server out without calling it down") {
  FleetHarness harness(unchecked(2));
  harness.fleet->set_weight({0, 0}, 0);
  CHECK_FALSE(harness.fleet->is_usable({0, 0}));
  CHECK(harness.status(0) == "no check");
  CHECK(harness.fleet->backend(0).acting.active == 1);
  CHECK(harness.fleet->weight(0).user == 1);
}

TEST_CASE("slow start raises the weight step by step, and publishes each step") {
  config::Snapshot config = unchecked(1);
  config.backends[0].servers[0].weight = 10;
  config.backends[0].servers[0].slowstart = 16s;
  FleetHarness harness(config);
  CHECK(harness.standing(0).weight == 160);  // not at the start of the process
  harness.fleet->set_state({0, 0}, AdminState::kMaint);
  harness.pass(1s);
  harness.fleet->set_state({0, 0}, AdminState::kReady);
  std::vector<std::uint32_t> weights;
  for (int i = 0; i < 20; ++i) {
    harness.pass(1s);
    weights.push_back(harness.standing(0).weight);
  }
  CHECK(weights.front() < 40);
  CHECK(std::is_sorted(weights.begin(), weights.end()));
  CHECK(weights.back() == 160);
  CHECK_FALSE(throttle_percent(harness.fleet->server({0, 0}), harness.fleet->now()));
}

TEST_CASE("a policy that keeps the first weight it sees never sees that of a slow start") {
  for (const char* policy : {"static-rr", "first"}) {
    INFO(policy);
    config::Snapshot config = unchecked(1);
    config.backends[0].balance.policy = policy;
    config.backends[0].servers[0].weight = 10;
    config.backends[0].servers[0].slowstart = 16s;
    FleetHarness harness(config);
    harness.fleet->set_state({0, 0}, AdminState::kMaint);
    harness.pass(1s);
    harness.fleet->set_state({0, 0}, AdminState::kReady);
    harness.pass(1s);
    CHECK(harness.standing(0).weight == 160);
    CHECK_FALSE(throttle_percent(harness.fleet->server({0, 0}), harness.fleet->now()));
  }
}

TEST_CASE("slow starts of many servers are published together") {
  config::Snapshot config = unchecked(200);
  for (config::Server& server : config.backends[0].servers) server.slowstart = 10s;
  FleetHarness harness(config);
  for (ServerIndex s = 0; s < 200; ++s) harness.fleet->set_state({0, s}, AdminState::kMaint);
  for (ServerIndex s = 0; s < 200; ++s) {
    harness.fleet->set_state({0, s}, AdminState::kReady);
    harness.pass(5ms);
  }
  harness.plane.publications = 0;
  harness.pass(12s);
  CHECK(harness.plane.publications <= 120);
  CHECK(harness.standing(199).weight == balance::kWeightScale);
}

TEST_CASE("sessions are ended by command, and when a server with on-marked-down goes down") {
  config::Snapshot config = unchecked(2);
  config.backends[0].servers[0].on_marked_down = config::OnMarkedDown::kShutdownSessions;
  FleetHarness harness(config);
  harness.fleet->set_health({0, 0}, health::State::kDown);
  harness.fleet->set_health({0, 1}, health::State::kDown);
  harness.fleet->flush();
  CHECK(harness.standing(0).shutdowns == 1);
  CHECK(harness.standing(1).shutdowns == 0);
  harness.fleet->shutdown_sessions({0, 1});
  harness.fleet->flush();
  CHECK(harness.standing(1).shutdowns == 1);
}

TEST_CASE("a server is the last when no other takes requests, drained and backup ones included") {
  FleetHarness harness(unchecked(2));
  CHECK_FALSE(harness.fleet->is_last({0, 0}));
  harness.fleet->set_state({0, 1}, AdminState::kDrain);
  CHECK(harness.fleet->is_last({0, 0}));
  CHECK_FALSE(harness.fleet->is_last({0, 1}));
  config::Snapshot with_backup = unchecked(2);
  with_backup.backends[0].servers[1].backup = true;
  CHECK_FALSE(FleetHarness(with_backup).fleet->is_last({0, 0}));
}

TEST_CASE("limits and addresses reach workers and checks") {
  FleetHarness harness(checked(1));
  const SocketAddress address = SocketAddress::parse_host("192.0.2.9", 99).value();
  harness.fleet->set_address({0, 0}, address);
  harness.fleet->set_maxconn({0, 0}, 7);
  harness.fleet->flush();
  CHECK(harness.standing(0).address == address);
  CHECK(harness.standing(0).maxconn == 7);
  CHECK(harness.shared.servers[0][0].maxconn == 7);
  CHECK(harness.checks.checker.check_address(0, 0) == address);
}

}  // namespace tandem::lb::upstream
