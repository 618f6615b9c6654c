// Runs seeds until an oracle is not content, and tells how to run that seed again.
#pragma once

#include "test/sim/failover/oracles.h"

#include <cstdint>
#include <optional>
#include <string>

namespace tandem::failover::machine {

/// A seed that an oracle was not content with.
struct Prey {
  std::uint64_t seed = 0;
  Finding finding;
};

/// Seeds from `first`, `count` of them; nullopt: every oracle was content with all.
[[nodiscard]] std::optional<Prey> hunt(std::uint64_t first, std::uint64_t count);

/// The life of one seed in words, a line for each event, ending with what was found.
[[nodiscard]] std::string tell_life(std::uint64_t seed);

/// A number from the environment.
[[nodiscard]] std::uint64_t number_from_environment(const char* name, std::uint64_t fallback);

}  // namespace tandem::failover::machine
