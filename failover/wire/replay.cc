#include "failover/wire/replay.h"

#include <algorithm>
#include <cstdlib>

namespace tandem::failover::wire {

std::uint64_t sequence_at(WallTime now) noexcept {
  using std::chrono::nanoseconds;
  using std::chrono::seconds;
  const auto since = now.time_since_epoch();
  const auto whole = std::chrono::floor<seconds>(since);
  const auto rest = static_cast<std::uint64_t>(nanoseconds(since - whole).count());
  const std::uint64_t fraction = (rest << 16) / 1'000'000'000U;
  return static_cast<std::uint64_t>(whole.count()) << 32 | fraction << 16;
}

bool ReplayWindow::is_fresh(std::uint64_t sequence, WallTime now) const noexcept {
  if (width_ == std::chrono::seconds(0)) return true;
  // In 64 bits: the most negative difference has no positive counterpart in 32.
  return std::abs(std::int64_t{seconds_ahead(sequence, sequence_at(now))}) <= width_.count();
}

bool ReplayWindow::admit(const IpAddress& sender, std::uint64_t sequence, WallTime now) {
  auto mark = std::ranges::find(marks_, sender, &Mark::sender);
  if (mark == marks_.end()) {
    if (marks_.size() == kSendersMax) marks_.pop_back();
    marks_.push_back({.sender = sender, .sequence = sequence});
    std::rotate(marks_.begin(), marks_.end() - 1, marks_.end());
    return true;
  }
  if (is_fresh(mark->sequence, now) && !is_after(sequence, mark->sequence)) return false;
  mark->sequence = sequence;
  std::rotate(marks_.begin(), mark, mark + 1);
  return true;
}

}  // namespace tandem::failover::wire
