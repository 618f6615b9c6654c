// The language of agents, and the check that reads it: as HAProxy 2.6 was seen to read it.
#include "lb/health/agent_reply.h"

#include "test/unit/lb/health/dialogue_harness.h"

#include <catch2/catch.hpp>

#include <string>
#include <string_view>

namespace tandem::lb::health {
namespace {

using Admin = AgentReply::Admin;

std::string shown(std::string_view line, std::string_view warning = {}) {
  const AgentReply reply = read_agent_reply(line);
  return std::string(status_code(status_of(reply))) + " " + describe(reply, warning);
}

TEST_CASE("words of health are told with their reason") {
  CHECK(shown("up") == "L7OK via agent : up");
  CHECK(shown("UP") == "L7OK via agent : UP");
  CHECK(shown("down") == "L7STS via agent : down");
  CHECK(shown("stopped") == "L7STS via agent : stopped");
  CHECK(shown("fail #disk full") == "L7STS via agent : fail (disk full)");
  CHECK(shown("drain,down\t#  x") == "L7STS via agent : down (x)");
  CHECK(shown("down up") == "L7OK via agent : up");
  CHECK(shown("upward") == "CHECKED agent reports an error : upward");
}

TEST_CASE("what is no word is told once, and never hides why a server is down") {
  CHECK(shown("up bogus other") == "L7OK via agent : up (bogus)");
  CHECK(shown("up bogus # fine") == "L7OK via agent : up (bogus)");
  CHECK(shown("down bogus # disk") == "L7STS via agent : down (disk)");
  CHECK(shown("down bogus") == "L7STS via agent : down (bogus)");
  CHECK(shown("bogus other") == "CHECKED agent reports an error : bogus");
  CHECK(shown("5") == "CHECKED agent reports an error : 5");
  CHECK(shown("-5%") == "CHECKED agent reports an error : -5%");
}

TEST_CASE("a wish that cannot be granted is told after that") {
  CHECK(shown("75x%", "no") == "CHECKED agent warns : no");
  CHECK(shown("up 75x%", "no") == "L7OK via agent : up (no)");
  CHECK(shown("up 75x% bogus", "no") == "L7OK via agent : up (bogus)");
  CHECK(shown("down 75x% #disk", "no") == "L7STS via agent : down (disk)");
}

TEST_CASE("nothing of health is no change") {
  CHECK(shown("") == "CHECKED ");
  CHECK(shown("#up") == "CHECKED ");
  CHECK(shown(" \t, ") == "CHECKED ");
  CHECK(shown("ready 50% maxconn:30") == "CHECKED ");
}

TEST_CASE("of words of one kind the last counts") {
  const AgentReply reply = read_agent_reply("ready drain 10% 75% maxconn:1 MAXCONN:30 maint");
  CHECK(reply.admin == Admin::kMaint);
  CHECK(reply.weight == "75%");
  CHECK(reply.maxconn == "30");
  CHECK_FALSE(reply.is_up.has_value());
  CHECK(read_agent_reply("ready").admin == Admin::kReady);
  CHECK(read_agent_reply("Drain").admin == Admin::kDrain);
  CHECK(read_agent_reply("maxconn:").maxconn == "");
}

config::Check agent(std::string send = "") {
  config::Check check;
  check.type = config::Check::Type::kAgent;
  if (!send.empty()) check.steps = {{config::CheckStep::Kind::kSend, std::move(send)}};
  return check;
}

std::string result_of(const std::string& said) {
  const config::Check check = agent();
  const Talk whole(check, {said}, false);
  const Talk bytes(check, {said}, true);
  CHECK(whole.result() == bytes.result());
  return whole.result();
}

TEST_CASE("the agent is sent what is configured, and its first line is read") {
  CHECK(Talk(agent(), {}, false).sent().empty());
  const config::Check check = agent("web1\n");
  CHECK(Talk(check, {}, false).sent() == "web1\n");
  CHECK(result_of("up\n") == "L7OK 0 via agent : up");
  CHECK(result_of("down\r\nup\r\n") == "L7STS 0 via agent : down");
  CHECK(result_of("75%\n") == "CHECKED 0 ");
  CHECK(result_of("\n") == "CHECKED 0 ");
  CHECK(result_of("up") == "open");
}

TEST_CASE("a line without an end counts for nothing") {
  const config::Check check = agent();
  CHECK(Talk(check, {"up"}, true).result_when_closed() ==
        "CHECKED 0 Ignoring incomplete line from agent");
  CHECK(Talk(check, {}, true).result_when_closed() ==
        "L7RSP 0 connection closed before the line of the agent");
  CHECK(Talk(check, {"up"}, true).result_when_late() ==
        "L7TOUT 0 waited for the line of the agent");
  CHECK(result_of(std::string(AgentReply::kLineBytesMax, 'x')) == "open");
  CHECK(result_of(std::string(AgentReply::kLineBytesMax + 1, 'x')) ==
        "L7RSP 0 the line of the agent has no end");
  CHECK(result_of("up #" + std::string(2000, 'x') + "\n") ==
        "L7RSP 0 the line of the agent has no end");
}

}  // namespace
}  // namespace tandem::lb::health
