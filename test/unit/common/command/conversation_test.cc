#include "common/command/conversation.h"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

namespace tandem::command {
namespace {

CommandTable make_table() {
  CommandTable table;
  table.add({"get it", Level::kUser, "get it", "data",
             [](Invocation&) { return Reply::data("one\ntwo\n"); }});
  table.add(
      {"set it", Level::kUser, "set it", "silent", [](Invocation&) { return Reply::done(); }});
  table.add({"fail", Level::kUser, "fail", "refused",
             [](Invocation&) { return Reply::error("No such server."); }});
  table.add({"change", Level::kUser, "change", "warned",
             [](Invocation&) { return Reply::warning("nothing changed\n"); }});
  table.add({"holes", Level::kUser, "holes", "empty lines inside",
             [](Invocation&) { return Reply::data("\na\n\n\nb\n\n"); }});
  table.add({"echo", Level::kUser, "echo", "words and payload", [](Invocation& i) {
               std::string text;
               for (const std::string& word : i.words.subspan(1)) text += '<' + word + '>';
               return Reply::data(text + std::string(i.payload));
             }});
  return table;
}

/// All that comes back for `pieces`, each received on its own.
std::string talk(const std::vector<std::string>& pieces, Level level = Level::kAdmin) {
  const CommandTable table = make_table();
  Conversation conversation(table, level);
  std::string output;
  for (const std::string& piece : pieces) {
    conversation.receive(piece);
    for (;;) {
      const Conversation::Step step = conversation.step(output);
      if (step == Conversation::Step::kFinished) return output + "[closed]";
      if (step == Conversation::Step::kNeedInput) break;
    }
  }
  return output;
}

std::vector<std::string> bytes_of(const std::string& text) {
  std::vector<std::string> pieces;
  for (const char c : text) pieces.emplace_back(1, c);
  return pieces;
}

}  // namespace

TEST_CASE("each answer ends with one empty line, and a plain connection is closed after its line") {
  struct Row {
    std::string sent;
    std::string answer;
  };
  const std::vector<Row> rows = {
      {"get it\n", "one\ntwo\n\n"},
      {"get it\r\n", "one\ntwo\n\n"},
      {"set it\n", "\n"},
      {"set it;get it\n", "\none\ntwo\n\n"},
      {"set it; get it\n", "\none\ntwo\n\n"},
      {"set it;get it;\n", "\none\ntwo\n\n"},
      {"fail;fail\n", "No such server.\n\nNo such server.\n\n"},
      {"change\n", "nothing changed\n\n"},
      {"  get   it  \n", "one\ntwo\n\n"},
      {"echo a\\;b c\\ d \\\\\n", "<a;b><c d><\\>\n\n"},
  };
  for (const Row& row : rows) {
    INFO(row.sent);
    CHECK(talk({row.sent}) == row.answer + "[closed]");
    CHECK(talk(bytes_of(row.sent)) == row.answer + "[closed]");
  }
}

TEST_CASE("lines that come together are answered together before the connection closes") {
  CHECK(talk({"set it\nget it\n"}) == "\none\ntwo\n\n[closed]");
}

TEST_CASE("an empty line inside an answer never reaches the client") {
  CHECK(talk({"holes\n"}) == " \na\n \n \nb\n\n[closed]");
}

TEST_CASE("half a line gets no answer") { CHECK(talk({"get it"}) == ""); }

TEST_CASE("a peer that has finished sending is done with, whatever it left unfinished") {
  const CommandTable table = make_table();
  Conversation conversation(table, Level::kAdmin);
  std::string output;
  conversation.receive("get i");
  conversation.end_of_input();
  CHECK(conversation.step(output) == Conversation::Step::kFinished);
  CHECK(output.empty());
}

TEST_CASE("prompt keeps the connection open and announces each line") {
  CHECK(talk({"prompt\n", "set it\n", "get it\n"}) == "\n> \n> one\ntwo\n\n> ");
  CHECK(talk({"prompt;set it\n"}) == "\n> \n> ");
  SECTION("a second prompt goes back") {
    CHECK(talk({"prompt\n", "prompt\n"}) == "\n> \n[closed]");
  }
  SECTION("prompt i stays without announcing") {
    CHECK(talk({"prompt i\n", "set it\n", "set it\n"}) == "\n\n\n");
  }
  SECTION("quit answers nothing and closes") {
    CHECK(talk({"prompt\n", "quit\n"}) == "\n> [closed]");
  }
}

TEST_CASE("a payload goes to the last command of its line") {
  CHECK(talk({"echo x <<\none\ntwo\n\n"}) == "<x>one\ntwo\n\n[closed]");
  CHECK(talk({"set it;echo x <<END\none\n\ntwo\nEND\n"}) == "\n<x>one\n \ntwo\n\n[closed]");
  CHECK(talk(bytes_of("echo x <<\none\n\n")) == "<x>one\n\n[closed]");
  SECTION("and is prompted for in interactive mode") {
    CHECK(talk({"prompt\n", "echo x <<\n", "one\n", "\n"}) == "\n> + + <x>one\n\n> ");
  }
}

TEST_CASE("severities stand before messages, never before data") {
  CHECK(talk({"set severity-output number;fail;change;get it;set it\n"}) ==
        "\n[3]: No such server.\n\n[4]: nothing changed\n\none\ntwo\n\n\n[closed]");
  CHECK(talk({"set severity-output string;fail\n"}) == "\n[err]: No such server.\n\n[closed]");
  CHECK(talk({"set severity-output number;set severity-output none;fail\n"}) ==
        "\n\nNo such server.\n\n[closed]");
  CHECK(talk({"set severity-output loud\n"}) ==
        "one of 'none', 'number', 'string' is a required argument\n\n[closed]");
}

TEST_CASE("a session can lower its level and not raise it") {
  CHECK(talk({"operator;show cli level;user;show cli level;operator;show cli level\n"}) ==
        "\noperator\n\n\nuser\n\nPermission denied\n\nuser\n\n[closed]");
}

TEST_CASE("the timeout of a session can be set") {
  const CommandTable table;
  Conversation conversation(table, Level::kUser);
  std::string output;
  conversation.receive("set timeout cli 20;set timeout cli 1m;set timeout cli x;set timeout y\n");
  while (conversation.step(output) == Conversation::Step::kAnswered) {
  }
  CHECK(conversation.session().timeout == std::chrono::minutes(1));
  CHECK(output == "\n\nInvalid timeout value.\n\n'set timeout' only supports 'cli'.\n\n");
}

TEST_CASE("input without end is refused") {
  const std::string much(Conversation::kInputBytesMax + 1, 'a');
  CHECK(talk({much}) == "Input too long (65536 bytes at most).\n\n[closed]");
  SECTION("in a payload too") {
    std::string payload = "echo <<\n";
    for (int i = 0; i < 5000; ++i) payload += "fifteen letters\n";
    CHECK(talk({payload}) == "Input too long (65536 bytes at most).\n\n[closed]");
  }
}

TEST_CASE("too many words are refused and the next command still runs") {
  std::string many = "echo";
  for (int i = 0; i < 64; ++i) many += " w";
  CHECK(talk({many + ";set it\n"}) == "Too many words (64 at most).\n\n\n[closed]");
}

}  // namespace tandem::command
