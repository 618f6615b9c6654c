#include "common/log_writer.h"

#include "common/check.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace tandem {
namespace {

constexpr int kNapMilliseconds = 5;
constexpr std::chrono::seconds kRefreshEvery{1};

}  // namespace

LogWriter::LogWriter(std::unique_ptr<LogSink> sink, std::uint32_t producers, std::size_t ring_bytes)
    : sink_(std::move(sink)), wakeup_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  TANDEM_CHECK(wakeup_);
  for (std::uint32_t i = 0; i < producers; ++i)
    rings_.push_back(std::make_unique<LogRing>(ring_bytes));
  across_.reserve(kLineBytesMax);
  thread_ = std::thread([this] { run(); });
}

LogWriter::~LogWriter() {
  stopping_.store(true, std::memory_order_release);
  wake();
  thread_.join();
}

bool LogWriter::push(std::uint32_t producer, std::string_view line) noexcept {
  if (!rings_[producer]->push(line)) return false;
  // This thread stores the line and then looks whether the writer sleeps; the writer says that it
  // sleeps and then looks for lines. In the one order of sequentially consistent operations, at
  // least one of them sees the other. Fences would do too, but the thread sanitizer knows none.
  if (asleep_.load(std::memory_order_seq_cst)) [[unlikely]] {
    if (asleep_.exchange(false, std::memory_order_seq_cst)) wake();
  }
  return true;
}

void LogWriter::run() {
  while (!stopping()) {
    if (write_waiting())
      nap();
    else
      sleep_until_pushed();
  }
  // Producers have ended: what waits now is all there will be.
  const Instant until = Clock::now() + kDrainMax;
  while (write_waiting() && Clock::now() < until) {
  }
}

/// @return false when nothing waited.
bool LogWriter::write_waiting() {
  const bool any = std::ranges::any_of(rings_, [](const auto& ring) { return !ring->empty(); });
  if (!any) return false;
  refresh_sink();
  for (const auto& ring : rings_) write_ring(*ring);
  return true;
}

void LogWriter::write_ring(LogRing& ring) {
  const LogRing::Pieces pieces = ring.front();
  if (pieces.size() == 0) return;
  // push() publishes whole lines, so the end of the last piece is the end of a line; only a line
  // that lies across the ring's end needs to be put together.
  std::string_view first = pieces.first;
  std::string_view second = pieces.second;
  across_.clear();
  if (!second.empty() && first.back() != '\n') {
    const std::size_t whole =
        first.rfind('\n') + 1;  // npos + 1 is 0: all of it belongs to the line
    const std::size_t tail = second.find('\n') + 1;
    across_.append(first.substr(whole)).append(second.substr(0, tail));
    first = first.substr(0, whole);
    second = second.substr(tail);
  }
  std::uint64_t lost = 0;
  for (const std::string_view lines : {first, std::string_view(across_), second})
    if (!lines.empty()) lost += sink_->write(lines);
  ring.pop(pieces.size());
  if (lost != 0)
    lost_.store(lost_.load(std::memory_order_relaxed) + lost, std::memory_order_relaxed);
}

void LogWriter::refresh_sink() {
  const Instant now = Clock::now();
  if (now - refreshed_ < kRefreshEvery) return;
  refreshed_ = now;
  sink_->refresh();
}

void LogWriter::sleep_until_pushed() {
  asleep_.store(true, std::memory_order_seq_cst);
  const bool any = std::ranges::any_of(rings_, [](const auto& ring) { return !ring->empty(); });
  if (!any && !stopping()) {
    pollfd waiting{wakeup_.get(), POLLIN, 0};
    ::poll(&waiting, 1, -1);
  }
  asleep_.store(false, std::memory_order_relaxed);
  forget_wakeups();
}

/// Lets lines gather. Ends early when the writer is to stop.
void LogWriter::nap() const {
  pollfd waiting{wakeup_.get(), POLLIN, 0};
  ::poll(&waiting, 1, kNapMilliseconds);
  // A wake-up that came just too late for the sleep it was meant for would cut each nap short.
  forget_wakeups();
}

void LogWriter::forget_wakeups() const {
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t ignored = ::read(wakeup_.get(), &count, sizeof count);
}

void LogWriter::wake() noexcept {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t ignored = ::write(wakeup_.get(), &one, sizeof one);
}

}  // namespace tandem
