#include "common/event/wheel.h"

#include "common/random.h"

#include <catch2/catch.hpp>

#include <functional>
#include <memory>
#include <utility>
#include <vector>

namespace tandem::event {
namespace {

using namespace std::chrono_literals;

class Probe final : public Deadline {
 public:
  explicit Probe(std::function<void()> callback) : callback_(std::move(callback)) {}

 private:
  void on_deadline() override { callback_(); }
  std::function<void()> callback_;
};

TEST_CASE("a deadline comes once and never early") {
  Loop loop;
  Wheel wheel(loop);
  int calls = 0;
  Instant at;
  Probe deadline([&] {
    ++calls;
    CHECK(loop.now() >= at);
  });
  at = loop.now() + 6ms;
  wheel.set(deadline, at);
  CHECK(deadline.is_set());
  loop.run();
  CHECK(calls == 1);
  CHECK_FALSE(deadline.is_set());
}

TEST_CASE("deadlines come in order of their ticks") {
  Loop loop;
  Wheel wheel(loop);
  std::vector<int> order;
  Probe second([&] { order.push_back(2); });
  Probe first([&] { order.push_back(1); });
  Probe past([&] { order.push_back(0); });
  wheel.set(second, loop.now() + 30ms);
  wheel.set(first, loop.now() + 15ms);
  wheel.set(past, loop.now() - 1h);
  loop.run();
  CHECK(order == std::vector{0, 1, 2});
}

TEST_CASE("a deadline that moves later is met at the later time only") {
  Loop loop;
  Wheel wheel(loop);
  Instant at = loop.now() + 4ms;
  int calls = 0;
  Probe deadline([&] {
    ++calls;
    CHECK(loop.now() >= at);
  });
  wheel.set(deadline, at);
  at += 20ms;
  wheel.set(deadline, at);
  loop.run();
  CHECK(calls == 1);
}

TEST_CASE("a deadline that moves earlier from far away is met at the earlier time") {
  Loop loop;
  Wheel wheel(loop);
  const Instant start = loop.now();
  Probe deadline([&] { CHECK(loop.now() < start + 10s); });
  wheel.set(deadline, start + 1h);
  wheel.set(deadline, start + 5ms);
  loop.run();
  CHECK_FALSE(deadline.is_set());
}

TEST_CASE("what is cleared or destroyed is not called") {
  Loop loop;
  Wheel wheel(loop);
  int calls = 0;
  Probe cleared([&] { ++calls; });
  auto destroyed = std::make_unique<Probe>([&] { ++calls; });
  auto neighbour = std::make_unique<Probe>([&] { ++calls; });
  const Instant at = loop.now() + 4ms;
  wheel.set(cleared, at);
  wheel.set(*destroyed, at);
  wheel.set(*neighbour, at);
  cleared.clear();
  destroyed.reset();
  loop.run();
  CHECK(calls == 1);
}

TEST_CASE("a callback may destroy, set and clear any deadline of its own tick") {
  Loop loop;
  Wheel wheel(loop);
  std::vector<std::unique_ptr<Probe>> all;
  int calls = 0;
  for (int i = 0; i < 8; ++i) {
    all.push_back(std::make_unique<Probe>([&, i] {
      ++calls;
      const auto victim = static_cast<std::size_t>((i + 1) % 8);
      const auto moved = static_cast<std::size_t>((i + 2) % 8);
      all[victim].reset();
      if (all[moved] != nullptr) wheel.set(*all[moved], loop.now() + 5ms);
    }));
  }
  const Instant at = loop.now() + 2ms;
  for (auto& deadline : all) wheel.set(*deadline, at);
  loop.run();
  CHECK(calls >= 1);
  for (const auto& deadline : all) CHECK((deadline == nullptr || !deadline->is_set()));
}

TEST_CASE("a deadline may set itself again from its callback") {
  Loop loop;
  Wheel wheel(loop);
  int calls = 0;
  Probe* self = nullptr;
  Probe deadline([&] {
    if (++calls < 4) wheel.set(*self, loop.now());
  });
  self = &deadline;
  wheel.set(deadline, loop.now());
  loop.run();
  CHECK(calls == 4);
}

TEST_CASE("deadlines that outlive their wheel are only forgotten") {
  Loop loop;
  Probe deadline([] { FAIL("the wheel has gone"); });
  {
    Wheel wheel(loop);
    wheel.set(deadline, loop.now() + 1ms);
  }
  loop.run();
}

TEST_CASE("random sets, moves and clears are each met once, and not early") {
  Loop loop;
  Wheel wheel(loop);
  Random random(11);
  struct State {
    Instant at;
    int calls = 0;
    bool is_early = false;
  };
  std::vector<State> states(300);
  std::vector<std::unique_ptr<Probe>> deadlines;
  for (State& state : states) {
    deadlines.push_back(std::make_unique<Probe>([&] {
      ++state.calls;
      state.is_early = state.is_early || loop.now() < state.at;
    }));
  }
  for (int round = 0; round < 5; ++round) {
    for (std::size_t i = 0; i < states.size(); ++i) {
      states[i].at = loop.now() + Milliseconds(random.below(60));
      wheel.set(*deadlines[i], states[i].at);
    }
  }
  for (std::size_t i = 0; i < states.size(); i += 10) deadlines[i]->clear();
  loop.run();
  for (std::size_t i = 0; i < states.size(); ++i) {
    INFO(i);
    CHECK(states[i].calls == (i % 10 == 0 ? 0 : 1));
    CHECK_FALSE(states[i].is_early);
  }
}

}  // namespace
}  // namespace tandem::event
