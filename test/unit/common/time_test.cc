#include "common/time.h"

#include <catch2/catch.hpp>

namespace tandem {
namespace {

using std::chrono::microseconds;

TEST_CASE("Durations are a whole number and a unit") {
  CHECK(parse_duration("7us") == microseconds(7));
  CHECK(parse_duration("250ms") == microseconds(250'000));
  CHECK(parse_duration("5s") == microseconds(5'000'000));
  CHECK(parse_duration("2m") == std::chrono::minutes(2));
  CHECK(parse_duration("1h") == std::chrono::hours(1));
  CHECK(parse_duration("1d") == std::chrono::hours(24));
  CHECK(parse_duration("0s") == microseconds(0));
  for (const std::string_view bad :
       {"", "5", "s", "ms", "5 s", " 5s", "5s ", "-5s", "+5s", "1.5s", "5S", "5sec", "5min",
        "99999999999999999999s", "9223372036854775807s", "106751992d"}) {
    INFO(bad);
    CHECK_FALSE(parse_duration(bad));
  }
}

TEST_CASE("The largest duration of each unit fits and the next does not") {
  CHECK(parse_duration("9223372036854775807us").has_value());
  CHECK_FALSE(parse_duration("9223372036854775808us"));
  CHECK(parse_duration("106751991d").has_value());
}

TEST_CASE("Durations are written in their largest exact unit") {
  CHECK(format_duration(microseconds(0)) == "0s");
  CHECK(format_duration(microseconds(1)) == "1us");
  CHECK(format_duration(std::chrono::seconds(90)) == "90s");
  CHECK(format_duration(std::chrono::seconds(60)) == "1m");
  CHECK(format_duration(std::chrono::milliseconds(1500)) == "1500ms");
  CHECK(format_duration(std::chrono::hours(48)) == "2d");
}

TEST_CASE("What is written is read back the same") {
  for (const std::int64_t count : {1L, 999L, 1'000L, 61'000'000L, 86'400'000'000L, 123'456'789L}) {
    INFO(count);
    CHECK(parse_duration(format_duration(microseconds(count))) == microseconds(count));
  }
}

TEST_CASE("Milliseconds are cut, not rounded") {
  CHECK(to_milliseconds(microseconds(1'999)) == 1);
  CHECK(to_milliseconds(microseconds(0)) == 0);
}

}  // namespace
}  // namespace tandem
