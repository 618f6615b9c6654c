// States to start from, and what a step did in one line of words, so that a table of transitions
// reads like one.
#pragma once

#include "failover/machine/machine.h"

#include <string>
#include <vector>

namespace tandem::failover::machine {

using namespace std::chrono_literals;

/// The time of every step unless a test says otherwise.
inline constexpr Instant kNow{std::chrono::hours(1)};

/// "release, advert 0, active>initialize stopped"; "" for nothing.
[[nodiscard]] std::string describe(const std::vector<Action>& actions);
/// "tick", "heard 150", "peer let go".
[[nodiscard]] std::string describe(const Input& input);

/// One second between adverts, preempting at once.
[[nodiscard]] Config plain_config();

/// Started, in its down interval, following a node that advertises every second.
[[nodiscard]] State backup_of(std::uint8_t right);
/// Advertised 200 ms ago, the next one is due in 800 ms.
[[nodiscard]] State active_of(std::uint8_t right);
/// Started, without a right.
[[nodiscard]] State waiting_for_right();

/// One step at kNow.
[[nodiscard]] Step step_now(const Config& config, const State& state, const Input& input);

/// A whole down interval that ends in silence: the tick at the deadline, and the second look.
[[nodiscard]] Step step_through_silence(const Config& config, State state);

}  // namespace tandem::failover::machine
