#include "common/command/table.h"

#include <catch2/catch.hpp>

namespace tandem::command {
namespace {

Reply run(const CommandTable& table, std::vector<std::string> words, Level level = Level::kAdmin) {
  Session session{.level = level};
  Invocation invocation{session, words, ""};
  return table.run(invocation);
}

CommandTable make_table() {
  CommandTable table;
  const auto say = [](std::string text) {
    return [text](Invocation&) { return Reply::data(text); };
  };
  table.add({"show stat", Level::kUser, "show stat", "statistics", say("stat")});
  table.add({"show servers state", Level::kUser, "show servers state", "states", say("state")});
  table.add({"set server", Level::kAdmin, "set server <bk>/<srv>", "change", say("set")});
  table.add({"set server all", Level::kAdmin, "set server all", "more words win", say("all")});
  return table;
}

}  // namespace

TEST_CASE("a command is found by its first words, the longest first") {
  const CommandTable table = make_table();
  CHECK(run(table, {"show", "stat"}).text == "stat");
  CHECK(run(table, {"show", "stat", "x", "y"}).text == "stat");
  CHECK(run(table, {"set", "server", "a/b"}).text == "set");
  CHECK(run(table, {"set", "server", "all"}).text == "all");
}

TEST_CASE("a command above the level is refused and not listed") {
  const CommandTable table = make_table();
  const Reply refused = run(table, {"set", "server", "a/b"}, Level::kOperator);
  CHECK(refused.text == "Permission denied");
  CHECK(refused.severity == Severity::kError);
  CHECK(table.usage({}, Level::kOperator).find("set server") == std::string::npos);
  CHECK(table.usage({}, Level::kAdmin).find("set server") != std::string::npos);
}

TEST_CASE("an unknown command is answered with what was perhaps meant") {
  const CommandTable table = make_table();
  struct Row {
    std::vector<std::string> words;
    std::string begins;
    std::string holds;
  };
  const std::vector<Row> rows = {
      {{"show", "stats"}, "Unknown command: 'show stats', but maybe one of", "  show stat "},
      {{"show"}, "Unknown command: 'show', but maybe one of", "  show servers state "},
      {{"xyzzy"}, "Unknown command: 'xyzzy'. Please enter one of", "  show stat "},
      {{}, "Unknown command. Please enter one of the following commands only:\n", "  quit "},
  };
  for (const Row& row : rows) {
    const Reply reply = run(table, row.words);
    INFO(reply.text);
    CHECK(reply.severity == Severity::kError);
    CHECK(reply.text.starts_with(row.begins));
    CHECK(reply.text.find(row.holds) != std::string::npos);
  }
}

TEST_CASE("what a peer typed comes back short and printable") {
  const Reply reply = run(CommandTable(), {std::string(1000, '\x07')});
  CHECK(reply.text.starts_with("Unknown command: '" + std::string(64, '?') + "'"));
}

TEST_CASE("help lists what fits, with the commands of the connection last") {
  const CommandTable table = make_table();
  const Reply all = run(table, {"help"});
  CHECK(all.text.starts_with("The following commands are valid at this level:\n"));
  const Reply one = run(table, {"help", "show", "stat"});
  CHECK(one.text.find("show servers") == std::string::npos);
  CHECK(one.text.find("  show stat                              : statistics\n") !=
        std::string::npos);
  CHECK(one.text.ends_with(": disconnect\n"));
}

}  // namespace tandem::command
