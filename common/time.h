// Time as the whole project uses it: a monotonic Instant handed in by the caller, and durations
// written as "250ms", "5s", "2m", "1h", "1d".
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tandem {

using Clock = std::chrono::steady_clock;
using Instant = Clock::time_point;
using Duration = Clock::duration;
using Milliseconds = std::chrono::milliseconds;

/// Reads a number with one of the units us, ms, s, m, h, d. nullopt: no unit, no number, overflow.
[[nodiscard]] std::optional<std::chrono::microseconds> parse_duration(std::string_view text);

/// Shortest exact form: 90 s is "90s", 60 s is "1m", 1.5 s is "1500ms".
[[nodiscard]] std::string format_duration(std::chrono::microseconds duration);

[[nodiscard]] inline std::int64_t to_milliseconds(Duration duration) noexcept {
  return std::chrono::duration_cast<Milliseconds>(duration).count();
}

}  // namespace tandem
