// What both heads that are written as text of HTTP/1.1 share: fields as lines, and their bytes
// looked at before. Internal to lb/http2.
#pragma once

#include "http/scan.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

namespace tandem::lb::http2 {

/// Around a field in its line: ": " and CRLF.
inline constexpr std::size_t kFieldFrameBytes = 4;

[[nodiscard]] inline bool is_all(std::string_view text, http::scan::ByteClass kind) noexcept {
  return std::ranges::all_of(text, [kind](char c) { return http::scan::is(c, kind); });
}

inline void put_line(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append("\r\n");
}

}  // namespace tandem::lb::http2
