#include "lb/health/schedule.h"

#include <algorithm>

namespace tandem::lb::health {

Milliseconds interval(const config::Server& server, const Verdict& verdict) noexcept {
  if (verdict.is_changing()) return std::max(server.fastinter, kIntervalMin);
  if (verdict.state() == State::kDown) return std::max(server.downinter, kIntervalMin);
  return std::max(server.inter, kIntervalMin);
}

Duration next_delay(const config::Server& server, const Verdict& verdict, Random& random) noexcept {
  return next_delay(interval(server, verdict), random);
}

Duration next_delay(Milliseconds interval, Random& random) noexcept {
  const Duration base = std::max(interval, kIntervalMin);
  const Duration width = base / 10;
  const Duration part(
      static_cast<Duration::rep>(static_cast<double>(width.count()) * random.fraction()));
  return std::max<Duration>(base - width / 2 + part, kIntervalMin);
}

Duration first_delay(Milliseconds inter, std::size_t position, std::size_t total) noexcept {
  const Duration spread = std::min(inter, kFirstSpread);
  if (total == 0) return Duration::zero();
  return spread * static_cast<Duration::rep>(position) / static_cast<Duration::rep>(total);
}

}  // namespace tandem::lb::health
