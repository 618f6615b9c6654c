#include "config/problem.h"

#include <fmt/format.h>

#include <algorithm>

namespace tandem::config {

std::string Problem::text() const {
  std::string line_text =
      fmt::format("{}:{}:{}: {}: {}", file, line, column, pointer.empty() ? "/" : pointer, message);
  // Keys and file names may hold line breaks; a message stays one line.
  std::replace_if(
      line_text.begin(), line_text.end(),
      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }, ' ');
  return line_text;
}

}  // namespace tandem::config
