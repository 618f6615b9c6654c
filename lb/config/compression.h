// "compression": which answers reach clients compressed, and how.
#pragma once

#include "http/content_coding.h"

#include <cstdint>
#include <string>
#include <vector>

namespace tandem::lb::config {

struct Compression {
  std::vector<http::ContentCoding> algorithms;  // the preferred first, none twice; empty: off
  std::vector<std::string> types;               // media ranges in lower case
  std::uint64_t min_size = 0;                   // bytes of the body, where they are known
  int level = 1;                                // 1 to 9: quick to thorough
  bool offload = false;                         // servers are not told that clients take codings

  [[nodiscard]] bool is_on() const noexcept { return !algorithms.empty(); }
  friend bool operator==(const Compression&, const Compression&) = default;
};

}  // namespace tandem::lb::config
