#include "lb/health/schedule.h"

#include <catch2/catch.hpp>

#include <algorithm>

namespace tandem::lb::health {
namespace {

using namespace std::chrono_literals;

config::Server server() {
  config::Server made;
  made.inter = 2'000ms;
  made.fastinter = 500ms;
  made.downinter = 5'000ms;
  return made;
}

Verdict after(std::initializer_list<bool> outcomes) {
  Verdict verdict = Verdict::starting(2, 3);
  for (const bool passed : outcomes) (void)verdict.step(passed);
  return verdict;
}

TEST_CASE("the interval follows the state") {
  CHECK(interval(server(), after({})) == 500ms);
  CHECK(interval(server(), after({true})) == 2'000ms);
  CHECK(interval(server(), after({true, false})) == 500ms);
  CHECK(interval(server(), after({false})) == 5'000ms);
  CHECK(interval(server(), after({false, true})) == 500ms);
}

TEST_CASE("jitter stays within a twentieth and uses its room") {
  Random random(7);
  Duration least = Duration::max();
  Duration most = Duration::min();
  for (int i = 0; i < 1'000; ++i) {
    const Duration delay = next_delay(server(), after({true}), random);
    least = std::min(least, delay);
    most = std::max(most, delay);
  }
  CHECK(least >= 1'900ms);
  CHECK(least < 1'920ms);
  CHECK(most <= 2'100ms);
  CHECK(most > 2'080ms);
}

TEST_CASE("the same seed gives the same delays") {
  Random one(3);
  Random other(3);
  for (int i = 0; i < 100; ++i) {
    CHECK(next_delay(server(), after({true}), one) == next_delay(server(), after({true}), other));
  }
}

TEST_CASE("an interval of nothing is still a millisecond") {
  config::Server hasty = server();
  hasty.inter = 0ms;
  Random random(1);
  for (int i = 0; i < 100; ++i) CHECK(next_delay(hasty, after({true}), random) >= 1ms);
}

TEST_CASE("first checks are spread evenly over a short time") {
  CHECK(first_delay(2s, 0, 1) == 0ms);
  CHECK(first_delay(2s, 0, 4) == 0ms);
  CHECK(first_delay(2s, 1, 4) == 125ms);
  CHECK(first_delay(2s, 3, 4) == 375ms);
  CHECK(first_delay(100ms, 1, 2) == 50ms);
  CHECK(first_delay(2s, 0, 0) == 0ms);
}

}  // namespace
}  // namespace tandem::lb::health
