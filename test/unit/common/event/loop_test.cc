#include "common/event/loop.h"

#include "common/event/mailbox.h"
#include "common/event/timer.h"

#include <catch2/catch.hpp>

namespace tandem::event {
namespace {

using namespace std::chrono_literals;

TEST_CASE("a loop with nothing to wait for returns and closes") {
  Loop loop;
  loop.run();
  loop.run_once();
}

TEST_CASE("stop ends a run that would go on") {
  Loop loop;
  int turns = 0;
  Timer timer(loop, [&] {
    if (++turns == 3) loop.stop();
  });
  timer.start_periodic(0ms, 1ms);
  loop.run();
  CHECK(turns == 3);
}

TEST_CASE("one turn that has served a timer does not wait for anything else") {
  Loop loop;
  const Mailbox keeps_the_loop_waiting(loop);
  bool is_called = false;
  Timer timer(loop, [&] { is_called = true; });
  timer.start(0ms);
  loop.run_once();
  CHECK(is_called);
}

TEST_CASE("one turn can be taken again and again") {
  Loop loop;
  int calls = 0;
  Timer timer(loop, [&] { ++calls; });
  for (int i = 1; i <= 5; ++i) {
    timer.start(i % 2 == 0 ? 0ms : 1ms);
    while (calls < i) loop.run_once();
  }
  CHECK(calls == 5);
}

TEST_CASE("now stands still within a turn and never goes back") {
  Loop loop;
  const Instant before = loop.now();
  Instant within;
  Timer timer(loop, [&] {
    within = loop.now();
    CHECK(loop.now() == within);
  });
  timer.start(1ms);
  loop.run();
  CHECK(within > before);
}

TEST_CASE("the busy ratio is a share") {
  Loop loop;
  Timer timer(loop, [] {});
  timer.start(2ms);
  loop.run();
  const double ratio = loop.busy_ratio();
  CHECK(ratio >= 0.0);
  CHECK(ratio <= 1.0);
}

}  // namespace
}  // namespace tandem::event
