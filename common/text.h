// Text helpers that RFC 9110 and the configuration both need: ASCII only, no locale, no allocation
// unless a std::string is returned.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tandem {

[[nodiscard]] constexpr char to_lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

/// Compares without regard to ASCII case.
[[nodiscard]] bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept;

[[nodiscard]] std::string to_lower_copy(std::string_view text);

/// Strips spaces and tabs at both ends (OWS of RFC 9110 section 5.6.3).
[[nodiscard]] std::string_view trim(std::string_view text) noexcept;

/// Splits at each `separator`; empty pieces are kept.
[[nodiscard]] std::vector<std::string_view> split(std::string_view text, char separator);

/// A run of decimal digits and nothing else. nullopt: empty, any other character, overflow.
[[nodiscard]] std::optional<std::uint64_t> parse_decimal(std::string_view text) noexcept;

/// The candidate nearest to `word` by edit distance, if it is near enough to be what was meant
/// (at most a third of the letters differ). nullopt: nothing is near.
[[nodiscard]] std::optional<std::string_view> nearest(std::string_view word,
                                                      const std::vector<std::string_view>& among);

}  // namespace tandem
