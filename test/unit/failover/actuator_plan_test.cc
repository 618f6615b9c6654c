#include "failover/actuator_plan.h"

#include <catch2/catch.hpp>

#include <vector>

namespace tandem::failover {
namespace {

using namespace std::chrono_literals;
using enum Actuation;
using News = ActuatorPlan::News;
using Task = ActuatorPlan::Task;
using Outcome = ActuatorPlan::Outcome;

/// A plan and the time.
struct World {
  ActuatorPlan plan;
  Instant now{1h};

  explicit World(bool reads_back, std::size_t addresses = 1, bool releases = false)
      : plan({.addresses = addresses,
              .reads_back = reads_back,
              .releases = releases,
              .retry = 2s,
              .interval = 10s}) {}

  /// What is to be run now, and that it ended so.
  News after(const Task& expected, const Outcome& outcome = {}) {
    const auto task = plan.next(now);
    REQUIRE(task.has_value());
    CHECK(*task == expected);
    return plan.ended(outcome, now);
  }
  bool is_quiet() { return !plan.next(now).has_value(); }
  /// Goes on to when the next run is due.
  Duration wait() {
    REQUIRE(plan.due() != Instant::max());
    const Duration waited = plan.due() - now;
    now = plan.due();
    return waited;
  }
};

Outcome fault(std::string words) { return {.fault = std::move(words)}; }
Outcome elsewhere(bool other_is_active = false) {
  return {.elsewhere = "lb2 has it", .other_is_active = other_is_active};
}

}  // namespace

TEST_CASE("Nothing is run before anything is wished") {
  World world(true);
  CHECK(world.is_quiet());
  CHECK(world.plan.due() == Instant::max());
  CHECK(world.plan.is_done());
  world.plan.release(world.now);
  CHECK(world.is_quiet());
}

TEST_CASE("Each address is acquired once; without reading back that is all") {
  World world(false, 2);
  world.plan.acquire(world.now, false);
  CHECK_FALSE(world.plan.is_done());
  CHECK(world.after({kAcquire, 0}) == News::kNone);
  CHECK(world.after({kAcquire, 1}) == News::kDone);
  CHECK(world.plan.is_done());
  CHECK(world.plan.due() == Instant::max());
}

TEST_CASE("One run at a time") {
  World world(false, 2);
  world.plan.acquire(world.now, false);
  REQUIRE(world.plan.next(world.now));
  CHECK(world.is_quiet());
}

TEST_CASE("What was acquired is read back, then and now and again") {
  World world(true);
  world.plan.acquire(world.now, false);
  CHECK(world.after({kAcquire, 0}) == News::kNone);
  CHECK_FALSE(world.plan.is_done());
  CHECK(world.after({kReadBack, 0}) == News::kDone);
  CHECK(world.plan.is_done());
  for (int i = 0; i < 3; ++i) {
    CHECK(world.wait() == 10s);
    CHECK(world.after({kReadBack, 0}) == News::kNone);
  }
}

TEST_CASE("A failure is tried again, ever later, and only what failed") {
  World world(false, 2);
  world.plan.acquire(world.now, false);
  CHECK(world.after({kAcquire, 0}) == News::kNone);
  CHECK(world.after({kAcquire, 1}, fault("no")) == News::kFault);
  CHECK(world.plan.fault() == "no");
  for (const Duration expected : {Duration(2s), Duration(4s), Duration(8s), Duration(16s),
                                  Duration(32s), Duration(60s), Duration(60s)}) {
    CHECK(world.wait() == expected);
    CHECK(world.after({kAcquire, 1}, fault("no")) == News::kNone);
  }
  world.wait();
  CHECK(world.after({kAcquire, 1}, fault("other")) == News::kFault);
  world.wait();
  CHECK(world.after({kAcquire, 1}) == News::kDone);
  CHECK(world.plan.fault().empty());
}

TEST_CASE("Acquired but not seen: it is looked again before it is acquired again") {
  World world(true);
  world.plan.acquire(world.now, false);
  CHECK(world.after({kAcquire, 0}) == News::kNone);
  CHECK(world.after({kReadBack, 0}, elsewhere()) == News::kFault);
  CHECK(world.plan.fault() == "lb2 has it, though it was acquired");
  CHECK(world.wait() == 2s);
  SECTION("the network needed a moment") { CHECK(world.after({kReadBack, 0}) == News::kDone); }
  SECTION("it needs another try") {
    CHECK(world.after({kReadBack, 0}, elsewhere()) == News::kNone);
    CHECK(world.after({kAcquire, 0}) == News::kNone);
    CHECK(world.after({kReadBack, 0}) == News::kDone);
  }
}

TEST_CASE("A read-back that fails proves nothing: nothing is acquired again") {
  World world(true);
  world.plan.acquire(world.now, false);
  CHECK(world.after({kAcquire, 0}) == News::kNone);
  CHECK(world.after({kReadBack, 0}) == News::kDone);
  world.wait();
  CHECK(world.after({kReadBack, 0}, fault("read_back ended with status 7")) == News::kFault);
  CHECK_FALSE(world.plan.is_done());
  CHECK(world.wait() == 2s);
  CHECK(world.after({kReadBack, 0}) == News::kDone);
}

TEST_CASE("What somebody moves away is taken back, but not without end") {
  World world(true);
  world.plan.acquire(world.now, false);
  CHECK(world.after({kAcquire, 0}) == News::kNone);
  CHECK(world.after({kReadBack, 0}) == News::kDone);
  for (int i = 0; i < ActuatorPlan::kTakeBacks; ++i) {
    CHECK(world.wait() == 10s);
    CHECK(world.after({kReadBack, 0}, elsewhere()) == News::kMovedAway);
    CHECK(world.after({kAcquire, 0}) == News::kNone);
    CHECK(world.after({kReadBack, 0}) == News::kDone);
  }
  world.wait();
  CHECK(world.after({kReadBack, 0}, elsewhere()) == News::kMovedAway);
  CHECK(world.plan.fault() == "lb2 has it; taken back too often: left there for a while");
  const Instant since = world.now;
  // Looked at all the time; taken back once more when the time has come.
  for (;;) {
    world.wait();
    const auto task = world.plan.next(world.now);
    REQUIRE(task == Task{kReadBack, 0});
    CHECK(world.plan.ended(elsewhere(), world.now) == News::kNone);
    if (world.plan.due() == world.now) break;
  }
  CHECK(world.now - since > 3min);
  CHECK(world.after({kAcquire, 0}) == News::kNone);
  CHECK(world.after({kReadBack, 0}) == News::kDone);
}

TEST_CASE("While the other node is active with a right, nothing is taken back") {
  World world(true);
  world.plan.acquire(world.now, false);
  CHECK(world.after({kAcquire, 0}) == News::kNone);
  CHECK(world.after({kReadBack, 0}) == News::kDone);
  for (int i = 0; i < 10; ++i) {
    world.wait();
    CHECK(world.after({kReadBack, 0}, elsewhere(true)) ==
          (i == 0 ? News::kMovedAway : News::kNone));
    CHECK(world.plan.fault() == "lb2 has it; not taken back while the other node is active");
  }
  // The machine has decided: this node stays.
  world.plan.confirm(world.now);
  CHECK(world.after({kReadBack, 0}, elsewhere()) == News::kNone);
  CHECK(world.after({kAcquire, 0}) == News::kNone);
  CHECK(world.after({kReadBack, 0}) == News::kDone);
}

TEST_CASE("A successor looks first what its predecessor has left") {
  World world(true);
  world.plan.acquire(world.now, true);
  CHECK(world.after({kReadBack, 0}) == News::kDone);
  CHECK(world.plan.is_done());
}

TEST_CASE("Without reading back a successor acquires anew") {
  World world(false);
  world.plan.acquire(world.now, true);
  CHECK(world.after({kAcquire, 0}) == News::kDone);
}

TEST_CASE("The newest wish wins: what an earlier run came to does not matter") {
  World world(true, 1, true);
  world.plan.acquire(world.now, false);
  REQUIRE(world.plan.next(world.now));
  world.plan.release(world.now);
  CHECK(world.after({kRelease, 0}) == News::kDone);
  CHECK(world.plan.is_idle());
  CHECK(world.plan.due() == Instant::max());
}

TEST_CASE("A release that fails is told and not tried again: the other node may have it by now") {
  World world(false, 2, true);
  world.plan.acquire(world.now, false);
  CHECK(world.after({kAcquire, 0}) == News::kNone);
  CHECK(world.after({kAcquire, 1}) == News::kDone);
  world.plan.release(world.now);
  CHECK(world.after({kRelease, 0}, fault("no")) == News::kNone);
  CHECK(world.after({kRelease, 1}) == News::kFault);
  CHECK(world.plan.is_idle());
  CHECK(world.is_quiet());
}

TEST_CASE("Who lets go without a word runs nothing") {
  World world(true);
  world.plan.acquire(world.now, false);
  CHECK(world.after({kAcquire, 0}) == News::kNone);
  world.plan.release(world.now);
  CHECK(world.is_quiet());
  CHECK(world.plan.is_idle());
}

TEST_CASE("Telling the network again: read back, or acquired anew, and not without end") {
  const bool reads_back = GENERATE(false, true);
  World world(reads_back);
  world.plan.acquire(world.now, false);
  // The machine announces with each takeover: the first run is on its way.
  world.plan.confirm(world.now);
  CHECK(world.after({kAcquire, 0}) == (reads_back ? News::kNone : News::kDone));
  if (reads_back) CHECK(world.after({kReadBack, 0}) == News::kDone);
  int runs = 0;
  for (int i = 0; i < 100; ++i) {
    world.plan.confirm(world.now);
    if (world.is_quiet()) continue;
    ++runs;
    static_cast<void>(world.plan.ended({}, world.now));
  }
  CHECK(runs == 3);
  CHECK(world.plan.is_done());
}

TEST_CASE("Who is to tell again while a run is under way does so afterwards") {
  World world(false);
  world.plan.acquire(world.now, false);
  REQUIRE(world.plan.next(world.now));
  world.plan.confirm(world.now);
  CHECK(world.plan.ended({}, world.now) == News::kDone);
  CHECK(world.after({kAcquire, 0}) == News::kNone);
  CHECK(world.is_quiet());
}

}  // namespace tandem::failover
