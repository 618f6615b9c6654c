// LogRing: lines on their way from one producer to one consumer, without a lock. It knows neither
// who they are nor what a line says, only that each ends with its one '\n'.
#pragma once

#include "common/check.h"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>

namespace tandem {

/// push() belongs to one thread, front() and pop() to another. No allocation after construction.
class LogRing {
 public:
  /// `capacity`: bytes, a power of two.
  explicit LogRing(std::size_t capacity)
      : bytes_(std::make_unique<char[]>(capacity)), mask_(capacity - 1) {
    TANDEM_CHECK(capacity != 0 && (capacity & mask_) == 0);
  }

  /// Takes `line`, which ends with its only '\n'. False: no room now; nothing was taken.
  [[nodiscard]] bool push(std::string_view line) noexcept {
    const std::size_t at = pushed_.load(std::memory_order_relaxed);
    if (capacity() - (at - popped_seen_) < line.size()) {
      popped_seen_ = popped_.load(std::memory_order_acquire);
      if (capacity() - (at - popped_seen_) < line.size()) return false;
    }
    const std::size_t start = at & mask_;
    const std::size_t before_end = std::min(line.size(), capacity() - start);
    std::memcpy(bytes_.get() + start, line.data(), before_end);
    std::memcpy(bytes_.get(), line.data() + before_end, line.size() - before_end);
    // Sequentially consistent, as is the load in empty(): see LogWriter::push().
    pushed_.store(at + line.size(), std::memory_order_seq_cst);
    return true;
  }

  /// Whole lines that wait, in one or two pieces: the second starts over at the beginning of the
  /// ring, so that one line may lie across both.
  struct Pieces {
    std::string_view first;
    std::string_view second;
    [[nodiscard]] std::size_t size() const noexcept { return first.size() + second.size(); }
  };
  [[nodiscard]] Pieces front() const noexcept {
    const std::size_t from = popped_.load(std::memory_order_relaxed);
    const std::size_t waiting = pushed_.load(std::memory_order_acquire) - from;
    const std::size_t start = from & mask_;
    const std::size_t before_end = std::min(waiting, capacity() - start);
    return {{bytes_.get() + start, before_end}, {bytes_.get(), waiting - before_end}};
  }
  /// Gives the first `bytes` of front() back to the producer.
  void pop(std::size_t bytes) noexcept {
    popped_.store(popped_.load(std::memory_order_relaxed) + bytes, std::memory_order_release);
  }

  [[nodiscard]] bool empty() const noexcept {
    return pushed_.load(std::memory_order_seq_cst) == popped_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::size_t capacity() const noexcept { return mask_ + 1; }

 private:
  std::unique_ptr<char[]> bytes_;
  std::size_t mask_;
  alignas(64) std::atomic<std::size_t> pushed_{0};  // bytes ever; the producer writes
  std::size_t popped_seen_ = 0;                     // the producer's last look at popped_
  alignas(64) std::atomic<std::size_t> popped_{0};  // bytes ever; the consumer writes
};

}  // namespace tandem
