#include "lb/health/ejection.h"

#include <algorithm>

namespace tandem::lb::health {

Instant Ejection::eject(Instant now, Duration base) noexcept {
  const bool is_recent = last_ > Duration::zero() && now - until_ < last_;
  doublings_ = is_recent ? std::min(doublings_ + 1, kDoublingsMax) : 0;
  last_ = base * (1 << doublings_);
  until_ = now + last_;
  return until_;
}

}  // namespace tandem::lb::health
