// What agents make of servers: the words of show stat, the wishes, the log.
#include "test/unit/lb/upstream/fleet_harness.h"

#include <catch2/catch.hpp>

#include <string>
#include <utility>
#include <vector>

namespace tandem::lb::upstream {
namespace {

using namespace std::chrono_literals;

config::Snapshot with_agents(config::Snapshot snapshot) {
  for (config::Server& server : snapshot.backends[0].servers) {
    server.agent = config::Agent{.port = 9000, .inter = 50ms};
    server.weight = 10;
    server.maxconn = 50;
  }
  return snapshot;
}

struct Stage : FleetHarness {
  explicit Stage(config::Snapshot config) : FleetHarness(with_agents(std::move(config))) {
    checks.agent_line = [this](const SocketAddress&) { return line; };
    fleet->on_setting([this](ServerId, Setting setting) { told.push_back(setting); });
    pass(1s);
  }
  std::string after(std::string said) {
    line = std::move(said);
    pass(120ms);
    return status(0);
  }

  std::string line = "up";
  std::vector<Setting> told;
};

TEST_CASE("the words of show stat tell of agents as HAProxy's do") {
  Stage checked_too(checked(1));
  CHECK(checked_too.after("up") == "UP");
  CHECK(checked_too.after("down") == "DOWN (agent)");
  CHECK(checked_too.after("fail #x") == "DOWN (agent)");
  CHECK(checked_too.after("up") == "UP");
  CHECK(checked_too.after("drain") == "DRAIN (agent)");
  CHECK(checked_too.after("drain down") == "DOWN (agent)");
  CHECK(checked_too.after("up ready") == "UP");
  CHECK(checked_too.after("maint") == "MAINT");
  CHECK(checked_too.after("down") == "MAINT");
  CHECK(checked_too.after("ready") == "DOWN (agent)");
  CHECK(checked_too.after("up") == "UP");

  Stage alone(unchecked(1));
  CHECK(alone.after("up") == "no check");
  CHECK(alone.after("stopped") == "DOWN (agent)");
  CHECK(alone.after("up") == "no check");
  CHECK(alone.after("drain") == "DRAIN (agent)");
  CHECK(alone.after("ready") == "no check");
}

TEST_CASE("weight and maxconn follow the agent, and its mistakes are told") {
  Stage stage(unchecked(2));
  stage.after("75% maxconn:30");
  CHECK(stage.fleet->server({0, 0}).weight == 7);
  CHECK(stage.standing(0).weight == 7 * 16);
  CHECK(stage.standing(0).maxconn == 30);
  CHECK(stage.shared.servers[0][0].maxconn == 30);
  stage.after("30000%");
  CHECK(stage.fleet->server({0, 0}).weight == 256);
  stage.after("100% maxconn:0");
  CHECK(stage.fleet->server({0, 0}).weight == 10);
  CHECK(stage.standing(0).maxconn == 0);
  stage.after("7x% maxconn:3x");
  CHECK(stage.fleet->health({0, 0}).agent.last.description ==
        "agent warns : Trailing garbage in weight string");
  stage.after("up maxconn:x");
  CHECK(stage.fleet->health({0, 0}).agent.last.description ==
        "via agent : up (maxconn string empty or preceded by garbage)");
}

TEST_CASE("what is said again is not published again") {
  Stage stage(unchecked(1));
  stage.after("drain 75% maxconn:30");
  const std::size_t before = stage.plane.publications;
  stage.pass(2s);
  CHECK(stage.plane.publications == before);
}

TEST_CASE("the other node is not told what it hears from the agent itself") {
  Stage stage(checked(1));
  stage.told.clear();
  stage.after("drain 75%");
  stage.after("ready down");
  stage.after("up");
  CHECK(stage.told.empty());
}

TEST_CASE("a server that its agent takes down gets no requests") {
  Stage stage(checked(2));
  CHECK(stage.standing(0).usable);
  stage.after("down");
  CHECK_FALSE(stage.standing(0).usable);
  CHECK_FALSE(stage.fleet->backend(0).is_up);
  stage.after("up");
  CHECK(stage.standing(0).usable);
}

TEST_CASE("commands stand in for an agent") {
  Stage stage(unchecked(1));
  stage.after("50%");
  stage.fleet->set_agent({0, 0}, false);
  CHECK(stage.status(0) == "DOWN (agent)");
  stage.fleet->set_agent({0, 0}, true);
  CHECK(stage.status(0) == "no check");
  stage.fleet->set_agent({0, 0}, false);
  stage.fleet->set_agent_enabled({0, 0}, false);
  CHECK(stage.status(0) == "DOWN");
  stage.fleet->set_agent_enabled({0, 0}, true);
  CHECK(stage.status(0) == "DOWN (agent)");
}

}  // namespace
}  // namespace tandem::lb::upstream
