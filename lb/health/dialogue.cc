#include "lb/health/dialogue.h"

#include <fmt/format.h>

#include <algorithm>

namespace tandem::lb::health {

void Dialogue::hear(std::string_view bytes) {
  if (finding_) return;
  const std::size_t taken = std::min(bytes.size(), kHeardBytesMax - heard_);
  input_ += bytes.substr(0, taken);
  heard_ += taken;
  while (!finding_ && read_message()) {
  }
  input_.erase(0, consumed_);
  consumed_ = 0;
  if (!finding_ && heard_ == kHeardBytesMax) refuse("the server says too much");
}

void Dialogue::hear_end() {
  if (!finding_) end();
}

void Dialogue::end() { refuse(fmt::format("connection closed before {}", awaited())); }

Finding Dialogue::late() const {
  return {
      .status = Status::kL7Tout, .code = 0, .description = fmt::format("waited for {}", awaited())};
}

bool Dialogue::conclude(Status status, int code, std::string description) {
  return conclude({.status = status, .code = code, .description = std::move(description)});
}

bool Dialogue::conclude(Finding finding) {
  finding_ = std::move(finding);
  return true;
}

}  // namespace tandem::lb::health
