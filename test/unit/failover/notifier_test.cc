#include "failover/notifier.h"

#include <catch2/catch.hpp>

namespace tandem::failover {
namespace {

struct World {
  event::Loop loop;
  EventLog events;
  config::Notify settings{.exec = {"/bin/true"}, .timeout = Milliseconds(20'000)};

  /// Tells `changes` of them and runs until it is idle; its counts.
  Notifier::Counts after(std::size_t changes) {
    Notifier notifier(loop, settings, events);
    for (std::size_t i = 0; i < changes; ++i) notifier.tell({"main", std::to_string(i)});
    bool idle = false;
    notifier.when_idle([&] { idle = true; });
    while (!idle) loop.run_once();
    CHECK(notifier.is_idle());
    return notifier.counts();
  }
  std::string last_event() const {
    return events.events().empty() ? "" : events.events().back().words;
  }
};

}  // namespace

TEST_CASE("Each change is told, one run after the other") {
  World world;
  const Notifier::Counts counts = world.after(5);
  CHECK(counts.runs == 5);
  CHECK(counts.failures == 0);
  CHECK(world.last_event().empty());
}

TEST_CASE("Nothing to tell is idle at once") { CHECK(World().after(0).runs == 0); }

TEST_CASE("A run that goes wrong is an event, and the next one is made") {
  World world;
  std::string words;
  SECTION("it fails") {
    world.settings.exec = {"/bin/sh", "-c", "exit 3"};
    words = "notify /bin/sh ended with status 3";
  }
  SECTION("it dies") {
    world.settings.exec = {"/bin/sh", "-c", "kill -9 $$"};
    words = "notify /bin/sh was ended by signal 9";
  }
  SECTION("it hangs") {
    world.settings.exec = {"/bin/sh", "-c", "sleep 600"};
    world.settings.timeout = Milliseconds(5);
    words = "notify /bin/sh took longer than 5ms";
  }
  SECTION("it is not there") {
    world.settings.exec = {"/nowhere/to/be/found"};
    words = "notify /nowhere/to/be/found no such file or directory";
  }
  const Notifier::Counts counts = world.after(2);
  CHECK(counts.runs == 2);
  CHECK(counts.failures == 2);
  CHECK(world.last_event() == words);
}

TEST_CASE("More changes than may wait are forgotten from the oldest on, and that is said") {
  World world;
  const Notifier::Counts counts = world.after(Notifier::kWaitingMax + 3);
  CHECK(counts.runs == Notifier::kWaitingMax + 1);
  CHECK(counts.failures == 2);
  CHECK(world.last_event() == "notify /bin/true does not keep up: a change is not told");
}

}  // namespace tandem::failover
