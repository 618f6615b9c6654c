#include "lb/health/verdict.h"

#include <algorithm>

namespace tandem::lb::health {

Verdict::Verdict(std::uint32_t rise, std::uint32_t fall, State state) noexcept
    : rise_(std::max(rise, 1U)), fall_(std::max(fall, 1U)), health_(0), state_(state) {
  health_ = state == State::kStarting ? rise_ - 1 : top();
}

Verdict Verdict::unchecked() noexcept { return {1, 1, State::kUp}; }

Verdict Verdict::starting(std::uint32_t rise, std::uint32_t fall) noexcept {
  return {rise, fall, State::kStarting};
}

bool Verdict::step(bool passed) noexcept {
  if (passed) {
    if (health_ < top()) ++health_;
    if (health_ < rise_) return false;
    health_ = top();
    return move_to(State::kUp);
  }
  if (health_ > rise_) {
    --health_;
    return false;
  }
  health_ = 0;
  return move_to(State::kDown);
}

bool Verdict::force(State state) noexcept {
  switch (state) {
    case State::kStarting:
      return false;
    case State::kUp:
    case State::kStopping:
      health_ = top();
      break;
    case State::kDown:
      health_ = 0;
      break;
  }
  return move_to(state);
}

bool Verdict::assume(State state) noexcept {
  health_ = state == State::kUp ? rise_ : rise_ - 1;
  return move_to(state);
}

void Verdict::lower_to_last_but_one() noexcept {
  if (health_ > rise_) health_ = rise_ + 1;
}

void Verdict::lower_to_last() noexcept {
  if (health_ > rise_) health_ = rise_;
}

bool Verdict::force_probation() noexcept {
  health_ = rise_;
  return move_to(State::kUp);
}

void Verdict::set_limits(std::uint32_t rise, std::uint32_t fall) noexcept {
  const bool was_starting = state_ == State::kStarting;
  rise_ = std::max(rise, 1U);
  fall_ = std::max(fall, 1U);
  if (was_starting) {
    health_ = rise_ - 1;
  } else {
    health_ = state_ == State::kDown ? 0 : top();
  }
}

void Verdict::restart() noexcept {
  health_ = rise_ - 1;
  state_ = State::kStarting;
}

bool Verdict::is_changing() const noexcept {
  return state_ == State::kStarting || (health_ > 0 && health_ < top());
}

std::uint32_t Verdict::progress() const noexcept {
  return health_ >= rise_ ? health_ - rise_ + 1 : health_;
}

bool Verdict::move_to(State state) noexcept {
  const bool changed = state != state_;
  state_ = state;
  return changed;
}

}  // namespace tandem::lb::health
