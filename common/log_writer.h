// LogWriter: the one thread that carries finished lines to a file, a stream or syslog, so that the
// threads that make them never wait for a disk. Each producer has a ring of its own (LogRing); what
// does not fit there is refused at once, and the producer counts it.
//
// An idle process does not wake up: the thread sleeps until a ring stops being empty. While lines
// keep coming it looks every few milliseconds instead, so that a busy producer makes no system
// call.
#pragma once

#include "common/file_descriptor.h"
#include "common/result.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace tandem {

/// Bytes of lines that one producer may have waiting.
inline constexpr std::size_t kLogRingBytes = std::size_t{1} << 20;
/// Longest line, its line break included.
inline constexpr std::size_t kLogLineBytesMax = 8192;

/// Where lines go.
struct LogTarget {
  enum class Kind : std::uint8_t { kStdout, kStderr, kFile, kSyslog };
  Kind kind = Kind::kStderr;
  std::string path;            // file, or syslog: socket path ("/dev/log") or UDP "host:port"
  std::string tag = "tandem";  // syslog only
  int facility = 16;           // syslog only; 16: local0
};

/// Lines on their way from one producer to one consumer, each ended by '\n'.
///
/// push() belongs to one thread, front() and pop() to another. No lock, no allocation after
/// construction.
class LogRing {
 public:
  /// `capacity`: bytes, a power of two.
  explicit LogRing(std::size_t capacity = kLogRingBytes);

  /// Takes `line`, which ends with its only '\n'. False: no room now; nothing was taken.
  [[nodiscard]] bool push(std::string_view line) noexcept;

  /// Whole lines that wait, in one or two pieces (the second starts over at the ring's begin, so
  /// that a line may lie across both).
  struct Pieces {
    std::string_view first;
    std::string_view second;
    [[nodiscard]] std::size_t size() const noexcept { return first.size() + second.size(); }
  };
  [[nodiscard]] Pieces front() const noexcept;
  void pop(std::size_t bytes) noexcept;
  [[nodiscard]] bool empty() const noexcept { return front().size() == 0; }

 private:
  std::unique_ptr<char[]> bytes_;
  std::size_t mask_;
  alignas(64) std::atomic<std::size_t> pushed_{0};  // bytes ever; the producer writes
  std::size_t popped_seen_ = 0;                     // the producer's last look at popped_
  alignas(64) std::atomic<std::size_t> popped_{0};  // bytes ever; the consumer writes
};

/// A place lines are written to. Blocking for a bounded time; thread: the writer's.
class LogSink {
 public:
  virtual ~LogSink() = default;
  /// Writes `lines`, whole lines each ended by '\n'. Returns how many of them were lost.
  virtual std::uint64_t write(std::string_view lines) = 0;
  /// Called at most once a second while lines are written: a file that was renamed or removed is
  /// opened anew, a syslog daemon that went away is looked for again.
  virtual void refresh() {}
};

/// Opens `target`. Errors: what the system said about the path.
[[nodiscard]] Result<std::unique_ptr<LogSink>> open_log_sink(const LogTarget& target);

/// Made before its producers start, destroyed after they ended; the destructor writes what waits,
/// for at most kDrainMax.
class LogWriter {
 public:
  static constexpr std::chrono::seconds kDrainMax{2};

  /// Starts the thread. `producers`: how many rings there are.
  LogWriter(std::unique_ptr<LogSink> sink, std::uint32_t producers,
            std::size_t ring_bytes = kLogRingBytes);
  ~LogWriter();
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;

  /// Hands a line over. `line` ends with its only '\n' and has at most kLogLineBytesMax bytes.
  /// False: the ring is full; count it. Thread: the one that owns ring `producer`.
  [[nodiscard]] bool push(std::uint32_t producer, std::string_view line) noexcept;

  /// Lines that were taken but could not be written (disk full, no syslog daemon). Thread: any.
  [[nodiscard]] std::uint64_t lost() const noexcept {
    return lost_.load(std::memory_order_relaxed);
  }

 private:
  void run();
  bool write_waiting();
  void sleep_until_pushed();
  void nap();
  void wake() noexcept;

  std::unique_ptr<LogSink> sink_;
  std::vector<std::unique_ptr<LogRing>> rings_;
  FileDescriptor wakeup_;  // eventfd
  std::atomic<bool> asleep_{false};
  std::atomic<bool> stopping_{false};
  std::atomic<std::uint64_t> lost_{0};
  std::string line_;  // one that lies across the end of a ring
  std::thread thread_;
};

}  // namespace tandem
