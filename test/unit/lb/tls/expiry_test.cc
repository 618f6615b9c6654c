// When and how the end of certificates is spoken of.
#include "lb/tls/expiry.h"

#include <catch2/catch.hpp>

namespace tandem::lb::tls {
namespace {

constexpr std::int64_t kNow = 1'800'000'000;
constexpr std::int64_t kDay = 24 * 3600;

TEST_CASE("Times are told in the greatest unit of which there are two") {
  CHECK(time_text(0) == "0 seconds");
  CHECK(time_text(1) == "1 second");
  CHECK(time_text(119) == "119 seconds");
  CHECK(time_text(120) == "2 minutes");
  CHECK(time_text(7199) == "119 minutes");
  CHECK(time_text(7200) == "2 hours");
  CHECK(time_text(2 * kDay - 1) == "47 hours");
  CHECK(time_text(400 * kDay) == "400 days");
}

TEST_CASE("An end is spoken of in the last two weeks and from then on") {
  CHECK_FALSE(words_of_expiry(kNow + 14 * kDay, kNow));
  CHECK(words_of_expiry(kNow + 14 * kDay - 1, kNow) == "expires in 13 days");
  CHECK(words_of_expiry(kNow + 1, kNow) == "expires in 1 second");
  CHECK(words_of_expiry(kNow, kNow) == "expired 0 seconds ago: clients will refuse it");
  CHECK(words_of_expiry(kNow - 3 * kDay, kNow) == "expired 3 days ago: clients will refuse it");
}

TEST_CASE("It is time once a day, for the first time a day after the start") {
  Daily daily(kNow);
  CHECK_FALSE(daily.is_due(kNow));
  CHECK_FALSE(daily.is_due(kNow + kDay - 1));
  CHECK(daily.is_due(kNow + kDay));
  CHECK_FALSE(daily.is_due(kNow + kDay + 1));
  CHECK(daily.is_due(kNow + 3 * kDay));
  CHECK_FALSE(daily.is_due(kNow + 4 * kDay - 1));
}

}  // namespace
}  // namespace tandem::lb::tls
