// How requests ended: a number for each pair of HAProxy's two letters of termination (proxy::Cause
// and proxy::Phase), so that each pair has a cell. Constant; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace tandem::lb::figures {

/// First letters and second letters; a pair is a row and a column, "--" the first.
inline constexpr std::string_view kCauseLetters = "-CSPRIDLcs";
inline constexpr std::string_view kPhaseLetters = "-RQCHDL";
inline constexpr std::size_t kTerminations = kCauseLetters.size() * kPhaseLetters.size();

/// What a service in daily use sees; shown from the start, the rest when it has happened.
inline constexpr std::string_view kUsualTerminations[] = {"--", "LR", "PR", "cR", "CR", "sQ",
                                                          "CQ", "SC", "sC", "CC", "SH", "sH",
                                                          "PH", "CH", "SD", "sD", "CD", "cD"};

/// Both must be letters of the strings above.
[[nodiscard]] constexpr std::size_t termination_index(char cause, char phase) noexcept {
  if (cause == '-' && phase == '-') [[likely]]
    return 0;
  return kCauseLetters.find(cause) * kPhaseLetters.size() + kPhaseLetters.find(phase);
}

/// "SH". Below kTerminations.
[[nodiscard]] inline std::string termination_code(std::size_t index) {
  return {kCauseLetters[index / kPhaseLetters.size()], kPhaseLetters[index % kPhaseLetters.size()]};
}

}  // namespace tandem::lb::figures
