// LogWriter: the one thread that carries finished lines to a file, a stream or syslog, so that the
// threads that make them never wait for a disk. Each producer has a ring of its own; what does not
// fit there is refused at once, and the producer counts it.
//
// An idle process does not wake up: the thread sleeps until a ring stops being empty. While lines
// keep coming it looks every few milliseconds instead, so that a busy producer makes no system
// call.
#pragma once

#include "common/file_descriptor.h"
#include "common/log_ring.h"
#include "common/log_sink.h"
#include "common/time.h"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace tandem {

/// Made before its producers start, destroyed after they ended; the destructor writes what waits,
/// or as much of it as the sink takes within kDrainMax.
class LogWriter {
 public:
  /// Bytes of lines that one producer may have waiting.
  static constexpr std::size_t kRingBytes = std::size_t{1} << 20;
  /// Longest line, its line break included.
  static constexpr std::size_t kLineBytesMax = 8192;
  static constexpr std::chrono::seconds kDrainMax{2};

  /// Starts the thread. `producers`: how many rings there are, of `ring_bytes` each (a power of
  /// two).
  LogWriter(std::unique_ptr<LogSink> sink, std::uint32_t producers,
            std::size_t ring_bytes = kRingBytes);
  ~LogWriter();
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;

  /// Hands a line over. `line` ends with its only '\n' and has at most kLineBytesMax bytes.
  /// False: the ring is full; count it. Thread: the one that owns ring `producer`.
  [[nodiscard]] bool push(std::uint32_t producer, std::string_view line) noexcept;

  /// Lines that were taken but could not be written (disk full, no syslog daemon). Thread: any.
  [[nodiscard]] std::uint64_t lost() const noexcept {
    return lost_.load(std::memory_order_relaxed);
  }

 private:
  void run();
  [[nodiscard]] bool write_waiting();
  void write_ring(LogRing& ring);
  void refresh_sink();
  void sleep_until_pushed();
  void nap() const;
  void forget_wakeups() const;
  void wake() noexcept;
  [[nodiscard]] bool stopping() const noexcept { return stopping_.load(std::memory_order_acquire); }

  std::unique_ptr<LogSink> sink_;
  std::vector<std::unique_ptr<LogRing>> rings_;
  FileDescriptor wakeup_;  // eventfd
  std::atomic<bool> asleep_{false};
  std::atomic<bool> stopping_{false};
  std::atomic<std::uint64_t> lost_{0};
  std::string across_;  // the line that lies across the end of a ring
  Instant refreshed_{};
  std::thread thread_;
};

}  // namespace tandem
