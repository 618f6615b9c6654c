// The state machine of the pair in 100,000 lives, in four shares so that cores can divide them.
//   TANDEM_SIM_SEED=N   one life, told event by event
//   TANDEM_SIM_SEEDS=N  how many in all
#include "test/sim/failover/hunt.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <iostream>

namespace tandem::failover::machine {
namespace {

constexpr std::uint64_t kShares = 4;

void live_share(std::uint64_t share) {
  const std::uint64_t count = number_from_environment("TANDEM_SIM_SEEDS", 100'000) / kShares;
  const std::optional<Prey> caught = hunt(1 + share * count, count);
  if (!caught) return;
  std::cout << tell_life(caught->seed);
  FAIL(
      fmt::format("seed {}: {}\nagain: TANDEM_SIM_SEED={} "
                  "build/dev/test/sim/failover/test_sim_failover_machine '[replay]'",
                  caught->seed, caught->finding.oracle, caught->seed));
}

TEST_CASE("the pair keeps its promises in every life, first quarter") { live_share(0); }
TEST_CASE("the pair keeps its promises in every life, second quarter") { live_share(1); }
TEST_CASE("the pair keeps its promises in every life, third quarter") { live_share(2); }
TEST_CASE("the pair keeps its promises in every life, fourth quarter") { live_share(3); }

TEST_CASE("one life, told", "[replay][.]") {
  const std::uint64_t seed = number_from_environment("TANDEM_SIM_SEED", 1);
  std::cout << tell_life(seed);
  CHECK_FALSE(hunt(seed, 1));
}

TEST_CASE("a seed is the same life each time") {
  CHECK(tell_life(4711) == tell_life(4711));
  CHECK(tell_life(4711) != tell_life(4712));
}

}  // namespace
}  // namespace tandem::failover::machine
