// Ejection: for how long live traffic may take out a server that no check looks after. Pure.
//
// Nobody but the traffic itself can tell whether such a server has recovered, so it comes back by
// itself, on probation: one more run of errors and it is out again, for twice as long.
#pragma once

#include "common/time.h"

#include <cstdint>

namespace tandem::lb::health {

/// Value type, one for each server.
class Ejection {
 public:
  static constexpr std::uint32_t kDoublingsMax = 5;

  /// Ejects at `now` for `base` times two for each recent ejection before, at most 2^kDoublingsMax.
  /// An ejection is recent while the server has been back for less time than it was last out.
  /// @return when it may come back.
  [[nodiscard]] Instant eject(Instant now, Duration base) noexcept;

  [[nodiscard]] Instant until() const noexcept { return until_; }

 private:
  Instant until_ = Instant::min();
  Duration last_{};
  std::uint32_t doublings_ = 0;
};

}  // namespace tandem::lb::health
