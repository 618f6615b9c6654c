#include "lb/health/describe.h"

#include <fmt/format.h>

#include <iterator>

namespace tandem::lb::health {
namespace {

std::string_view words_of(Change change) noexcept {
  switch (change) {
    case Change::kUp:
      return "is UP";
    case Change::kDown:
      return "is DOWN";
    case Change::kStopping:
      return "is stopping";
    case Change::kMaint:
      return "is going DOWN for maintenance";
    case Change::kMaintWhileDown:
      return "was DOWN and now enters maintenance";
    case Change::kLeavesMaint:
      return "is UP (leaving forced maintenance)";
    case Change::kDrain:
      return "enters drain state";
    case Change::kLeavesDrain:
      return "is UP (leaving forced drain)";
    case Change::kLeavesDrainDown:
      return "is DOWN (leaving forced drain)";
  }
  return "";
}

bool leaves_fewer(Change change) noexcept {
  switch (change) {
    case Change::kDown:
    case Change::kStopping:
    case Change::kMaint:
    case Change::kMaintWhileDown:
    case Change::kDrain:
    case Change::kLeavesDrainDown:
      return true;
    case Change::kUp:
    case Change::kLeavesMaint:
    case Change::kLeavesDrain:
      return false;
  }
  return false;
}

void append_result(std::string& line, const Result& result) {
  auto out = std::back_inserter(line);
  fmt::format_to(out, ", reason: {}", status_words(result.status));
  if (has_code(result.status)) fmt::format_to(out, ", code: {}", result.code);
  if (!result.description.empty()) fmt::format_to(out, ", info: \"{}\"", result.description);
  if (result.duration.count() >= 0) {
    fmt::format_to(out, ", check duration: {}ms", result.duration.count());
  }
}

}  // namespace

std::string describe_change(Change change, const ChangeFacts& facts) {
  std::string line = fmt::format("Server {}/{} {}", facts.backend, facts.server, words_of(change));
  if (facts.result != nullptr) append_result(line, *facts.result);
  auto out = std::back_inserter(line);
  const bool fewer = leaves_fewer(change);
  fmt::format_to(out, ". {} active and {} backup servers {}.", facts.active_left, facts.backup_left,
                 fewer ? "left" : "online");
  if (facts.active_left == 0 && facts.backup_left > 0) line += " Running on backup.";
  if (fewer) {
    fmt::format_to(out, " {} sessions active, {} requeued, {} remaining in queue.", facts.sessions,
                   facts.requeued, facts.queued);
  } else {
    fmt::format_to(out, " {} sessions requeued, {} total in queue.", facts.requeued, facts.queued);
  }
  return line;
}

std::string describe_empty_backend(std::string_view backend) {
  return fmt::format("backend {} has no server available!", backend);
}

}  // namespace tandem::lb::health
