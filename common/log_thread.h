// LogThread: the log of the process written by a thread of its own, for a process whose loop must
// not wait for whoever reads stderr: a disk that is busy, a journal that has stopped. Lines of the
// thread that made it go there; those of other threads, and too long ones, are written as ever.
#pragma once

#include "common/log.h"
#include "common/log_writer.h"
#include "common/result.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>
#include <thread>

namespace tandem {

/// One in a process. The destructor writes what waits, for two seconds at most; also to be
/// destroyed before exec, which ends its thread.
class LogThread final : private log::Diversion {
 public:
  /// A burst of as many lines waits; what is beyond is lost, and said when there is room again.
  static constexpr std::size_t kRingBytes = std::size_t{1} << 18;

  /// From now on. Errors: stderr cannot be written to.
  [[nodiscard]] static Result<std::unique_ptr<LogThread>> start();
  ~LogThread() override;
  LogThread(const LogThread&) = delete;
  LogThread& operator=(const LogThread&) = delete;

 private:
  explicit LogThread(std::unique_ptr<LogSink> sink);
  [[nodiscard]] bool take(std::string_view line) noexcept override;
  [[nodiscard]] bool push_loss() noexcept;

  const std::thread::id producer_ = std::this_thread::get_id();
  std::uint64_t lost_ = 0;  // that nobody has been told of
  LogWriter writer_;
};

}  // namespace tandem
