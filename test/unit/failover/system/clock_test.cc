#include "failover/system/clock.h"

#include <catch2/catch.hpp>

namespace tandem::failover::system {
namespace {

TEST_CASE(
    "the time spent in suspend never goes back, and boot_now is not behind the steady clock") {
  const Duration before = suspended();
  CHECK(before >= Duration::zero());
  const Instant steady = Clock::now();
  const Instant boot = boot_now();
  CHECK(boot >= steady);
  CHECK(boot_now() >= boot);
}

}  // namespace
}  // namespace tandem::failover::system
