// What every fuzz target asserts with, and how an input chooses where it is cut.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::fuzz {

/// Most fields an encoder adds of its own: Host, framing, Connection, TE. A head that comes near
/// the capacity is sent whole, but our own decoder would refuse so many.
inline constexpr std::size_t kOwnFieldsMax = 4;

/// Ends the run with both texts when they differ.
inline void expect_same(const char* what, const std::string& a, const std::string& b) {
  if (a == b) return;
  std::fprintf(stderr, "%s\n--- one\n%s\n--- other\n%s\n", what, a.c_str(), b.c_str());
  std::abort();
}

inline void expect(const char* what, bool holds) {
  if (holds) return;
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

/// Growing lengths up to `size`, drawn from the input itself so that a failure repeats.
inline std::vector<std::size_t> cuts(std::string_view input, std::size_t size) {
  std::uint32_t state = 2'166'136'261U;
  for (const char c : input) state = (state ^ static_cast<unsigned char>(c)) * 16'777'619U;
  std::vector<std::size_t> steps;
  for (std::size_t at = 0; at < size; at += 1 + (state >> 8U) % 17U) {
    steps.push_back(at);
    state = state * 1'664'525U + 1'013'904'223U;
  }
  steps.push_back(size);
  return steps;
}

}  // namespace tandem::fuzz
