// Cells: counters and histograms that one worker writes and anybody may read. A write is a plain
// load and store (relaxed atomics, no lock prefix); a reader sees each value whole, though not all
// of them at one instant.
#pragma once

#include "common/time.h"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace tandem::metrics {

/// Only grows. Writer: the owning worker. Readers: any thread.
class Counter {
 public:
  void add(std::uint64_t amount = 1) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t value() const noexcept {
    return value_.load(std::memory_order_relaxed);
  }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// Goes up and down, or is set. Writer: the owning worker. Readers: any thread.
class Gauge {
 public:
  void add(std::int64_t amount) noexcept { set(value() + amount); }
  void set(std::int64_t value) noexcept { value_.store(value, std::memory_order_relaxed); }
  void raise_to(std::int64_t value) noexcept {
    if (value > this->value()) set(value);
  }
  [[nodiscard]] std::int64_t value() const noexcept {
    return value_.load(std::memory_order_relaxed);
  }

 private:
  std::atomic<std::int64_t> value_{0};
};

/// Upper bounds, in microseconds, of the duration buckets: 5 ms to 10 s, and one without bound.
inline constexpr std::array<std::int64_t, 11> kDurationBoundsMicroseconds = {
    5'000,   10'000,    25'000,    50'000,    100'000,   250'000,
    500'000, 1'000'000, 2'500'000, 5'000'000, 10'000'000};

/// Durations by bucket, with their sum and their largest, and a sliding average over about the last
/// 512 as HAProxy's qtime, ctime, rtime and ttime have it. Writer: the owning worker.
class DurationHistogram {
 public:
  static constexpr std::size_t kBuckets = kDurationBoundsMicroseconds.size() + 1;

  void observe(Duration duration) noexcept {
    const std::int64_t us = std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
    std::size_t bucket = 0;
    while (bucket < kDurationBoundsMicroseconds.size() && us > kDurationBoundsMicroseconds[bucket])
      ++bucket;
    buckets_[bucket].add();
    sum_microseconds_.add(us > 0 ? static_cast<std::uint64_t>(us) : 0);
    largest_microseconds_.raise_to(us);
    const std::int64_t scaled = average_scaled_.value();
    average_scaled_.set(scaled - scaled / kWindow + us);
  }

  /// Count in bucket `i` alone (not cumulative).
  [[nodiscard]] std::uint64_t bucket(std::size_t i) const noexcept { return buckets_[i].value(); }
  [[nodiscard]] std::uint64_t sum_microseconds() const noexcept {
    return sum_microseconds_.value();
  }
  [[nodiscard]] std::int64_t largest_microseconds() const noexcept {
    return largest_microseconds_.value();
  }
  /// kWindow times the sliding average, in microseconds: add up over workers with sample counts.
  [[nodiscard]] std::int64_t average_scaled() const noexcept { return average_scaled_.value(); }
  static constexpr std::int64_t kWindow = 512;

 private:
  // What nearly every sample touches lies in one cache line: with thousands of servers each line is
  // a miss.
  alignas(64) Counter sum_microseconds_;
  Gauge largest_microseconds_;
  Gauge average_scaled_;
  std::array<Counter, kBuckets> buckets_;
};

}  // namespace tandem::metrics
