#include "lb/upstream/wishes.h"

#include <algorithm>
#include <charconv>
#include <limits>

namespace tandem::lb::upstream {
namespace {

/// Percents past what is possible of any weight.
constexpr long kPercentMax = 100L * kWeightMax;

}  // namespace

std::expected<std::uint16_t, std::string_view> read_weight(std::string_view text,
                                                           std::uint16_t initial) {
  if (text.empty()) return std::unexpected("Require <weight> or <weight%>.");
  long value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::invalid_argument)
    return std::unexpected("Empty weight string empty or preceded by garbage");
  if (error != std::errc() && text[0] != '-') value = std::numeric_limits<long>::max();
  const std::string_view rest(end, text.data() + text.size());
  const bool is_relative = rest == "%";
  if (!rest.empty() && !is_relative) return std::unexpected("Trailing garbage in weight string");
  if (is_relative) {
    if (text[0] == '-') return std::unexpected("Relative weight must be positive.");
    value = std::min<long>(initial * std::min(value, kPercentMax) / 100, kWeightMax);
  } else if (text[0] == '-' || value > kWeightMax) {
    return std::unexpected("Absolute weight can only be between 0 and 256 inclusive.");
  }
  return static_cast<std::uint16_t>(value);
}

std::expected<std::uint32_t, std::string_view> read_maxconn(std::string_view text) {
  if (text.empty()) return std::unexpected("Require <maxconn>.");
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) return std::unexpected("maxconn string empty or preceded by garbage");
  if (end != text.data() + text.size())
    return std::unexpected("Trailing garbage in maxconn string");
  return value;
}

}  // namespace tandem::lb::upstream
