#include "lb/health/ejection.h"

#include <catch2/catch.hpp>

namespace tandem::lb::health {
namespace {

using namespace std::chrono_literals;

constexpr Instant kStart{1'000h};

TEST_CASE("the first ejection lasts its base") {
  Ejection ejection;
  CHECK(ejection.eject(kStart, 2s) == kStart + 2s);
  CHECK(ejection.until() == kStart + 2s);
}

TEST_CASE("a server that fails again soon stays out twice as long, up to a bound") {
  Ejection ejection;
  Instant now = kStart;
  for (const auto expected : {2s, 4s, 8s, 16s, 32s, 64s, 64s, 64s}) {
    const Instant until = ejection.eject(now, 2s);
    CHECK(until - now == expected);
    now = until + 1s;
  }
}

TEST_CASE("a server that has served well as long as it was out begins anew") {
  Ejection ejection;
  Instant until = ejection.eject(kStart, 2s);
  until = ejection.eject(until, 2s);
  const Instant later = until + 4s;
  CHECK(ejection.eject(later, 2s) == later + 2s);
}

}  // namespace
}  // namespace tandem::lb::health
