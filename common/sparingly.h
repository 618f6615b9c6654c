// Sparingly: lets one log line through in a while, and counts the others. For what a stranger can
// bring about as often as he likes.
#pragma once

#include "common/time.h"

#include <cstdint>
#include <optional>
#include <utility>

namespace tandem {

/// One owner.
class Sparingly {
 public:
  explicit Sparingly(Duration pause) : pause_(pause) {}

  /// Whether to speak now; then: how many times it was kept back since the last.
  [[nodiscard]] std::optional<std::uint64_t> may_speak(Instant now) {
    if (now < next_) {
      ++kept_back_;
      return std::nullopt;
    }
    next_ = now + pause_;
    return std::exchange(kept_back_, 0);
  }

 private:
  Duration pause_;
  Instant next_{};
  std::uint64_t kept_back_ = 0;
};

}  // namespace tandem
