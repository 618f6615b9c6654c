#include "common/event/wheel.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace tandem::event {
namespace {

constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

}  // namespace

Deadline::~Deadline() {
  if (link_ == nullptr) return;
  *link_ = next_;
  if (next_ != nullptr) next_->link_ = link_;
}

Wheel::Wheel(Loop& loop)
    : loop_(loop), origin_(loop.now()), armed_for_(kNever), timer_(loop, [this] { expire(); }) {}

Wheel::~Wheel() {
  for (Deadline* head : slots_) {
    for (; head != nullptr; head = head->next_) head->link_ = nullptr;
  }
}

std::int64_t Wheel::tick_of(Instant at) const noexcept {
  // Rounded up: never early.
  return (at - origin_ + kTick - Duration(1)) / kTick;
}

void Wheel::set(Deadline& deadline, Instant at) {
  deadline.at_ = at;
  const std::int64_t tick = std::max(tick_of(at), current_ + 1);
  if (deadline.link_ != nullptr) {
    if (deadline.linked_tick_ <= tick) return;  // looked at in time anyway
    *deadline.link_ = deadline.next_;
    if (deadline.next_ != nullptr) deadline.next_->link_ = deadline.link_;
  }
  link(deadline, tick);
  if (tick < armed_for_) arm();
}

void Wheel::link(Deadline& deadline, std::int64_t tick) {
  const auto slot = static_cast<std::size_t>(tick % kSlots);
  deadline.linked_tick_ = tick;
  deadline.next_ = slots_[slot];
  deadline.link_ = &slots_[slot];
  if (deadline.next_ != nullptr) deadline.next_->link_ = &deadline.next_;
  slots_[slot] = &deadline;
  used_[slot / 64] |= std::uint64_t{1} << (slot % 64);
}

void Wheel::expire() {
  const std::int64_t now = (loop_.now() - origin_) / kTick;
  armed_for_ = kNever;
  // After a long pause one round serves every slot.
  for (std::int64_t tick = std::max(current_ + 1, now - kSlots + 1); tick <= now; ++tick) {
    current_ = tick;
    const auto slot = static_cast<std::size_t>(tick % kSlots);
    if ((used_[slot / 64] >> (slot % 64) & 1) == 0) continue;
    // The list is cut off first: callbacks may set and destroy deadlines, this slot's included.
    Deadline* due = slots_[slot];
    slots_[slot] = nullptr;
    used_[slot / 64] &= ~(std::uint64_t{1} << (slot % 64));
    if (due != nullptr) due->link_ = &due;
    while (due != nullptr) {
      Deadline& deadline = *due;
      due = deadline.next_;
      if (due != nullptr) due->link_ = &due;
      deadline.next_ = nullptr;
      deadline.link_ = nullptr;
      if (!deadline.is_set()) continue;
      if (const std::int64_t wanted = tick_of(deadline.at_); wanted > tick && wanted > now) {
        link(deadline, wanted);
        continue;
      }
      deadline.clear();
      deadline.on_deadline();
    }
  }
  current_ = std::max(current_, now);
  arm();
}

std::int64_t Wheel::next_used_tick() const noexcept {
  const auto start = static_cast<std::size_t>((current_ + 1) % kSlots);
  for (std::size_t step = 0; step <= used_.size(); ++step) {
    const std::size_t word = (start / 64 + step) % used_.size();
    std::uint64_t bits = used_[word];
    if (step == 0) bits &= ~std::uint64_t{0} << (start % 64);
    if (bits == 0) continue;
    const auto slot = static_cast<std::int64_t>(word * 64) + std::countr_zero(bits);
    const std::int64_t ahead = (slot - static_cast<std::int64_t>(start) + kSlots) % kSlots;
    return current_ + 1 + ahead;
  }
  return kNever;
}

void Wheel::arm() {
  armed_for_ = next_used_tick();
  if (armed_for_ == kNever) {
    timer_.stop();
    return;
  }
  timer_.start(std::max(origin_ + armed_for_ * kTick - Clock::now(), Duration::zero()));
}

}  // namespace tandem::event
