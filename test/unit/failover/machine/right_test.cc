#include "failover/machine/right.h"

#include <catch2/catch.hpp>

#include <limits>
#include <vector>

namespace tandem::failover::machine {
namespace {

constexpr int kIntLeast = std::numeric_limits<int>::min();
constexpr int kIntMost = std::numeric_limits<int>::max();

TEST_CASE("the effective priority and its reason, in words") {
  struct Row {
    std::uint8_t base;
    std::vector<Tracked> tracked;
    std::uint8_t priority;
    std::string_view why;
  };
  const Tracked lb_ok{"data plane", true, 0, ""};
  const Tracked lb_hung{"data plane", false, 0, "is hung (no turn of worker 1 for 212 ms)"};
  const Tracked gw_ok{"script gw", true, -60, ""};
  const Tracked gw_late{"script gw", false, -60, "timed out after 1s"};
  const Row rows[] = {
      {150, {}, 150, "150"},
      {150, {lb_ok, gw_ok}, 150, "150"},
      {150, {gw_late}, 90, "150 - 60 (script gw failed: timed out after 1s) = 90"},
      {150, {lb_hung}, 0, "none: data plane is hung (no turn of worker 1 for 212 ms)"},
      // What takes the right away is said alone: no weight matters beside it.
      {150, {gw_late, lb_hung}, 0, "none: data plane is hung (no turn of worker 1 for 212 ms)"},
      {150,
       {lb_hung, {"interface eth0", false, 0, ""}},
       0,
       "none: data plane is hung (no turn of worker 1 for 212 ms); interface eth0 failed"},
      {100, {{"file x", true, 20, ""}}, 120, "100 + 20 (file x ok) = 120"},
      {100,
       {{"file x", false, 20, "is missing"}},
       100,
       "100 + 0 of 20 (file x failed: is missing) = 100"},
      {100,
       {{"file x", true, 20, ""}, {"interface eth1", false, -30, ""}},
       90,
       "100 + 20 (file x ok) - 30 (interface eth1 failed) = 90"},
      // What says itself how much it adds; a 0 that is well needs no words.
      {100, {{"file x", true, 20, "says 2", 40}}, 140, "100 + 40 (file x says 2) = 140"},
      {100, {{"file x", false, -60, "says 1", -60}}, 40, "100 - 60 (file x says 1) = 40"},
      {100, {{"file x", true, 20, "is not there", 0}}, 100, "100"},
      {100,
       {{"file x", false, 20, "does not hold a number", 0}},
       100,
       "100 + 0 (file x does not hold a number) = 100"},
      {100, {{"file x", false, 0, "says 1"}}, 0, "none: file x says 1"},
      {255, {{"file x", false, -60, "says 1", -60}}, 255, "255 (owner)"},
      // Weights neither take the right away nor make an owner.
      {50, {gw_late}, 1, "50 - 60 (script gw failed: timed out after 1s) = -10, bounded to 1"},
      {250, {{"file x", true, 20, ""}}, 254, "250 + 20 (file x ok) = 270, bounded to 254"},
      {254, {{"file x", true, 1, ""}}, 254, "254 + 1 (file x ok) = 255, bounded to 254"},
      // The bound comes last: what is added counts in full against what is subtracted.
      {250,
       {{"file x", true, 20, ""}, gw_late},
       210,
       "250 + 20 (file x ok) - 60 (script gw failed: timed out after 1s) = 210"},
      {255, {gw_late, {"file x", true, 20, ""}}, 255, "255 (owner)"},
      {255, {lb_hung}, 0, "none: data plane is hung (no turn of worker 1 for 212 ms)"},
      {0, {{"file x", true, 20, ""}}, 0, "none: the base priority is 0"},
      // No arithmetic trap at either end.
      {1,
       {{"a", false, kIntLeast, ""}},
       1,
       "1 - 2147483648 (a failed) = -2147483647, bounded to 1"},
      {254,
       {{"a", true, kIntMost, ""}, {"b", true, kIntMost, ""}},
       254,
       "254 + 2147483647 (a ok) + 2147483647 (b ok) = 4294967548, bounded to 254"},
  };
  for (const Row& row : rows) {
    const Right right = effective_right(row.base, row.tracked);
    CHECK(right.why == row.why);
    CHECK(int{right.priority} == int{row.priority});
  }
}

TEST_CASE("the order of what is tracked changes the words, never the priority") {
  std::vector<Tracked> tracked{{"a", true, 30, ""}, {"b", false, -200, ""}, {"c", true, 100, ""}};
  const Right there = effective_right(150, tracked);
  std::swap(tracked.front(), tracked.back());
  const Right back = effective_right(150, tracked);
  CHECK(int{there.priority} == 80);
  CHECK(int{back.priority} == 80);
}

}  // namespace
}  // namespace tandem::failover::machine
