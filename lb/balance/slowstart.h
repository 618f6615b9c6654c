// Slow start: a server that came up takes its share step by step. Pure: time is handed in.
// Steps are those of HAProxy, a sixteenth of the weight each, so that a ramp costs sixteen
// rebuilds.
#pragma once

#include "common/time.h"

#include <cstdint>
#include <optional>

namespace tandem::lb::balance {

/// Candidate::weight and Standing::weight count in this fraction of a configured unit.
inline constexpr std::uint32_t kWeightScale = 16;

/// The ramp of one server. `duration` zero or less: full weight at once.
struct SlowStart {
  Instant up_since{};
  Duration duration{};
};

/// Weight at `now`, in 1/kWeightScale units: from `weight` (one sixteenth) right after coming up to
/// kWeightScale * weight at the end. 0 stays 0. A `now` before `up_since` counts as the beginning.
[[nodiscard]] std::uint32_t effective_weight(std::uint32_t weight, const SlowStart& ramp,
                                             Instant now) noexcept;

/// When effective_weight() changes next; nullopt once the ramp is over.
[[nodiscard]] std::optional<Instant> next_step(const SlowStart& ramp, Instant now) noexcept;

/// "throttle" of show stat: the share of its weight that the server has, in percent; nullopt when
/// the ramp is over (the field is empty then).
[[nodiscard]] std::optional<std::uint32_t> throttle_percent(const SlowStart& ramp,
                                                            Instant now) noexcept;

}  // namespace tandem::lb::balance
