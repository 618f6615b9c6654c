// HTTP-version, "HTTP/" DIGIT "." DIGIT, read at whatever byte the buffer breaks off (RFC 9112
// §2.3). Internal to http.
#pragma once

#include "http/scan.h"

#include <cstdint>
#include <string_view>

namespace tandem::http {

inline constexpr std::uint32_t kVersionBytes = 8;

enum class VersionStep : std::uint8_t {
  kNeedMore,
  kDone,       // `position` stands behind the version
  kMalformed,  // at `position`
  kUnknown,    // another major version, at `position`
};

/// Goes on at `position` in a version that began at `begin`. On kDone `version` is 10 or 11.
[[nodiscard]] inline VersionStep read_version_bytes(const char* base, std::uint32_t begin,
                                                    std::uint32_t end, std::uint32_t& position,
                                                    std::uint8_t& version) noexcept {
  constexpr std::string_view kPattern = "HTTP/1.";
  if (position == begin && end - begin >= kVersionBytes &&
      scan::load<std::uint64_t>(base + begin) == scan::load<std::uint64_t>("HTTP/1.1")) [[likely]] {
    position = begin + kVersionBytes;
    version = 11;
    return VersionStep::kDone;
  }
  for (; position < end; ++position) {
    const std::uint32_t i = position - begin;
    const char c = base[position];
    const bool is_digit = c >= '0' && c <= '9';
    if (i == kPattern.size()) {
      if (!is_digit) return VersionStep::kMalformed;
      // A higher minor version keeps the meaning of what we know of 1.1 (RFC 9110 §2.5).
      version = c == '0' ? 10 : 11;
      ++position;
      return VersionStep::kDone;
    }
    if (c == kPattern[i]) continue;
    constexpr std::uint32_t kMajor = 5;
    return i == kMajor && is_digit ? VersionStep::kUnknown : VersionStep::kMalformed;
  }
  return VersionStep::kNeedMore;
}

}  // namespace tandem::http
