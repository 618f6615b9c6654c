// Schedule: when the next check of a server is due. Pure.
#pragma once

#include "common/random.h"
#include "common/time.h"
#include "lb/config/snapshot.h"
#include "lb/health/verdict.h"

#include <cstddef>

namespace tandem::lb::health {

/// The shortest interval whatever is configured: a slip of the pen must not become a flood.
inline constexpr Milliseconds kIntervalMin{1};

/// `inter`, `fastinter` while a change is in progress, `downinter` while certainly down.
[[nodiscard]] Milliseconds interval(const config::Server& server, const Verdict& verdict) noexcept;

/// The interval with up to a twentieth added or taken, so that checks of many servers, and of two
/// nodes, do not fall into step. At least kIntervalMin.
[[nodiscard]] Duration next_delay(const config::Server& server, const Verdict& verdict,
                                  Random& random) noexcept;

/// The same, of any interval: an agent's has no other beside it.
[[nodiscard]] Duration next_delay(Milliseconds interval, Random& random) noexcept;

/// First checks decide whether a server gets traffic at all, so they come soon: spread over
/// kFirstSpread or the interval `inter`, whichever is shorter, by position among all servers.
inline constexpr Milliseconds kFirstSpread{500};
[[nodiscard]] Duration first_delay(Milliseconds inter, std::size_t position,
                                   std::size_t total) noexcept;

}  // namespace tandem::lb::health
