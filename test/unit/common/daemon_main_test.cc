#include "common/daemon_main.h"

#include <catch2/catch.hpp>

#include <stdexcept>

namespace tandem::daemon {
namespace {

/// What became of one command line.
struct Outcome {
  int status = -1;
  CommandLine line;
  std::string own;
  int version_printed = 0;  // 1: one line, 2: everything
  bool has_run = false;
};

Outcome call(std::vector<std::string> words, int result = kOk) {
  Outcome outcome;
  std::string name = "tandem-test";
  std::vector<char*> argv{name.data()};
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  outcome.status = run({.name = "tandem-test",
                        .usage = "usage: tandem-test -f FILE\n",
                        .options = {{"own", &outcome.own}},
                        .flaw = [](const auto& line) { return line.files.empty() ? "-f" : ""; },
                        .print_version = [&](bool all) { outcome.version_printed = all ? 2 : 1; },
                        .run =
                            [&](const CommandLine& line) {
                              outcome.line = line;
                              outcome.has_run = true;
                              if (result < 0) throw std::runtime_error("thrown for a test");
                              return result;
                            }},
                       static_cast<int>(argv.size()) - 1, argv.data());
  return outcome;
}

}  // namespace

TEST_CASE("Both daemons read their command line alike") {
  const Outcome outcome = call({"-f", "a", "-t", "--own=x", "-f", "b", "--own", "y"}, 6);
  CHECK(outcome.status == 6);
  CHECK(outcome.line.files == std::vector<std::string>{"a", "b"});
  CHECK(outcome.line.check_only);
  CHECK(outcome.own == "y");
  CHECK(call({"-c", "-fa"}).line.check_only);
  CHECK_FALSE(call({"-fa"}).line.check_only);
}

TEST_CASE("A command line that makes no sense is bad usage, and nothing runs") {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{}, {"-f"}, {"-x"}, {"--other"}, {"-f", "a", "b"}, {"--own"}}) {
    const Outcome outcome = call(words);
    CHECK(outcome.status == kBadUsage);
    CHECK_FALSE(outcome.has_run);
  }
}

TEST_CASE("Help and version are told whatever else is there, and nothing runs") {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"-h"}, {"--help"}, {"-v", "-h"}, {"-h", "more"}}) {
    const Outcome outcome = call(words);
    CHECK(outcome.status == kOk);
    CHECK_FALSE(outcome.has_run);
  }
  CHECK(call({"--version"}).version_printed == 1);
  CHECK(call({"-v", "more"}).version_printed == 1);
  CHECK(call({"-vv"}).version_printed == 2);
}

TEST_CASE("What is thrown ends the program as failed") {
  CHECK(call({"-f", "a"}, -1).status == kFailed);
}

}  // namespace tandem::daemon
