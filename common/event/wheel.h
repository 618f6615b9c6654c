// Wheel: deadlines for many connections, almost free to move. A deadline that moves later is one
// store; the wheel finds out when the old time comes. One libuv timer for all of them, armed only
// while there is something to wait for.
#pragma once

#include "common/event/timer.h"

#include <array>
#include <cstdint>

namespace tandem::event {

class Wheel;

/// One pending deadline. Derive, or own one per kind of wait. Destroying it cancels.
/// Thread: the wheel's.
class Deadline {
 public:
  Deadline() noexcept = default;
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

  [[nodiscard]] bool is_set() const noexcept { return at_ != Instant::max(); }
  [[nodiscard]] Instant at() const noexcept { return at_; }
  /// Forgets the deadline; the wheel drops it when it next comes by.
  void clear() noexcept { at_ = Instant::max(); }

 protected:
  virtual ~Deadline();
  /// Called once, not before the deadline and at most a tick after it (loop permitting).
  virtual void on_deadline() = 0;

 private:
  friend class Wheel;

  Instant at_ = Instant::max();
  std::int64_t linked_tick_ = 0;
  Deadline* next_ = nullptr;
  Deadline** link_ = nullptr;  // what points here; null when not in the wheel
};

/// Owner: a worker. Thread: its loop's.
class Wheel {
 public:
  static constexpr Milliseconds kTick{4};

  explicit Wheel(Loop& loop);
  ~Wheel();

  /// Sets or moves a deadline. Cheap when it moves later.
  void set(Deadline& deadline, Instant at);

 private:
  // One round is kSlots ticks (16 s); what lies further out is looked at once a round.
  static constexpr std::int64_t kSlots = 4096;

  void link(Deadline& deadline, std::int64_t tick);
  void expire();
  void arm();
  [[nodiscard]] std::int64_t tick_of(Instant at) const noexcept;
  [[nodiscard]] std::int64_t next_used_tick() const noexcept;

  Loop& loop_;
  Instant origin_;
  std::int64_t current_ = 0;  // every slot up to and including this tick has been served
  std::int64_t armed_for_;
  std::array<Deadline*, kSlots> slots_{};
  std::array<std::uint64_t, kSlots / 64> used_{};
  Timer timer_;
};

}  // namespace tandem::event
