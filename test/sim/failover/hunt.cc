#include "test/sim/failover/hunt.h"

#include "test/sim/failover/life.h"

#include <fmt/format.h>

#include <cstdlib>

namespace tandem::failover::machine {

std::optional<Prey> hunt(std::uint64_t first, std::uint64_t count) {
  Life life;
  for (std::uint64_t seed = first; seed - first < count; ++seed) {
    const Finding finding = life.live(seed);
    if (finding.oracle != nullptr) return Prey{.seed = seed, .finding = finding};
  }
  return std::nullopt;
}

std::string tell_life(std::uint64_t seed) {
  Life life;
  std::string words;
  const Finding finding = life.live(seed, &words);
  if (finding.oracle == nullptr) return words + "every oracle is content\n";
  return words + fmt::format("{:>14} ns  node {}  seen by \"{}\"\n",
                             (finding.at - Instant(std::chrono::hours(1))).count(), finding.node,
                             finding.oracle);
}

std::uint64_t number_from_environment(const char* name, std::uint64_t fallback) {
  const char* text = std::getenv(name);
  return text == nullptr ? fallback : std::strtoull(text, nullptr, 10);
}

}  // namespace tandem::failover::machine
