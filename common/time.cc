#include "common/time.h"

#include "common/text.h"

#include <array>
#include <cstdint>
#include <limits>
#include <utility>

namespace tandem {
namespace {

struct Unit {
  std::string_view suffix;
  std::int64_t microseconds;
};
// Longest suffix first where one ends in another ("ms" before "s").
constexpr std::array kUnits = {
    Unit{"us", 1},         Unit{"ms", 1'000},        Unit{"s", 1'000'000},
    Unit{"m", 60'000'000}, Unit{"h", 3'600'000'000}, Unit{"d", 86'400'000'000}};

}  // namespace

std::optional<std::chrono::microseconds> parse_duration(std::string_view text) {
  for (const Unit& unit : kUnits) {
    if (!text.ends_with(unit.suffix)) continue;
    const auto count = parse_decimal(text.substr(0, text.size() - unit.suffix.size()));
    const auto limit = std::numeric_limits<std::int64_t>::max() / unit.microseconds;
    if (!count || *count > static_cast<std::uint64_t>(limit)) return std::nullopt;
    return std::chrono::microseconds(static_cast<std::int64_t>(*count) * unit.microseconds);
  }
  return std::nullopt;
}

std::string format_duration(std::chrono::microseconds duration) {
  for (auto unit = kUnits.rbegin(); unit != kUnits.rend(); ++unit) {
    if (duration.count() != 0 && duration.count() % unit->microseconds == 0)
      return std::to_string(duration.count() / unit->microseconds).append(unit->suffix);
  }
  return "0s";
}

}  // namespace tandem
