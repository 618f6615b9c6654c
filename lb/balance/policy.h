// Policy: chooses a server for one attempt. Pure: it sees weights, eligibility and loads through a
// ServerView and knows no socket, clock, lock or log.
#pragma once

#include "common/time.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace tandem::lb::balance {

/// Index into the backend's servers, in file order.
using ServerIndex = std::uint32_t;

/// One server as policies see it. `weight` and `usable` change only between picks (then
/// Policy::rebuild runs); `load` may change at any time, by any worker.
struct Candidate {
  std::uint32_t weight = 1;  // effective, in 1/16 of a configured unit so that slow start is smooth
  bool usable = false;       // may get new requests: up, ready, weight over 0, in the acting group
  std::uint32_t maxconn = 0;                         // 0: no limit
  const std::atomic<std::uint32_t>* load = nullptr;  // running requests, over all workers
  std::uint64_t identity = 0;  // hash of the server's name: stable over reordering and restarts
};

/// What policies read. Owned by one worker and used on its thread.
class ServerView {
 public:
  explicit ServerView(std::vector<Candidate> candidates) : candidates_(std::move(candidates)) {}

  [[nodiscard]] std::size_t size() const noexcept { return candidates_.size(); }
  [[nodiscard]] const Candidate& operator[](ServerIndex i) const noexcept { return candidates_[i]; }
  [[nodiscard]] std::uint32_t load(ServerIndex i) const noexcept {
    return candidates_[i].load->load(std::memory_order_relaxed);
  }
  [[nodiscard]] bool full(ServerIndex i) const noexcept {
    return candidates_[i].maxconn != 0 && load(i) >= candidates_[i].maxconn;
  }

  /// For the owner, between picks.
  [[nodiscard]] Candidate& edit(ServerIndex i) noexcept { return candidates_[i]; }

 private:
  std::vector<Candidate> candidates_;
};

/// Servers that a request has failed on, so that it goes elsewhere.
/// Servers that a request has failed on, so that it goes elsewhere.
class TriedServers {
 public:
  static constexpr std::size_t kMax = 16;

  void clear() noexcept { count_ = 0; }
  /// False: no room.
  bool add(ServerIndex i) noexcept {
    if (count_ == kMax) return false;
    servers_[count_++] = i;
    return true;
  }
  [[nodiscard]] bool is_empty() const noexcept { return count_ == 0; }
  [[nodiscard]] bool contains(ServerIndex i) const noexcept {
    return std::ranges::find(span(), i) != span().end();
  }
  [[nodiscard]] std::span<const ServerIndex> span() const noexcept {
    return {servers_.data(), count_};
  }

 private:
  std::array<ServerIndex, kMax> servers_{};
  std::size_t count_ = 0;
};

struct PickRequest {
  std::uint64_t key = 0;               // hash of what source, uri and hash look at
  std::span<const ServerIndex> tried;  // servers this request has failed on, at most a few
  bool has_key = false;                // false: no such header, cookie, …: round robin instead
  Instant now{};                       // the loop's time: ewma lets old measurements fade by it

  [[nodiscard]] bool was_tried(ServerIndex i) const noexcept {
    for (const ServerIndex t : tried)
      if (t == i) return true;
    return false;
  }
};

/// Built anew for each snapshot and worker; used by that worker's thread only. After construction
/// and rebuild() nothing here allocates, blocks, locks or reads a clock.
class Policy {
 public:
  virtual ~Policy() = default;

  /// Weights or eligibility changed (also called once before the first pick). O(n) is fine.
  virtual void rebuild(const ServerView& view) = 0;

  /// A server that is usable and not tried; nullopt if there is none. A policy that
  /// `queues_on_full` may return one that is full (the request waits for exactly that server); any
  /// other skips full ones, and nullopt then means "wait for whichever is free first".
  [[nodiscard]] virtual std::optional<ServerIndex> pick(const PickRequest& request,
                                                        const ServerView& view) = 0;

  /// True for the policies whose choice is bound to the request (source, uri, hash).
  [[nodiscard]] virtual bool queues_on_full() const noexcept { return false; }

  /// True if load_changed() must be called whenever a server's load has changed, by any worker.
  [[nodiscard]] virtual bool wants_loads() const noexcept { return false; }
  virtual void load_changed(ServerIndex, const ServerView&) {}

  /// True if completed() must be called with the time to the first byte of each response.
  [[nodiscard]] virtual bool wants_latency() const noexcept { return false; }
  virtual void completed(ServerIndex, Duration /*first_byte*/, Instant /*now*/) {}
};

}  // namespace tandem::lb::balance
