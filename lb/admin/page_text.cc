#include "lb/admin/page.h"

#include <fmt/format.h>

#include <array>

namespace tandem::lb::admin {

void append_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
}

std::string grouped(std::int64_t number) {
  constexpr std::string_view kNarrowNoBreakSpace = "\u202f";
  std::string digits = std::to_string(number);
  const std::size_t first = number < 0 ? 1 : 0;
  for (std::size_t at = digits.size(); at > first + 3;) {
    at -= 3;
    digits.insert(at, kNarrowNoBreakSpace);
  }
  return digits;
}

std::string short_time(std::int64_t seconds) {
  if (seconds < 0) return "?";
  if (seconds < 60) return fmt::format("{}s", seconds);
  if (seconds < 3600) return fmt::format("{}m{}s", seconds / 60, seconds % 60);
  if (seconds < 86'400) return fmt::format("{}h{}m", seconds / 3600, seconds / 60 % 60);
  return fmt::format("{}d{}h", seconds / 86'400, seconds / 3600 % 24);
}

std::string_view state_class(std::string_view status) noexcept {
  const bool is_changing = status.find('/') != std::string_view::npos;
  if (status.starts_with("MAINT")) return "maint";
  if (status.starts_with("DRAIN")) return "drain";
  if (status.starts_with("NOLB")) return "nolb";
  if (status.starts_with("DOWN")) return is_changing ? "going_up" : "down";
  if (status.starts_with("UP")) return is_changing ? "going_down" : "up";
  return "no_check";
}

}  // namespace tandem::lb::admin
