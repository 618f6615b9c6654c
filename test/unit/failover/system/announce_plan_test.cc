#include "failover/system/announcer.h"

#include <catch2/catch.hpp>

#include <vector>

namespace tandem::failover::system {
namespace {

using std::chrono::seconds;

const Instant kStart{std::chrono::hours(1)};

std::int64_t since_start(Instant at) { return to_milliseconds(at - kStart); }

/// When rounds are sent up to `until`, if every timer is on time.
std::vector<std::int64_t> rounds(AnnouncePlan& plan, Instant until) {
  std::vector<std::int64_t> sent;
  while (plan.next() <= until) {
    const Instant now = plan.next();
    if (plan.take_round(now)) sent.push_back(since_start(now));
  }
  return sent;
}

TEST_CASE("An announcement is a burst, a second one, and single rounds") {
  AnnouncePlan plan({});
  CHECK(plan.next() == Instant::max());
  plan.start(kStart);
  const std::vector<std::int64_t> expected{0,     10,    30,    60,    100,   5'000,
                                           5'010, 5'030, 5'060, 5'100, 65'100};
  CHECK(rounds(plan, kStart + seconds(120)) == expected);
  plan.stop();
  CHECK(plan.next() == Instant::max());
}

TEST_CASE("Parts of an announcement can be left out") {
  struct Row {
    AnnounceSettings settings;
    std::vector<std::int64_t> expected;
  };
  const Row rows[] = {
      {{.burst = 1}, {0, 5'000, 65'000}},
      {{.burst = 2, .second_burst = {}}, {0, 100, 60'100}},
      {{.burst = 2, .refresh = {}}, {0, 100, 5'000, 5'100}},
      {{.burst = 1, .second_burst = {}, .refresh = {}}, {0}},
      {{.burst = 3, .burst_span = {}, .second_burst = {}, .refresh = {}}, {0, 0, 0}},
  };
  for (const Row& row : rows) {
    AnnouncePlan plan(row.settings);
    plan.start(kStart);
    CHECK(rounds(plan, kStart + seconds(100)) == row.expected);
  }
}

TEST_CASE("A new announcement begins at once, even within another") {
  AnnouncePlan plan({});
  plan.start(kStart);
  CHECK(plan.take_round(kStart));
  plan.start(kStart + Milliseconds(5));
  CHECK(since_start(plan.next()) == 5);
}

TEST_CASE("Announcements without end are held to one burst a second") {
  AnnouncePlan plan({});
  int at_once = 0;
  int in_ten_seconds = 0;
  for (Instant now = kStart; now < kStart + seconds(10); now += Milliseconds(10)) {
    plan.start(now);
    if (!plan.take_round(now)) continue;
    ++in_ten_seconds;
    if (now < kStart + Milliseconds(100)) ++at_once;
  }
  CHECK(at_once == 5);
  CHECK(in_ten_seconds == 5 + 9);
  // When it is over, the last one still comes whole.
  CHECK(rounds(plan, kStart + seconds(12)).size() == 5);
}

TEST_CASE("A round that is early is not sent") {
  AnnouncePlan plan({});
  plan.start(kStart);
  CHECK_FALSE(plan.take_round(kStart - Milliseconds(1)));
  CHECK(plan.next() == kStart);
}

TEST_CASE("Whoever overslept sends nothing before it could find out what it lost") {
  AnnouncePlan plan({.late_max = Milliseconds(250)});
  plan.start(kStart);
  CHECK(plan.take_round(kStart + Milliseconds(250)));
  CHECK_FALSE(plan.take_round(kStart + seconds(30)));
  CHECK(since_start(plan.next()) == 30'250);
  // Those who still have the addresses go on as if nothing had been.
  const auto sent = rounds(plan, kStart + seconds(31));
  CHECK(sent == std::vector<std::int64_t>{30'250, 30'270, 30'300, 30'340});
}

}  // namespace
}  // namespace tandem::failover::system
