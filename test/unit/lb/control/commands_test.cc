#include "common/text.h"
#include "test/unit/lb/control/control_harness.h"

#include <catch2/catch.hpp>

namespace tandem::lb::control {
namespace {

using namespace std::chrono_literals;
using command::Level;

struct Row {
  std::string line;
  std::string answer;
};

void check_answers(ControlHarness& harness, const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    INFO(row.line);
    CHECK(harness.ask(row.line) == row.answer);
  }
}

}  // namespace

TEST_CASE("weights are read and set as HAProxy's clients do") {
  ControlHarness harness;
  check_answers(
      harness,
      {{"get weight app/web1", "10 (initial 10)\n\n"},
       {"set weight app/web1 5", "\n"},
       {"get weight app/web1", "5 (initial 10)\n\n"},
       {"set weight app/web1 50%;get weight app/web1", "\n5 (initial 10)\n\n"},
       {"set weight app/web1 200%;get weight app/web1", "\n20 (initial 10)\n\n"},
       {"set server app/web1 weight 0;get weight #2/#1", "\n0 (initial 10)\n\n"},
       {"set weight app/web1 9999%;get weight app/web1", "\n256 (initial 10)\n\n"},
       {"set weight app/web1", "Require <weight> or <weight%>.\n\n"},
       {"set weight app/web1 257", "Absolute weight can only be between 0 and 256 inclusive.\n\n"},
       {"set weight app/web1 -1", "Absolute weight can only be between 0 and 256 inclusive.\n\n"},
       {"set weight app/web1 x", "Empty weight string empty or preceded by garbage\n\n"},
       {"set weight app/web1 5x", "Trailing garbage in weight string\n\n"},
       {"get weight app/nope", "No such server.\n\n"},
       {"get weight nope/web1", "No such backend.\n\n"},
       {"get weight app", "Require 'backend/server'.\n\n"},
       {"get weight", "Require 'backend/server'.\n\n"}});
}

TEST_CASE("states are set by either of the two ways") {
  ControlHarness harness;
  const auto status = [&](std::string_view server) {
    return harness.field("app", server, Column::kStatus);
  };
  check_answers(harness, {{"set server app/web2 state drain", "\n"}});
  CHECK(status("web2") == "DRAIN");
  check_answers(harness, {{"disable server app/web2", "\n"}});
  CHECK(status("web2") == "MAINT");
  check_answers(harness, {{"enable server app/web2", "\n"}});
  CHECK(status("web2") == "no check");
  check_answers(harness,
                {{"set server app/web1 state maint;set server app/web1 state ready", "\n\n"}});
  harness.fleet.pass(1s);
  CHECK(status("web1") == "UP");
  check_answers(harness, {{"set server app/web1 state",
                           "'set server <srv> state' expects 'ready', 'drain' and 'maint'.\n\n"},
                          {"set server app/web1 health x",
                           "'set server <srv> health' expects 'up', 'stopping', or 'down'.\n\n"},
                          {"set server app/web1",
                           "usage: set server <backend>/<server> addr | agent | agent-addr | "
                           "agent-port | agent-send | "
                           "check-addr | check-port | health | state | weight\n\n"},
                          {"set server app/nope state drain", "No such server.\n\n"},
                          {"disable server", "Require 'backend/server'.\n\n"}});
}

TEST_CASE("health is set by command") {
  ControlHarness harness;
  check_answers(harness, {{"set server app/web2 health down", "\n"}});
  CHECK(harness.field("app", "web2", Column::kStatus) == "DOWN");
  check_answers(harness, {{"set server app/web2 health stopping", "\n"}});
  CHECK(harness.field("app", "web2", Column::kStatus) == "NOLB");
  check_answers(harness, {{"set server app/web2 health up", "\n"}});
  CHECK(harness.field("app", "web2", Column::kStatus) == "no check");
}

TEST_CASE("checks are switched off and on, agents are truthfully not there") {
  ControlHarness harness;
  check_answers(harness, {{"disable health app/web1", "\n"},
                          {"enable health app/web2",
                           "Health check was not configured on this server, cannot enable.\n\n"},
                          {"enable agent app/web1",
                           "Agent was not configured on this server, cannot "
                           "enable.\n\n"},
                          {"disable agent app/web1", "\n"},
                          {"set server app/web1 agent up",
                           "agent checks are not enabled on this server.\n\n"}});
  CHECK(harness.field("app", "web1", Column::kStatus) == "no check");
  check_answers(harness, {{"enable health app/web1", "\n"}});
  CHECK(harness.field("app", "web1", Column::kStatus) == "UP");
}

TEST_CASE("agents are commanded with HAProxy's words") {
  config::Snapshot config = make_config();
  config.backends[0].servers[1].agent = config::Agent{.port = 9000};
  ControlHarness harness(config);
  harness.fleet.checks.agent_line = [](const SocketAddress&) { return "50%"; };
  harness.fleet.pass(3s);
  const auto field = [&](Column column) { return harness.field("app", "web2", column); };
  CHECK(field(Column::kAgentStatus) == "CHECKED");
  CHECK(field(Column::kAgentDesc) == "No status change");
  CHECK(field(Column::kAgentRise) == "1");
  CHECK(field(Column::kAgentFall) == "1");
  CHECK(field(Column::kAgentHealth) == "1");
  CHECK(field(Column::kAgentCode).empty());
  CHECK(field(Column::kAgentDuration) == "1");
  check_answers(harness, {{"set server app/web2 agent down", "\n"}});
  CHECK(field(Column::kStatus) == "DOWN (agent)");
  CHECK(field(Column::kAgentHealth) == "0");
  check_answers(
      harness,
      {{"set server app/web2 agent up", "\n"},
       {"set server app/web2 agent x", "'set server <srv> agent' expects 'up' or 'down'.\n\n"},
       {"set server app/web2 agent-addr",
        "set server <b>/<s> agent-addr requires an address and optionally a port.\n\n"},
       {"set server app/web2 agent-addr foo", "invalid addr 'foo'\n\n"},
       {"set server app/web2 agent-addr 192.0.2.9 port x", "provided port is not an integer\n\n"},
       {"set server app/web2 agent-addr 192.0.2.9 port 9001", "\n"},
       {"set server app/web2 agent-port", "set server <b>/<s> agent-port requires a port.\n\n"},
       {"set server app/web2 agent-port 99999", "provided port is invalid\n\n"},
       {"set server app/web2 agent-send hello", "\n"},
       {"set server app/web1 agent-port 1", "agent checks are not enabled on this server\n\n"},
       {"set server app/web1 agent-send x", "agent checks are not enabled on this server.\n\n"}});
  CHECK(field(Column::kStatus) == "no check");
  harness.fleet.checks.agent_line = [](const SocketAddress&) { return "fail #disk"; };
  harness.fleet.pass(1ms);
  CHECK(field(Column::kStatus) == "DOWN (agent)");
  CHECK(field(Column::kAgentStatus) == "L7STS");
  CHECK(field(Column::kAgentCode) == "0");
  CHECK(field(Column::kLastAgt) == "via agent : fail (disk)");
  const std::string state = harness.ask("show servers state app");
  CHECK(state.find(" 0 0 1 0 22 0 0 - 2 - 0 0 - 192.0.2.9 9001\n") != std::string::npos);
  check_answers(harness, {{"disable agent app/web2", "\n"}});
  CHECK(field(Column::kAgentStatus).empty());
  CHECK(field(Column::kStatus) == "DOWN");
  check_answers(harness, {{"set server app/web2 agent up",
                           "agent checks are not enabled on this server.\n\n"},
                          {"enable agent app/web2", "\n"}});
}

TEST_CASE("addresses change with HAProxy's words") {
  ControlHarness harness;
  check_answers(
      harness,
      {{"set server app/web1 addr 10.0.0.1",
        "IP changed from '192.0.2.1' to '10.0.0.1' by 'stats socket command'\n\n"},
       {"set server app/web1 addr 10.0.0.1 port 1",
        "no need to change the addr, no need to change the port by 'stats socket command'\n\n"},
       {"set server app/web1 addr 10.0.0.1",
        "no need to change the addr by 'stats socket command'\n\n"},
       {"set severity-output number;set server app/web1 addr ::1 port 99",
        "\n[4]: IP changed from '10.0.0.1' to '::1', port changed from '1' to '99' by 'stats "
        "socket command'\n\n"},
       {"set server app/web1 addr foo", "Invalid addr 'foo' by 'stats socket command'\n\n"},
       {"set server app/web1 addr 10.0.0.1 port 99999",
        "Invalid port '99999' by 'stats socket command'\n\n"},
       {"set server app/web1 addr",
        "set server <b>/<s> addr requires an address and optionally a port.\n\n"},
       {"set server app/web1 check-port 8080", "\n"},
       {"set server app/web1 check-port x", "provided port is not an integer\n\n"},
       {"set server app/web2 check-port 8080",
        "health checks are not enabled on this server\n\n"}});
  harness.fleet.fleet->flush();
  CHECK(harness.fleet.standing(0).address == SocketAddress::parse_host("::1", 99).value());
  CHECK(harness.fleet.checks.checker.check_address(0, 0).port() == 8080);
}

TEST_CASE("limits are set where the workers look") {
  ControlHarness harness;
  check_answers(harness, {{"set maxconn server app/web1 7", "\n"},
                          {"set maxconn frontend www 100", "\n"},
                          {"set maxconn global 4000", "\n"},
                          {"set maxconn server app/web1", "Require <maxconn>.\n\n"},
                          {"set maxconn server app/web1 x",
                           "maxconn string empty or preceded by garbage\n\n"},
                          {"set maxconn frontend nope 1", "No such frontend.\n\n"},
                          {"set maxconn frontend www", "Integer value expected.\n\n"},
                          {"set maxconn global x", "Expects an integer value.\n\n"},
                          {"set maxconn global 5001", "Value out of range.\n\n"}});
  CHECK(harness.fleet.shared.servers[0][0].maxconn == 7);
  CHECK(harness.fleet.shared.frontends[0].maxconn == 100);
  CHECK(harness.fleet.shared.process.maxconn == 4000);
}

TEST_CASE("sessions of a server are shut down") {
  ControlHarness harness;
  check_answers(harness, {{"shutdown sessions server app/web2", "\n"},
                          {"shutdown sessions server app/nope", "No such server.\n\n"}});
  harness.fleet.fleet->flush();
  CHECK(harness.fleet.standing(1).shutdowns == 1);
}

TEST_CASE("what changes things needs its level") {
  ControlHarness harness;
  for (const std::string line :
       {"set server app/web1 state drain", "set weight app/web1 1", "disable server app/web1",
        "enable health app/web1", "set maxconn global 10", "shutdown sessions server app/web1",
        "clear counters all"}) {
    INFO(line);
    CHECK(harness.ask(line, Level::kOperator) == "Permission denied\n\n");
  }
  for (const std::string line : {"show errors", "show env", "clear counters", "show cli sockets"}) {
    INFO(line);
    CHECK(harness.ask(line, Level::kUser) == "Permission denied\n\n");
    CHECK(harness.ask(line, Level::kOperator) != "Permission denied\n\n");
  }
  for (const std::string line : {"show stat", "show info", "get weight app/web1", "show backend"}) {
    INFO(line);
    CHECK(harness.ask(line, Level::kUser) != "Permission denied\n\n");
  }
}

TEST_CASE("show servers state has HAProxy's header and 25 fields") {
  ControlHarness harness;
  harness.fleet.fleet->set_weight({0, 0}, 3);
  const std::string answer = harness.ask("show servers state app");
  const auto lines = split(answer, '\n');
  REQUIRE(lines.size() == 2 + 4 + 2);
  CHECK(lines[0] == "1");
  CHECK(
      lines[1] ==
      "# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight "
      "srv_iweight srv_time_since_last_change srv_check_status srv_check_result srv_check_health "
      "srv_check_state srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord "
      "srv_use_ssl srv_check_port srv_check_addr srv_agent_addr srv_agent_port");
  for (std::size_t i = 2; i < 6; ++i) CHECK(split(lines[i], ' ').size() == 25);
  CHECK(lines[2].starts_with("2 app 1 web1 192.0.2.1 2 0 3 10 "));
  CHECK(lines[2].ends_with(" 6 3 4 6 0 0 0 - 1 - 0 0 - - 0"));
  CHECK(lines[5].starts_with("2 app 4 old 192.0.2.1 0 5 1 1 "));
  CHECK(harness.ask("show servers state nope") == "Can't find backend.\n\n");
  CHECK(harness.ask("show servers state #3").find("\n3 api 1 api1 2001:db8::7 2 0") !=
        std::string::npos);
}

TEST_CASE("show servers conn and show backend list what there is") {
  ControlHarness harness;
  harness.figures.of(0).server(0, 0).idle_connections.set(4);
  harness.figures.of(1).server(0, 0).used_connections.set(2);
  const std::string answer = harness.ask("show servers conn app");
  CHECK(
      answer.starts_with("# bkname/svname bkid/svid addr port - purge_delay used_cur used_max "
                         "need_est unsafe_nb safe_nb idle_lim idle_cur idle_per_thr[1]\n"
                         "app/web1 2/1 192.0.2.1 1 - 5000 2 0 2 4 0 2048 4 4\n"));
  CHECK(harness.ask("show servers conn nope") == "Can't find backend.\n\n");
  CHECK(harness.ask("show backend") == "# name\napp\napi\n\n");
}

TEST_CASE("show info has HAProxy's keys, one colon a line, and says who it is after them") {
  ControlHarness harness;
  harness.process.started -= std::chrono::hours(26);
  const std::string answer = harness.ask("show info");
  CHECK(answer.starts_with("Name: HAProxy\nVersion: 2.8.0\nRelease_date: 2026/11/21\n"));
  CHECK(answer.find("\nUptime: 1d 2h00m01s\nUptime_sec: 93601\n") != std::string::npos);
  CHECK(answer.find("\nProduct: tandem\nProduct_version: 0.1.0\n\n") != std::string::npos);
  for (const std::string_view line : split(answer, '\n')) {
    INFO(line);
    CHECK((line.empty() || std::count(line.begin(), line.end(), ':') == 1));
  }
  // hatop fails if one of these is missing.
  for (const std::string key :
       {"Name", "Version", "Release_date", "Nbproc", "Process_num", "Pid", "Uptime", "Maxconn",
        "CurrConns", "Maxpipes", "PipesUsed", "Tasks", "Run_queue", "Idle_pct", "node"}) {
    INFO(key);
    CHECK(("\n" + answer).find("\n" + key + ": ") != std::string::npos);
  }
  CHECK(harness.ask("show version") == "2.8.0\n\n");
}

TEST_CASE("without compatibility tandem goes by its own name") {
  config::Snapshot config = make_config();
  config.runtime_compat = false;
  ControlHarness harness(config);
  CHECK(harness.ask("show info").starts_with("Name: tandem\nVersion: 0.1.0\n"));
  CHECK(harness.ask("show version") == "0.1.0\n\n");
}

TEST_CASE("show info has typed and JSON forms") {
  ControlHarness harness;
  const std::string typed = harness.ask("show info typed");
  CHECK(typed.starts_with("0.Name.1:POSV:str:HAProxy\n1.Version.1:POSV:str:2.8.0\n"));
  CHECK(typed.find("\n8.Uptime_sec.1:MDPV:u32:1\n") != std::string::npos);
  CHECK(harness.ask("show info json").starts_with(R"([{"field":{"pos":0,"name":"Name"},)"));
}

TEST_CASE("show errors tells the last bad request and response") {
  ControlHarness harness;
  CHECK(harness.ask("show errors").find("] : 0\n\n") != std::string::npos);
  figures::Capture bad;
  bad.frontend_id = 1;
  bad.client = SocketAddress::parse_host("203.0.113.9", 4242).value();
  bad.bytes = "GET / HTTP/1.1\r\nbad header\r\n";
  bad.position = 19;
  bad.detail = "bad header name";
  harness.captures.record(bad);
  figures::Capture worse = bad;
  worse.kind = figures::Capture::Kind::kResponse;
  worse.backend_id = 2;
  worse.server_id = 2;
  harness.captures.record(worse);
  const std::string answer = harness.ask("show errors");
  CHECK(answer.find("] frontend www (#1): invalid request\n"
                    "  backend <NONE> (#-1), server <NONE> (#-1), event #0, src 203.0.113.9:4242\n"
                    "  buffer starts at 0 (including 0 out), 16356 free,\n"
                    "  len 28, wraps at 16384, error at position 19\n") != std::string::npos);
  CHECK(answer.find("  00016  bad header\\r\\n\n") != std::string::npos);
  CHECK(
      answer.find("] backend app (#2): invalid response\n  frontend www (#1), server web2 (#2)") !=
      std::string::npos);
  CHECK(answer.find("\n\n") == answer.size() - 2);  // no empty line inside
  CHECK(harness.ask("show errors app request").find("invalid") == std::string::npos);
  CHECK(harness.ask("show errors nope") == "No such proxy.\n\n");
}

TEST_CASE("clear counters forgets maxima and, with all, counts") {
  ControlHarness harness;
  harness.figures.of(0).server(0, 0).sessions.add(5);
  harness.fleet.shared.servers[0][0].load_most = 9;
  harness.fleet.shared.servers[0][0].load = 2;
  CHECK(harness.ask("clear counters") == "\n");
  CHECK(harness.field("app", "web1", Column::kSmax) == "2");
  CHECK(harness.field("app", "web1", Column::kStot) == "5");
  CHECK(harness.ask("clear counters all") == "\n");
  CHECK(harness.field("app", "web1", Column::kStot) == "0");
}

TEST_CASE("sockets, level and environment are told") {
  ControlHarness harness;
  ::setenv("TANDEM_CONTROL_TEST", "here", 1);
  check_answers(harness, {{"show cli sockets",
                           "# socket lvl processes\nunix@/run/tandem/lb.sock admin all\n\n"},
                          {"show cli level", "admin\n\n"},
                          {"show env TANDEM_CONTROL_TEST", "TANDEM_CONTROL_TEST=here\n\n"},
                          {"show env TANDEM_NOT_THERE", "Variable not found\n\n"}});
}

TEST_CASE("what is not built is an unknown command") {
  ControlHarness harness;
  for (const std::string line : {"show table", "show map", "add server app/x 10.0.0.1:80",
                                 "show sess", "set rate-limit sessions global 5", "show tls-keys"})
    CHECK(harness.ask(line).starts_with("Unknown command: '"));
}

TEST_CASE("a command sequence of the Ansible module works in one line") {
  ControlHarness harness;
  CHECK(harness.ask("get weight app/web2; disable server app/web2; shutdown sessions server "
                    "app/web2") == "1 (initial 1)\n\n\n\n");
  CHECK(harness.ask("get weight app/web2; enable server app/web2; set weight app/web2 20") ==
        "1 (initial 1)\n\n\n\n");
}

}  // namespace tandem::lb::control
