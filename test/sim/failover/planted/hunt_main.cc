// Hunts for the bug that this program was built with. Status 1: an oracle has seen it, and is
// named; 0: none has, within the bounded number of seeds.
#include "test/sim/failover/hunt.h"

#include <fmt/format.h>

int main() {
  namespace machine = tandem::failover::machine;
  const std::uint64_t count = machine::number_from_environment("TANDEM_SIM_SEEDS", 50'000);
  const auto caught = machine::hunt(1, count);
  if (!caught) {
    fmt::print("nothing seen in {} seeds\n", count);
    return 0;
  }
  fmt::print("seen by \"{}\" in seed {}\n", caught->finding.oracle, caught->seed);
  return 1;
}
