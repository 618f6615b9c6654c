// Queue: the requests of one backend that wait for a free place, first in first out over all
// workers. Used only while servers are full, so it may take a lock.
#pragma once

#include "lb/balance/policy.h"
#include "lb/upstream/shared.h"

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace tandem::lb::upstream {

/// Who waits: a worker and a number that worker gave out.
struct Ticket {
  std::uint32_t worker = 0;
  std::uint64_t id = 0;
  balance::TriedServers tried = {};  // has failed on them
};

/// Where a ticket stands; needed to leave.
struct QueuePlace {
  std::optional<balance::ServerIndex> server;  // none: waits for whichever is free first
  std::uint64_t number = 0;
  std::uint32_t ahead = 0;  // tickets before it when it came
};

/// One for each backend, shared by all workers. Thread: any.
class Queue {
 public:
  Queue(BackendShared& backend, std::span<ServerShared> servers);

  /// Enters at the end. nullopt: `limit` tickets (0: no limit) wait for that server already.
  [[nodiscard]] std::optional<QueuePlace> enter(std::optional<balance::ServerIndex> server,
                                                Ticket ticket, std::uint32_t limit);
  /// Takes the ticket out. False: it has been served, and a place is on its way to it.
  [[nodiscard]] bool leave(const QueuePlace& place);

  /// Whether a server may serve a ticket of the backend's line. Called with the lock held.
  using MayServe = std::function<bool(const Ticket&)>;

  /// The oldest ticket that `server` may serve: its own queue's, or the oldest of the backend's for
  /// which `may_serve` holds. The caller holds a place on that server and hands it over.
  [[nodiscard]] std::optional<Ticket> next_for(balance::ServerIndex server,
                                               const MayServe& may_serve);
  /// Whether next_for() would find one.
  [[nodiscard]] bool has_next_for(balance::ServerIndex server, const MayServe& may_serve);

  /// The oldest ticket that waits for `server` alone: for when it went away.
  [[nodiscard]] std::optional<Ticket> next_bound_to(balance::ServerIndex server);

  /// Whether next_for(server) is worth asking; without the lock. Sequentially consistent with
  /// enter(): who frees a place and then sees nobody here has been seen by whoever enters later.
  [[nodiscard]] bool anyone_for(balance::ServerIndex server) const noexcept {
    return backend_.queued.load() != 0 || servers_[server].queued.load() != 0;
  }

 private:
  using Line = std::map<std::uint64_t, Ticket>;

  /// With the lock held: the line and the ticket that next_for() means; nullptr: none.
  std::pair<Line*, Line::iterator> find_next(balance::ServerIndex server,
                                             const MayServe& may_serve);

  BackendShared& backend_;
  std::span<ServerShared> servers_;
  std::mutex mutex_;
  std::uint64_t next_number_ = 0;  // guarded by mutex_, as the lines
  Line anywhere_;
  std::vector<Line> by_server_;
};

}  // namespace tandem::lb::upstream
