#include "lb/figures/captures.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace tandem::lb::figures {
namespace {

std::uint32_t largest_id(const config::Snapshot& snapshot) {
  std::uint32_t largest = 0;
  for (const config::Frontend& frontend : snapshot.frontends)
    largest = std::max(largest, frontend.id);
  for (const config::Backend& backend : snapshot.backends) largest = std::max(largest, backend.id);
  return largest;
}

std::string escaped(char c) {
  switch (c) {
    case '\t':
      return "\\t";
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    case '\x1b':
      return "\\e";
    case '\\':
      return "\\\\";
    default:
      if (c >= ' ' && c < '\x7f') return {c};
      return fmt::format("\\x{:02X}", static_cast<unsigned char>(c));
  }
}

}  // namespace

Captures::Captures(const config::Snapshot& snapshot) : slots_(largest_id(snapshot) + 1) {}

void Captures::record(Capture capture) {
  const bool is_request = capture.kind == Capture::Kind::kRequest;
  const std::uint32_t owner = is_request ? capture.frontend_id : capture.backend_id;
  if (owner == 0 || owner >= slots_.size()) return;
  capture.length = capture.bytes.size();
  if (capture.bytes.size() > kBytesMax) capture.bytes.resize(kBytesMax);
  const std::scoped_lock lock(mutex_);
  capture.event = next_event_++;
  slots_[owner].kept[static_cast<std::size_t>(capture.kind)] = std::move(capture);
}

std::optional<Capture> Captures::last(std::uint32_t id, Capture::Kind kind) const {
  if (id >= slots_.size()) return std::nullopt;
  const std::scoped_lock lock(mutex_);
  return slots_[id].kept[static_cast<std::size_t>(kind)];
}

std::uint64_t Captures::total() const {
  const std::scoped_lock lock(mutex_);
  return next_event_;
}

std::string dump_bytes(std::string_view bytes) {
  // Lines are cut at 80 columns, as HAProxy's; the offset takes the first nine.
  constexpr std::size_t kTextColumns = 70;
  std::string out;
  std::size_t line_begin = 0;
  for (std::size_t i = 0; i < bytes.size();) {
    fmt::format_to(std::back_inserter(out), "  {:05}{} ", i, i == line_begin ? ' ' : '+');
    std::size_t columns = 0;
    bool line_ended = false;
    while (i < bytes.size() && !line_ended) {
      const std::string piece = escaped(bytes[i]);
      if (columns + piece.size() > kTextColumns) break;
      columns += piece.size();
      out += piece;
      line_ended = bytes[i++] == '\n';
    }
    if (line_ended) line_begin = i;
    out += '\n';
  }
  return out;
}

}  // namespace tandem::lb::figures
