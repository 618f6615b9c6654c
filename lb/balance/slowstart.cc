#include "lb/balance/slowstart.h"

#include <algorithm>

namespace tandem::lb::balance {
namespace {

/// Sixteenths reached: 1 to kWeightScale.
std::uint32_t steps_at(const SlowStart& ramp, Instant now) noexcept {
  const Duration elapsed = std::max(now - ramp.up_since, Duration::zero());
  if (elapsed >= ramp.duration) return kWeightScale;
  // In floating point because 16 * elapsed may not fit a count of nanoseconds.
  const double share =
      static_cast<double>(elapsed.count()) / static_cast<double>(ramp.duration.count());
  return std::min(kWeightScale, static_cast<std::uint32_t>(share * kWeightScale) + 1);
}

}  // namespace

std::uint32_t effective_weight(std::uint32_t weight, const SlowStart& ramp, Instant now) noexcept {
  return weight * steps_at(ramp, now);
}

std::optional<Instant> next_step(const SlowStart& ramp, Instant now) noexcept {
  if (now - ramp.up_since >= ramp.duration) return std::nullopt;
  const std::uint32_t steps = steps_at(ramp, now);
  const double share = static_cast<double>(steps) / kWeightScale;
  // One tick late rather than one early: an early one would find the same step and come again.
  const Duration offset(
      static_cast<Duration::rep>(share * static_cast<double>(ramp.duration.count())) + 1);
  return ramp.up_since + std::min(offset, ramp.duration);
}

std::optional<std::uint32_t> throttle_percent(const SlowStart& ramp, Instant now) noexcept {
  if (now - ramp.up_since >= ramp.duration) return std::nullopt;
  return steps_at(ramp, now) * 100 / kWeightScale;
}

}  // namespace tandem::lb::balance
