// Agents beside checks: whose word counts when, as HAProxy 2.6 was seen to do it.
#include "test/unit/lb/health/checker_harness.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace tandem::lb::health {
namespace {

using namespace std::chrono_literals;
using Seen = CheckerHarness::Seen;
using Changes = std::vector<Seen>;

constexpr std::uint16_t kAgentPort = 9000;

config::Snapshot with_agent(bool is_checked, std::uint16_t count = 1) {
  config::Snapshot snapshot = make_snapshot(count);
  for (config::Server& server : snapshot.backends[0].servers) {
    server.check = is_checked;
    server.agent = config::Agent{.port = kAgentPort, .inter = 1'000ms, .send = "hello\n"};
  }
  return snapshot;
}

struct Stage : CheckerHarness {
  explicit Stage(bool is_checked = true) {
    agent_line = [this](const SocketAddress&) { return line; };
    answer = [this](const SocketAddress&) { return status; };
    checker.configure(share(with_agent(is_checked)));
  }
  /// Time enough for check and agent.
  Changes after(std::string said) {
    line = std::move(said);
    pass(3s);
    return take_changes();
  }

  std::string line = "up";
  Status status = Status::kL4Ok;
};

TEST_CASE("an agent is asked at its own address, plainly, at its own interval") {
  CheckerHarness harness;
  config::Snapshot snapshot = with_agent(false);
  config::Server& server = snapshot.backends[0].servers[0];
  server.send_proxy = config::SendProxy::kV2;
  server.agent->address = *SocketAddress::parse_host("192.0.2.9", 1);
  snapshot.backends[0].timeouts.check = 700ms;
  harness.checker.configure(share(snapshot));
  harness.fire_if_due();
  REQUIRE(harness.prober.pending.size() == 1);
  const ProbeTarget target = harness.prober.pending.begin()->second.target;
  CHECK(target.address.text() == "192.0.2.9:9000");
  CHECK(target.check->type == config::Check::Type::kAgent);
  CHECK(target.check->steps.at(0).bytes == "hello\n");
  CHECK(target.timeout == 700ms);
  CHECK(target.send_proxy == config::SendProxy::kNone);
  CHECK(target.tls == nullptr);
  harness.agent_line = [](const SocketAddress&) { return "up"; };
  harness.pass(1s);
  const std::uint64_t before = harness.prober.started;
  harness.pass(20s);
  CHECK(harness.prober.started - before >= 19);
  CHECK(harness.prober.started - before <= 21);
}

TEST_CASE("before it has answered, an agent takes nothing away") {
  CheckerHarness harness;
  harness.checker.configure(share(with_agent(false)));
  CHECK(harness.health().state() == State::kUp);
  CHECK(harness.health().agent.last.status == Status::kInitializing);
}

TEST_CASE(
    "the server is up when its checks and its agent say so, and one word of the agent decides") {
  Stage stage;
  CHECK(stage.after("up") == Changes{{0, State::kUp}});
  CHECK(stage.after("down") == Changes{{0, State::kDown}});
  CHECK(stage.health().is_by_agent);
  CHECK(stage.health().agent.last.status == Status::kL7Sts);
  CHECK(stage.health().verdict.state() == State::kUp);
  CHECK(stage.health().downs == 1);
  CHECK(stage.after("up") == Changes{{0, State::kUp}});
  stage.status = Status::kL4Con;
  stage.pass(10s);
  CHECK(stage.take_changes() == Changes{{0, State::kDown}});
  CHECK_FALSE(stage.health().is_by_agent);
  CHECK(stage.after("down").empty());
  CHECK(stage.after("up").empty());
  stage.status = Status::kL4Ok;
  stage.pass(10s);
  CHECK(stage.take_changes() == Changes{{0, State::kUp}});
}

TEST_CASE("an agent that cannot be asked, or says nothing of health, changes nothing") {
  for (const std::string before : {"up", "down"}) {
    Stage stage;
    stage.after(before);
    const State state = stage.health().state();
    CHECK(stage.after("").empty());
    CHECK(stage.health().agent.last.status == Status::kL4Con);
    CHECK(stage.health().agent.failures >= 2);
    const std::uint64_t failures = stage.health().agent.failures;
    CHECK(stage.after("75% ready").empty());
    CHECK(stage.health().agent.last.status == Status::kChecked);
    CHECK(stage.health().state() == state);
    CHECK(stage.health().agent.failures == failures);
  }
}

TEST_CASE("a line without an end leaves the last status, and says so") {
  Stage stage;
  stage.after("up");
  AgentReply cut;
  cut.is_whole = false;
  while (!stage.health().agent.in_progress) {
    stage.alarm.move_to(std::max(stage.alarm.at(), stage.alarm.now()));
    stage.fire_if_due();
  }
  for (auto& [id, pending] : stage.prober.pending) {
    if (pending.target.check->type != config::Check::Type::kAgent) continue;
    ProbeDone done = std::move(pending.done);
    done({.status = Status::kChecked,
          .description = describe(cut),
          .agent = std::make_shared<const AgentReply>(cut)});
    break;
  }
  CHECK(stage.health().agent.last.status == Status::kL7Okd);
  CHECK(stage.health().agent.last.description == "Ignoring incomplete line from agent");
  CHECK(stage.health().agent.failures == 1);
}

TEST_CASE("wishes are told before health takes effect, and what is wrong with them is kept") {
  Stage stage(false);
  std::vector<State> states;
  stage.line = "up";
  stage.pass(1s);
  stage.line = "down 1x%";
  stage.on_agent = [&](BackendIndex, ServerIndex, const AgentReply& reply) {
    states.push_back(stage.health().state());
    CHECK(reply.weight == "1x%");
    CHECK_FALSE(stage.health().agent.is_up);
    return std::string("bad weight");
  };
  stage.pass(1s);
  REQUIRE_FALSE(states.empty());
  CHECK(states.front() == State::kUp);
  CHECK(stage.health().agent.last.description == "via agent : down (bad weight)");
}

TEST_CASE("agents are asked in maintenance, and what they said counts when it ends") {
  Stage stage(false);
  stage.after("up");
  stage.checker.set_paused(0, 0, true);
  const std::uint64_t before = stage.prober.started;
  stage.after("down");
  CHECK(stage.prober.started > before);
  stage.checker.set_paused(0, 0, false);
  CHECK(stage.health().state() == State::kDown);
  stage.checker.set_paused(0, 0, true);
  stage.after("up");
  stage.checker.set_paused(0, 0, false);
  CHECK(stage.health().state() == State::kUp);
}

TEST_CASE("an agent that is asked no more keeps a server down until a check passes") {
  Stage checked;
  checked.after("down");
  checked.checker.set_agent_enabled(0, 0, false);
  CHECK(checked.health().state() == State::kDown);
  checked.pass(3s);
  CHECK(checked.take_changes() == Changes{{0, State::kUp}});
  const std::uint64_t before = checked.prober.started;
  checked.checker.set_agent_enabled(0, 0, true);
  checked.pass(10ms);
  CHECK(checked.prober.started == before + 1);
  CHECK(checked.health().state() == State::kDown);

  Stage unchecked(false);
  unchecked.after("down");
  unchecked.checker.set_agent_enabled(0, 0, false);
  unchecked.pass(10s);
  CHECK(unchecked.health().state() == State::kDown);
  CHECK(unchecked.prober.pending.empty());
  unchecked.checker.force(0, 0, State::kUp);
  CHECK(unchecked.health().state() == State::kUp);
}

TEST_CASE("commands stand in for an agent until it says otherwise") {
  Stage stage(false);
  stage.after("50%");
  stage.take_changes();
  stage.checker.force_agent(0, 0, false);
  CHECK(stage.health().state() == State::kDown);
  CHECK_FALSE(stage.health().agent.is_up);
  CHECK(stage.after("50%") == Changes{{0, State::kDown}});
  stage.checker.force(0, 0, State::kUp);
  CHECK(stage.after("50%") == Changes{{0, State::kUp}});
  CHECK(stage.after("down") == Changes{{0, State::kDown}});
  stage.checker.force_agent(0, 0, true);
  CHECK(stage.health().state() == State::kUp);
  stage.checker.force(0, 0, State::kDown);
  stage.take_changes();
  // Nothing else is asked about this server.
  CHECK(stage.after("up") == Changes{{0, State::kUp}});
}

TEST_CASE("a command that takes a checked server down holds against its agent") {
  Stage stage;
  stage.after("up");
  stage.status = Status::kL4Con;
  stage.checker.force(0, 0, State::kDown);
  stage.take_changes();
  CHECK(stage.after("up").empty());
  CHECK(stage.health().state() == State::kDown);
}

TEST_CASE("the agent's word does not end an ejection") {
  CheckerHarness harness;
  config::Snapshot snapshot = with_agent(false);
  snapshot.backends[0].servers[0].observe = config::Observe::kLayer7;
  snapshot.backends[0].servers[0].downinter = 60'000ms;
  harness.agent_line = [](const SocketAddress&) { return "up"; };
  harness.checker.configure(share(snapshot));
  harness.checker.note_errors(0, 0, "10 errors in a row", false);
  REQUIRE(harness.health().state() == State::kDown);
  harness.pass(10s);
  CHECK(harness.health().state() == State::kDown);
  harness.pass(60s);
  CHECK(harness.health().state() == State::kUp);
}

TEST_CASE("where and what an agent is asked can be changed") {
  Stage stage(false);
  stage.pass(100ms);
  CHECK_FALSE(stage.checker.agent_address(0, 0).has_value());
  CHECK(stage.checker.agent_port(0, 0) == kAgentPort);
  std::string seen;
  stage.agent_line = [&](const SocketAddress& address) {
    seen = address.text();
    return "up";
  };
  stage.checker.set_agent_port(0, 0, 7);
  stage.checker.set_agent_address(0, 0, *SocketAddress::parse_host("192.0.2.7", 0));
  stage.pass(1ms);
  CHECK(seen == "192.0.2.7:7");
  stage.alarm.move_to(stage.alarm.at());
  stage.fire_if_due();
  REQUIRE(stage.prober.pending.size() == 1);
  stage.checker.set_agent_send(0, 0, "");
  CHECK(stage.prober.pending.empty());  // what it referred to is gone
  stage.fire_if_due();
  REQUIRE(stage.prober.pending.size() == 1);
  CHECK(stage.prober.pending.begin()->second.target.check->steps.empty());
}

TEST_CASE("the server's new address is its agent's, unless that has one of its own") {
  Stage stage(false);
  stage.pass(100ms);
  std::string seen;
  stage.agent_line = [&](const SocketAddress& address) {
    seen = address.text();
    return "up";
  };
  stage.checker.set_address(0, 0, *SocketAddress::parse("192.0.2.44:80"));
  stage.pass(1ms);
  CHECK(seen == "192.0.2.44:9000");
}

TEST_CASE("a new snapshot keeps what an agent said while it is the same") {
  Stage stage(false);
  stage.after("down");
  stage.checker.set_agent_port(0, 0, 7);
  stage.pass(10ms);
  stage.checker.configure(share(with_agent(false)));
  CHECK(stage.health().state() == State::kDown);
  CHECK(stage.checker.agent_port(0, 0) == 7);
  config::Snapshot other = with_agent(false);
  other.backends[0].servers[0].agent->port = 8;
  stage.checker.configure(share(other));
  CHECK(stage.health().state() == State::kUp);
  CHECK(stage.checker.agent_port(0, 0) == 8);
  stage.after("down");
  config::Snapshot none = with_agent(false);
  none.backends[0].servers[0].agent.reset();
  stage.checker.configure(share(none));
  CHECK(stage.health().state() == State::kUp);
  CHECK(stage.checker.agent_port(0, 0) == 0);
  stage.checker.force_agent(0, 0, false);
  stage.checker.set_agent_port(0, 0, 1);
  CHECK(stage.health().state() == State::kUp);
}

}  // namespace
}  // namespace tandem::lb::health
