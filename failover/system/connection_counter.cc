#include "failover/system/connection_counter.h"

#include "common/event/background.h"
#include "failover/system/socket_census.h"

#include <optional>
#include <utility>

namespace tandem::failover::system {

/// Shared with the other thread, which has all but `on_counted` to itself during a count.
struct ConnectionCounter::Work {
  std::vector<IpAddress> addresses;
  std::optional<SocketCensus> census;
  Result<std::uint64_t> result = 0;
  OnCounted on_counted;  // none: no count is under way

  void count();
};

ConnectionCounter::ConnectionCounter(event::Loop& loop, std::vector<IpAddress> addresses)
    : loop_(loop), work_(std::make_shared<Work>()) {
  work_->addresses = std::move(addresses);
}

ConnectionCounter::~ConnectionCounter() {
  if (work_->on_counted) work_->on_counted = [](const Result<std::uint64_t>&) {};
}

void ConnectionCounter::count(OnCounted on_counted) {
  if (work_->on_counted) return;
  work_->on_counted = std::move(on_counted);
  // Here and not over there: a socket belongs to the namespace of the thread that opens it.
  if (!work_->census) {
    auto opened = SocketCensus::open();
    if (opened)
      work_->census = *std::move(opened);
    else
      work_->result = std::unexpected(opened.error());
  }
  event::background(
      loop_, [work = work_] { work->count(); },
      [work = work_] { std::exchange(work->on_counted, {})(work->result); });
}

void ConnectionCounter::Work::count() {
  if (census) result = census->connections(addresses);
}

}  // namespace tandem::failover::system
