#include "failover/system/link_budget.h"

#include <catch2/catch.hpp>

#include <chrono>

namespace tandem::failover::system {
namespace {

using std::chrono::milliseconds;

constexpr TurnBudget::Terms kTerms{.turn = milliseconds(10), .burst = 3};
constexpr Instant kStart{std::chrono::hours(1)};

TEST_CASE("a link that was quiet may spend its burst at once, and no more") {
  TurnBudget budget(kTerms);
  for (int i = 0; i < kTerms.burst; ++i) CHECK(budget.take(kStart));
  CHECK_FALSE(budget.take(kStart));
  CHECK(budget.wait(kStart) == kTerms.turn);
}

TEST_CASE("a spent budget earns one turn in its time") {
  TurnBudget budget(kTerms);
  while (budget.take(kStart)) {
  }
  CHECK_FALSE(budget.take(kStart + kTerms.turn - std::chrono::nanoseconds(1)));
  CHECK(budget.wait(kStart + milliseconds(4)) == milliseconds(6));
  CHECK(budget.take(kStart + kTerms.turn));
  CHECK_FALSE(budget.take(kStart + kTerms.turn));
}

TEST_CASE("quiet for long earns no more than the burst") {
  TurnBudget budget(kTerms);
  while (budget.take(kStart)) {
  }
  const Instant later = kStart + std::chrono::hours(1);
  int taken = 0;
  while (budget.take(later)) ++taken;
  CHECK(taken == kTerms.burst);
}

TEST_CASE("over a long time no more turns are given than were earned") {
  TurnBudget budget(kTerms);
  int taken = 0;
  for (milliseconds at{0}; at < std::chrono::seconds(10); at += milliseconds(1))
    if (budget.take(kStart + at)) ++taken;
  CHECK(taken == 999 + kTerms.burst);
}

TEST_CASE("a link that keeps within its budget never waits") {
  TurnBudget budget(kTerms);
  for (int i = 0; i < 1000; ++i) {
    const Instant now = kStart + i * kTerms.turn;
    CHECK(budget.wait(now) == Duration::zero());
    CHECK(budget.take(now));
  }
}

}  // namespace
}  // namespace tandem::failover::system
