#include "failover/event_log.h"

#include <catch2/catch.hpp>

#include <chrono>
#include <string>
#include <vector>

namespace tandem::failover {
namespace {

using std::chrono::system_clock;

Event there(system_clock::time_point at, std::string words, std::string node = "lb2") {
  return {.at = at, .node = std::move(node), .router = "main", .words = std::move(words)};
}

}  // namespace

TEST_CASE("Events of all nodes are shown in the order of their times") {
  EventLog log;
  const auto now = system_clock::now();
  log.take(there(now - std::chrono::hours(1), "first"));
  log.add("", "second");
  log.take(there(now + std::chrono::hours(1), "third", "lb3"));
  std::vector<std::string> words;
  for (const Event& event : log.of_all_nodes()) words.push_back(event.node + ":" + event.words);
  CHECK(words == std::vector<std::string>{"lb2:first", ":second", "lb3:third"});
}

TEST_CASE("Of other nodes nothing is kept twice, without end, or on two lines") {
  EventLog log;
  const system_clock::time_point begin(std::chrono::seconds(1));
  log.take(there(begin, "two\nlines\x7f"));
  log.take(there(begin, "two\nlines\x7f"));
  REQUIRE(log.of_all_nodes().size() == 1);
  CHECK(log.of_all_nodes().front().words == "two lines ");
  for (std::size_t i = 0; i < 2 * EventLog::kEventsMax; ++i)
    log.take(there(begin + std::chrono::seconds(i), "again"));
  log.take(there(begin, "of another node", "lb3"));
  CHECK(log.of_all_nodes().size() == EventLog::kEventsMax + 1);
  CHECK(log.events().empty());
}

TEST_CASE("Who wants to know is told what is added here, not what other nodes tell") {
  EventLog log;
  std::vector<std::string> told;
  log.set_on_add([&told](const Event& event) { told.push_back(event.words); });
  log.add("main", "here");
  log.take(there(system_clock::now(), "there"));
  CHECK(told == std::vector<std::string>{"here"});
}

}  // namespace tandem::failover
