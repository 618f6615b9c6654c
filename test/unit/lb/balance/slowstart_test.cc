#include "lb/balance/slowstart.h"

#include <catch2/catch.hpp>

#include <limits>

namespace tandem::lb::balance {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_CASE("the effective weight climbs in sixteenths from one to all") {
  const SlowStart ramp{Instant{} + hours(1), seconds(16)};
  const auto weight_after = [&](Duration d) {
    return effective_weight(10, ramp, ramp.up_since + d);
  };
  CHECK(weight_after(seconds(-5)) == 10);
  CHECK(weight_after(seconds(0)) == 10);
  CHECK(weight_after(milliseconds(999)) == 10);
  CHECK(weight_after(milliseconds(1'001)) == 20);
  CHECK(weight_after(milliseconds(8'001)) == 90);
  CHECK(weight_after(milliseconds(15'999)) == 160);
  CHECK(weight_after(seconds(16)) == 160);
  CHECK(weight_after(hours(24 * 365)) == 160);
}

TEST_CASE("without slow start the weight is whole at once, and 0 stays 0") {
  CHECK(effective_weight(256, {Instant{}, Duration::zero()}, Instant{}) == 4'096);
  CHECK(effective_weight(0, {Instant{}, seconds(10)}, Instant{} + seconds(5)) == 0);
}

TEST_CASE("following next_step sees each weight once and ends") {
  for (const Duration duration : {Duration(seconds(30)), Duration(milliseconds(7)),
                                  Duration(std::chrono::nanoseconds(5)), Duration(hours(300))}) {
    const SlowStart ramp{Instant{} + seconds(3), duration};
    Instant now = ramp.up_since;
    std::uint32_t weight = effective_weight(1, ramp, now);
    int steps = 0;
    while (const auto next = next_step(ramp, now)) {
      REQUIRE(*next > now);
      now = *next;
      const std::uint32_t grown = effective_weight(1, ramp, now);
      REQUIRE(grown >= weight);
      weight = grown;
      REQUIRE(++steps <= 17);
    }
    CHECK(weight == kWeightScale);
    CHECK(now <= ramp.up_since + duration);
  }
}

TEST_CASE("throttle is the share in percent while the ramp lasts") {
  const SlowStart ramp{Instant{}, seconds(16)};
  CHECK(throttle_percent(ramp, Instant{}) == 6U);
  CHECK(throttle_percent(ramp, Instant{} + milliseconds(7'500)) == 50U);
  CHECK(throttle_percent(ramp, Instant{} + milliseconds(15'500)) == 100U);
  CHECK_FALSE(throttle_percent(ramp, Instant{} + seconds(16)));
  CHECK_FALSE(throttle_percent({}, Instant{}));
}

}  // namespace
}  // namespace tandem::lb::balance
