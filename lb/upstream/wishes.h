// What is asked for a server in words, by operators and by agents, in HAProxy's language. Pure.
#pragma once

#include <cstdint>
#include <expected>
#include <string_view>

namespace tandem::lb::upstream {

inline constexpr std::uint16_t kWeightMax = 256;

/// "5", or "50%" of `initial`, what the file says; 0 to kWeightMax. Percents past it mean as much
/// as is possible. Errors: HAProxy's words.
[[nodiscard]] std::expected<std::uint16_t, std::string_view> read_weight(std::string_view text,
                                                                         std::uint16_t initial);

/// A whole number; 0: no limit. Errors: HAProxy's words.
[[nodiscard]] std::expected<std::uint32_t, std::string_view> read_maxconn(std::string_view text);

}  // namespace tandem::lb::upstream
