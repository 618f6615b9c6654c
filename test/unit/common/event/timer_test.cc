#include "common/event/timer.h"

#include <catch2/catch.hpp>

#include <memory>
#include <utility>
#include <vector>

namespace tandem::event {
namespace {

using namespace std::chrono_literals;

TEST_CASE("a timer fires once, in the order of delays") {
  Loop loop;
  std::vector<int> order;
  Timer late(loop, [&] { order.push_back(2); });
  Timer early(loop, [&] { order.push_back(1); });
  late.start(4ms);
  early.start(1ms);
  loop.run();
  CHECK(order == std::vector{1, 2});
}

TEST_CASE("a timer that is stopped or destroyed does not fire") {
  Loop loop;
  int calls = 0;
  Timer stopped(loop, [&] { ++calls; });
  auto destroyed = std::make_unique<Timer>(loop, [&] { ++calls; });
  stopped.start(1ms);
  destroyed->start(1ms);
  stopped.stop();
  destroyed.reset();
  loop.run();
  CHECK(calls == 0);
}

TEST_CASE("a later start replaces an earlier one") {
  Loop loop;
  int calls = 0;
  Timer timer(loop, [&] { ++calls; });
  timer.start(1ms);
  timer.start(2ms);
  loop.run();
  CHECK(calls == 1);
}

TEST_CASE("a timer may be destroyed by its own callback") {
  Loop loop;
  auto timer = std::make_unique<Timer>();
  int calls = 0;
  *timer = Timer(loop, [&] {
    ++calls;
    timer.reset();
  });
  timer->start_periodic(0ms, 1ms);
  loop.run();
  CHECK(calls == 1);
}

TEST_CASE("a timer that is moved goes on under its new owner") {
  Loop loop;
  int calls = 0;
  Timer first(loop, [&] { ++calls; });
  first.start(1ms);
  Timer second = std::move(first);
  loop.run();
  CHECK(calls == 1);
  second.start(-5ms);
  loop.run();
  CHECK(calls == 2);
}

TEST_CASE("a timer without a loop can be stopped and destroyed") {
  Timer timer;
  timer.stop();
}

}  // namespace
}  // namespace tandem::event
