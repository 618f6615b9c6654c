#include "lb/health/verdict.h"

#include <catch2/catch.hpp>

#include <string_view>

namespace tandem::lb::health {
namespace {

/// Applies '+' and '-' to `verdict`; counts the steps that changed the state.
int apply(Verdict& verdict, std::string_view outcomes) {
  int changes = 0;
  for (const char outcome : outcomes) changes += verdict.step(outcome == '+') ? 1 : 0;
  return changes;
}

TEST_CASE("outcomes move health and state as HAProxy's counters do") {
  struct Row {
    std::uint32_t rise;
    std::uint32_t fall;
    std::string_view outcomes;
    State state;
    std::uint32_t health;
    int changes;
  };
  const Row rows[] = {
      {2, 3, "", State::kStarting, 1, 0},  {2, 3, "+", State::kUp, 4, 1},
      {2, 3, "-", State::kDown, 0, 1},     {2, 3, "+-", State::kUp, 3, 1},
      {2, 3, "+--", State::kUp, 2, 1},     {2, 3, "+---", State::kDown, 0, 2},
      {2, 3, "+--+", State::kUp, 4, 1},    {2, 3, "+--+--", State::kUp, 2, 1},
      {2, 3, "+---+", State::kDown, 1, 2}, {2, 3, "+---+-", State::kDown, 0, 2},
      {2, 3, "+---++", State::kUp, 4, 3},  {2, 3, "-+", State::kDown, 1, 1},
      {2, 3, "-----", State::kDown, 0, 1}, {1, 1, "+", State::kUp, 1, 1},
      {1, 1, "+-+-", State::kDown, 0, 4},  {1, 1, "-", State::kDown, 0, 1},
      {3, 1, "+-++", State::kDown, 2, 2},  {3, 1, "+-+++", State::kUp, 3, 3},
      {0, 0, "+-", State::kDown, 0, 2},
  };
  for (const Row& row : rows) {
    INFO("rise " << row.rise << " fall " << row.fall << " " << row.outcomes);
    Verdict verdict = Verdict::starting(row.rise, row.fall);
    CHECK(apply(verdict, row.outcomes) == row.changes);
    CHECK(verdict.state() == row.state);
    CHECK(verdict.health() == row.health);
  }
}

TEST_CASE("only an up server is usable") {
  Verdict verdict = Verdict::starting(2, 3);
  CHECK_FALSE(verdict.is_usable());
  apply(verdict, "+");
  CHECK(verdict.is_usable());
  apply(verdict, "--");
  CHECK(verdict.is_usable());
  apply(verdict, "-");
  CHECK_FALSE(verdict.is_usable());
  apply(verdict, "+");
  CHECK_FALSE(verdict.is_usable());
}

TEST_CASE("progress reads as in show stat") {
  Verdict verdict = Verdict::starting(2, 3);
  apply(verdict, "+");
  CHECK_FALSE(verdict.is_changing());
  apply(verdict, "-");
  CHECK(verdict.is_changing());
  CHECK(verdict.progress() == 2);  // UP 2/3
  apply(verdict, "-");
  CHECK(verdict.progress() == 1);  // UP 1/3
  apply(verdict, "-");
  CHECK_FALSE(verdict.is_changing());
  apply(verdict, "+");
  CHECK(verdict.is_changing());
  CHECK(verdict.progress() == 1);  // DOWN 1/2
}

TEST_CASE("an unchecked server is up and stays so until it is forced") {
  Verdict verdict = Verdict::unchecked();
  CHECK(verdict.is_usable());
  CHECK_FALSE(verdict.is_changing());
  CHECK(verdict.force(State::kDown));
  CHECK_FALSE(verdict.is_usable());
  CHECK_FALSE(verdict.force(State::kDown));
  CHECK(verdict.force(State::kUp));
}

TEST_CASE("a forced state is certain, and checks go on from there") {
  Verdict verdict = Verdict::starting(2, 3);
  CHECK(verdict.force(State::kUp));
  CHECK(verdict.health() == 4);
  CHECK(apply(verdict, "--") == 0);
  CHECK(verdict.force(State::kDown));
  CHECK(verdict.health() == 0);
  CHECK(apply(verdict, "++") == 1);
  CHECK_FALSE(verdict.force(State::kStarting));
  CHECK(verdict.state() == State::kUp);
}

TEST_CASE("a stopping server is back with the next success and down after fall failures") {
  Verdict verdict = Verdict::starting(2, 3);
  apply(verdict, "+");
  CHECK(verdict.force(State::kStopping));
  CHECK_FALSE(verdict.is_usable());
  CHECK(apply(verdict, "+") == 1);
  CHECK(verdict.is_usable());
  CHECK(verdict.force(State::kStopping));
  CHECK(apply(verdict, "--") == 0);
  CHECK(verdict.state() == State::kStopping);
  CHECK(apply(verdict, "-") == 1);
  CHECK(verdict.state() == State::kDown);
}

TEST_CASE("live errors take steps away, never give any") {
  Verdict verdict = Verdict::starting(2, 5);
  apply(verdict, "+");
  verdict.lower_to_last_but_one();
  CHECK(verdict.health() == 3);
  CHECK(apply(verdict, "-") == 0);
  CHECK(apply(verdict, "-") == 1);
  verdict.lower_to_last();
  verdict.lower_to_last_but_one();
  CHECK(verdict.health() == 0);
}

TEST_CASE("one failure ends probation") {
  Verdict verdict = Verdict::starting(2, 3);
  apply(verdict, "-");
  CHECK(verdict.force_probation());
  CHECK(verdict.is_usable());
  CHECK(verdict.step(false));
  CHECK(verdict.state() == State::kDown);
}

TEST_CASE("what is assumed holds until the first outcome, which decides") {
  for (const State state : {State::kUp, State::kDown}) {
    for (const bool passed : {true, false}) {
      Verdict verdict = Verdict::starting(3, 3);
      CHECK(verdict.assume(state));
      CHECK_FALSE(verdict.assume(state));
      CHECK(verdict.state() == state);
      CHECK(verdict.is_changing());  // so that the next check comes soon
      CHECK(verdict.step(passed) == (passed != (state == State::kUp)));
      CHECK(verdict.state() == (passed ? State::kUp : State::kDown));
    }
  }
}

TEST_CASE("new limits keep the state and start progress anew") {
  Verdict starting = Verdict::starting(2, 3);
  starting.set_limits(4, 1);
  CHECK(starting.state() == State::kStarting);
  CHECK(starting.step(true));

  Verdict up = Verdict::starting(2, 3);
  apply(up, "+--");
  up.set_limits(1, 2);
  CHECK(up.is_usable());
  CHECK(apply(up, "-") == 0);
  CHECK(apply(up, "-") == 1);

  Verdict down = Verdict::starting(2, 3);
  apply(down, "-+");
  down.set_limits(3, 3);
  CHECK(apply(down, "++") == 0);
  CHECK(apply(down, "+") == 1);
}

TEST_CASE("health never leaves its range, whatever happens") {
  for (std::uint32_t rise = 1; rise <= 4; ++rise) {
    for (std::uint32_t fall = 1; fall <= 4; ++fall) {
      for (std::uint32_t outcomes = 0; outcomes < 4096; ++outcomes) {
        Verdict verdict = Verdict::starting(rise, fall);
        for (std::uint32_t i = 0; i < 12; ++i) {
          const State before = verdict.state();
          const bool changed = verdict.step((outcomes >> i & 1) != 0);
          const bool is_consistent = changed == (before != verdict.state()) &&
                                     verdict.health() <= rise + fall - 1 &&
                                     verdict.is_usable() == (verdict.health() >= rise);
          if (!is_consistent) FAIL("rise " << rise << " fall " << fall << ": " << outcomes);
        }
      }
    }
  }
}

}  // namespace
}  // namespace tandem::lb::health
