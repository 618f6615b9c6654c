#include "lb/config/errorfile.h"

#include "common/text.h"

#include <fmt/format.h>

#include <optional>

namespace tandem::lb::config {
namespace {

/// The next line without its end; `text` moves past it. nullopt: no line end is left.
std::optional<std::string_view> take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  std::string_view line = text.substr(0, end);
  if (line.ends_with('\r')) line.remove_suffix(1);
  text.remove_prefix(end + 1);
  return line;
}

bool is_status_line(std::string_view line) {
  if (!line.starts_with("HTTP/1.0 ") && !line.starts_with("HTTP/1.1 ")) return false;
  const auto status = parse_decimal(line.substr(9, 3));
  return status && *status >= 200 && *status <= 599 && (line.size() == 12 || line[12] == ' ');
}

}  // namespace

Result<std::string> read_errorfile(std::string_view text) {
  auto line = take_line(text);
  if (!line || !is_status_line(*line))
    return fail("begins with a status line, such as \"HTTP/1.1 503 Service Unavailable\"");
  std::string head = std::string(*line) + "\r\n";
  std::optional<std::uint64_t> length;
  while ((line = take_line(text)) && !line->empty()) {
    const std::size_t colon = line->find(':');
    if (colon == std::string_view::npos || colon == 0)
      return fail("each line of its head is \"Name: value\", and an empty line ends it");
    const std::string_view name = line->substr(0, colon);
    if (equals_ignoring_case(name, "transfer-encoding"))
      return fail("\"Transfer-Encoding\" cannot stand in it: remove the line");
    if (equals_ignoring_case(name, "content-length")) {
      length = parse_decimal(trim(line->substr(colon + 1)));
      if (!length) return fail("its \"Content-Length\" is not a number");
    }
    head.append(*line).append("\r\n");
  }
  if (!line) return fail("the empty line after its head is missing");
  if (length && *length != text.size())
    return fail(fmt::format("its \"Content-Length\" is {}, but its body has {} bytes", *length,
                            text.size()));
  return head.append("\r\n").append(text);
}

}  // namespace tandem::lb::config
