#include "common/log_thread.h"

#include <fmt/format.h>

#include <utility>

namespace tandem {

Result<std::unique_ptr<LogThread>> LogThread::start() {
  auto sink = open_log_sink({.kind = LogTarget::Kind::kStderr});
  if (!sink) return std::unexpected(sink.error());
  std::unique_ptr<LogThread> thread(new LogThread(std::move(*sink)));
  log::divert(thread.get());
  return thread;
}

LogThread::LogThread(std::unique_ptr<LogSink> sink) : writer_(std::move(sink), 1, kRingBytes) {}

LogThread::~LogThread() { log::divert(nullptr); }

bool LogThread::take(std::string_view line) noexcept {
  if (std::this_thread::get_id() != producer_ || line.size() > LogWriter::kLineBytesMax)
    return false;
  if (!push_loss() || !writer_.push(0, line)) ++lost_;
  return true;
}

/// @return whether there was room to say so, or nothing to say.
bool LogThread::push_loss() noexcept {
  if (lost_ == 0) return true;
  if (!writer_.push(0, fmt::format("({} lines of the log were lost: nobody read them)\n", lost_)))
    return false;
  lost_ = 0;
  return true;
}

}  // namespace tandem
