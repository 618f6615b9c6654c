// ConnectionCounter: how many connections to some addresses this node still has, counted off the
// loop: the kernel takes 1.6 µs of processor time for each that it finds and 0.5 µs for each other
// one (measured), which with tens of thousands is longer than an advert may be late. What is
// counted is SocketCensus's to say.
#pragma once

#include "common/event/loop.h"
#include "common/ip_address.h"
#include "common/result.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace tandem::failover::system {

/// Thread: the loop's, which runs on until a count that is under way is over.
class ConnectionCounter {
 public:
  /// The number, or why there is none. Must not destroy the counter.
  using OnCounted = std::move_only_function<void(const Result<std::uint64_t>&)>;

  ConnectionCounter(event::Loop& loop, std::vector<IpAddress> addresses);
  /// A count that is under way is told to nobody.
  ~ConnectionCounter();
  ConnectionCounter(const ConnectionCounter&) = delete;
  ConnectionCounter& operator=(const ConnectionCounter&) = delete;

  /// Counts, and tells in a later turn. Nothing if a count is under way: who asked first is told.
  void count(OnCounted on_counted);

 private:
  struct Work;

  event::Loop& loop_;
  std::shared_ptr<Work> work_;
};

}  // namespace tandem::failover::system
