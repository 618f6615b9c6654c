// What all threads share of a server and a backend: a handful of named atomics, and nothing else.
// Everything else about a server is either immutable (config::Server), owned by the control thread
// (Fleet), or owned by one worker (its view, pool and cells).
#pragma once

#include "lb/config/snapshot.h"

#include <atomic>
#include <cstdint>
#include <vector>

namespace tandem::lb::upstream {

/// One server. Workers write, everybody reads, relaxed. A cache line of its own: it is the one line
/// of the hot path that cores pass around.
struct alignas(64) ServerShared {
  std::atomic<std::uint32_t> load{0};                // running requests (scur)
  std::atomic<std::uint32_t> load_most{0};           // smax
  std::atomic<std::uint32_t> queued{0};              // waiting for this very server (qcur)
  std::atomic<std::uint32_t> queued_most{0};         // qmax
  std::atomic<std::uint32_t> maxconn{0};             // 0: no limit; the control thread writes
  std::atomic<std::uint32_t> consecutive_errors{0};  // for observe / error-limit
  std::atomic<std::int64_t> last_session_ms{-1};     // steady clock, for lastsess; -1: never
};

/// One backend: the requests that wait for whichever server is free first.
struct alignas(64) BackendShared {
  std::atomic<std::uint32_t> load_most{0};  // smax: of requests(), as the control thread saw it
  std::atomic<std::uint32_t> queued{0};
  std::atomic<std::uint32_t> queued_most{0};
};

/// One frontend: connections over all workers, for its maxconn.
struct alignas(64) FrontendShared {
  std::atomic<std::uint32_t> connections{0};
  std::atomic<std::uint32_t> connections_most{0};
  std::atomic<std::uint32_t> maxconn{0};  // 0: only the limit of the process; control thread writes
};

/// The process.
struct alignas(64) ProcessShared {
  std::atomic<std::uint32_t> connections{0};
  std::atomic<std::uint32_t> connections_most{0};
  std::atomic<std::uint32_t> maxconn{0};  // control thread writes
  std::atomic<bool> stopping{false};
};

/// The shared part of everything in a snapshot, indexed as the snapshot is. Made before the workers
/// start; sizes never change.
struct Shared {
  explicit Shared(const config::Snapshot& snapshot);

  /// Requests in a backend, running or queued: its servers' loads and all queues added up, because
  /// a counter of its own would be one more line that cores pass around. O(servers). Thread: any.
  [[nodiscard]] std::uint32_t requests(config::BackendIndex backend) const noexcept;

  ProcessShared process;
  std::vector<FrontendShared> frontends;
  std::vector<BackendShared> backends;
  std::vector<std::vector<ServerShared>> servers;  // by backend
};

/// Raises `most` to `value` if it is larger.
inline void raise(std::atomic<std::uint32_t>& most, std::uint32_t value) noexcept {
  std::uint32_t seen = most.load(std::memory_order_relaxed);
  while (seen < value && !most.compare_exchange_weak(seen, value, std::memory_order_relaxed)) {
  }
}

}  // namespace tandem::lb::upstream
