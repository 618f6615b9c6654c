#include "ctl/arguments.h"
#include "ctl/client.h"
#include "ctl/moves.h"
#include "ctl/moving.h"
#include "ctl/status.h"

#include <catch2/catch.hpp>

namespace tandem::ctl {
namespace {

Result<Arguments> parse(std::vector<const char*> words, const char* socket = nullptr,
                        const char* failover_socket = nullptr) {
  return parse_arguments(words, {.socket = socket, .failover_socket = failover_socket});
}

}  // namespace

TEST_CASE("options come before the command, and a socket from the most explicit place") {
  CHECK(parse({"status"})->socket == "/run/tandem/lb.sock");
  CHECK(parse({"status"}, "/tmp/x")->socket == "/tmp/x");
  CHECK(parse({"-s", "/tmp/y", "status"}, "/tmp/x")->socket == "/tmp/y");
  CHECK(parse({"status"})->failover_socket == "/run/tandem/failover.sock");
  CHECK(parse({"status"}, nullptr, "/tmp/f")->failover_socket == "/tmp/f");
  CHECK(parse({"-F", "/tmp/g", "-s", "/tmp/y", "status"}, "/tmp/x", "/tmp/f")->failover_socket ==
        "/tmp/g");
  const auto arguments = parse({"--json", "show", "stat", "-1", "4", "-1"});
  REQUIRE(arguments);
  CHECK(arguments->json);
  CHECK(arguments->words == std::vector<std::string>{"show", "stat", "-1", "4", "-1"});
}

TEST_CASE("bad usage is told in words") {
  CHECK(parse({}).error().message == "no command");
  CHECK(parse({"-s"}).error().message == "-s needs a socket");
  CHECK(parse({"-F"}).error().message == "-F needs a socket");
  CHECK(parse({"--loud", "status"}).error().message == "unknown option --loud");
  CHECK(parse({"show\nstat"}).error().message == "a command is one line");
}

TEST_CASE("short commands become runtime commands, others go through word for word") {
  CHECK(runtime_command({"drain", "app/web1"}, false) == "set server app/web1 state drain");
  CHECK(runtime_command({"ready", "app/web1"}, false) == "set server app/web1 state ready");
  CHECK(runtime_command({"maint", "app/web1"}, false) == "set server app/web1 state maint");
  CHECK(runtime_command({"show", "info"}, true) == "show info json");
  CHECK(runtime_command({"show", "info"}, false) == "show info");
  CHECK(runtime_command({"show", "backend"}, true) == "show backend");
  CHECK(runtime_command({"set", "weight", "a/b", "50%"}, false) == "set weight a/b 50%");
  CHECK(runtime_command({"events"}, false) == "show events");
  CHECK(runtime_command({"show", "failover"}, true) == "show failover json");
  CHECK(is_for_failover({"events"}));
  CHECK(is_for_failover({"switchover"}));
  CHECK(is_for_failover({"show", "failover"}));
  CHECK(is_for_failover({"show", "events"}));
  CHECK_FALSE(is_for_failover({"show", "stat"}));
  CHECK_FALSE(is_for_failover({"show"}));
  CHECK(runtime_command({"drain", "app"}, false).error().message ==
        "drain needs a server, as backend/server");
  CHECK(runtime_command({"reload"}, false).error().message == "reload: not supported yet");
}

TEST_CASE("a refusal is known by its severity, and severities are not shown") {
  struct Row {
    std::string_view received;
    std::string text;
    bool refused;
  };
  const std::vector<Row> rows = {
      {"\n\n", "", false},
      {"\n[3]: No such server.\n\n", "No such server.\n", true},
      {"\n[4]: nothing changed\n\n", "nothing changed\n", false},
      {"\n5 (initial 10)\n\n", "5 (initial 10)\n", false},
      {"\n[21/Nov/2026] is data\n\n", "[21/Nov/2026] is data\n", false},
      {"\n\n[3]: No such server.\n\n", "\nNo such server.\n", true},
  };
  for (const Row& row : rows) {
    const Answer answer = parse_answer(row.received);
    CHECK(answer.text == row.text);
    CHECK(answer.is_refused == row.refused);
  }
}

TEST_CASE("status shows each backend before its servers, with state and reason") {
  const std::string table = status_table(
      "# pxname,svname,scur,stot,status,weight,bck,lastchg,type,check_status,check_code,last_chk,\n"
      "www,FRONTEND,3,70,OPEN,,,,0,,,,\n"
      "app,web1,1,40,UP,10,0,90,2,L7OK,200,,\n"
      "app,web2,0,30,DOWN,1,0,7300,2,L4CON,,Connection refused,\n"
      "app,spare,0,0,no check,1,1,90,2,,,,\n"
      "app,BACKEND,1,70,UP,10,1,180,1,,,,\n\n");
  CHECK(table ==
        "NAME         ROLE      STATE     SINCE  WEIGHT  SESSIONS  TOTAL  LAST CHECK\n"
        "www          frontend  OPEN                     3         70\n"
        "app          backend   UP        3m     10      1         70\n"
        "  app/web1   server    UP        90s    10      1         40     L7OK 200\n"
        "  app/web2   server    DOWN      2h     1       0         30     L4CON (Connection "
        "refused)\n"
        "  app/spare  backup    no check  90s    1       0         0\n");
}

TEST_CASE("moves are read from JSON, and nothing else passes for them") {
  const auto moves = parse_moves(
      R"([{"router":"main","state":"backup","forwarding":false,"move":{"to":"lb2",
          "began":"2026-11-21T20:15:42.000Z","stage":"retaining","words":"","took_seconds":0.0134,
          "lasted_seconds":0,"connections_kept":67,"connections_left":60,"connections_cut":0,
          "packets_handed_back":0}},{"router":"main/6","state":"active","forwarding":true}])");
  REQUIRE(moves);
  REQUIRE(moves->size() == 2);
  CHECK(moved_words(moves->front()) ==
        "main moved to lb2 in 13 ms; 60 older connections go on here until they end");
  CHECK_FALSE(moves->front().is_active);
  CHECK(moves->back().is_active);
  CHECK(begun_since({}, *moves).size() == 1);
  CHECK(begun_since(*moves, *moves).empty());
  for (const char* other : {"", "{}", "[1]", R"([{"router":1}])", R"([{"move":{"began":{}}}])"})
    CHECK_FALSE(parse_moves(other));
}

TEST_CASE("a move is told as it went") {
  Move move{.router = "main", .to = "lb2", .stage = "failed", .words = "it is not fit"};
  CHECK(moved_words(move) == "main does not move: it is not fit");
  move.stage = "done";
  move.words.clear();
  move.took_seconds = 0.02;
  CHECK(moved_words(move) == "main moved to lb2 in 20 ms; older connections broke");
  move.kept = 5;
  move.cut = 1;
  move.lasted_seconds = 4.2;
  move.packets = 77;
  CHECK(moved_words(move) ==
        "main moved to lb2 in 20 ms; 5 older connections went on, 1 were cut; over after 4.2 s, "
        "77 packets handed back");
}

TEST_CASE("a timeline has what is new, from its first event on, over midnight too") {
  const std::string before = "2026-11-21T23:59:59.000Z main: old\n";
  const std::string after = before +
                            "2026-11-21T23:59:59.900Z main: moves to lb2 (an operator)\n"
                            "not an event\n"
                            "2026-11-22T00:00:00.050Z main: active -> backup\n";
  CHECK(timeline(before, after) ==
        "    0.000 s  main: moves to lb2 (an operator)\n"
        "    0.150 s  main: active -> backup\n");
  CHECK(timeline(after, after).empty());
}

TEST_CASE("which commands wait for what they have asked for") {
  CHECK(is_moving({"switchover"}));
  CHECK(is_moving({"drill", "main"}));
  CHECK_FALSE(is_moving({"show", "moves"}));
}

}  // namespace tandem::ctl
