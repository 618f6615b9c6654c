// LocalBackend: a backend as one worker has it: its policy, its servers, and the places on them
// that all workers share. It picks and it hands places over; it moves no byte.
#pragma once

#include "lb/balance/policy.h"
#include "lb/config/snapshot.h"
#include "lb/figures/figures.h"
#include "lb/upstream/load_board.h"
#include "lb/upstream/local_server.h"
#include "lb/upstream/queue.h"
#include "lb/upstream/shared.h"
#include "lb/upstream/standing.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace tandem::lb::upstream {

/// What the workers share of one backend besides its atomics.
struct BackendLinks {
  BackendLinks(const config::Backend& backend, BackendShared& shared,
               std::span<ServerShared> servers, std::uint32_t workers)
      : queue(shared, servers), loads(workers, backend.servers.size()) {}

  Queue queue;
  LoadBoard loads;
};

/// In place of a server in GrantPlace: there is no place, choose again.
inline constexpr balance::ServerIndex kChooseAgain = 0xffff'ffff;

/// Delivers a place on a server to the request that waits under `ticket`, on whichever worker.
using GrantPlace = std::function<void(Ticket, config::BackendIndex, balance::ServerIndex)>;

/// Owner and thread: the worker.
class LocalBackend {
 public:
  struct Parts {
    const config::Snapshot& snapshot;
    Shared& shared;
    figures::WorkerFigures& figures;
    event::Poller& poller;
    event::Wheel& wheel;
    std::uint32_t worker;
    std::uint32_t workers;
    std::uint64_t seed;
  };

  LocalBackend(config::BackendIndex index, const Parts& parts, BackendLinks& links,
               GrantPlace grant);

  [[nodiscard]] const config::Backend& config() const noexcept { return config_; }
  [[nodiscard]] config::BackendIndex index() const noexcept { return index_; }
  [[nodiscard]] LocalServer& server(balance::ServerIndex s) noexcept { return *servers_[s]; }
  [[nodiscard]] balance::Policy& policy() noexcept { return *policy_; }
  [[nodiscard]] BackendShared& shared() noexcept { return shared_; }
  [[nodiscard]] figures::ServerCells& cells() noexcept { return cells_; }
  [[nodiscard]] const balance::ServerView& view() const noexcept { return view_; }

  /// Takes over a new standing and serves those who waited for what it has made possible.
  void apply(const BackendStanding& standing);

  /// A server for one attempt; no place on it is taken yet. nullopt: all are full, or none is
  /// usable and untried (has_usable() tells which).
  [[nodiscard]] std::optional<balance::ServerIndex> pick(const balance::PickRequest& request);
  /// Some usable server is not in `tried`.
  [[nodiscard]] bool has_usable(std::span<const balance::ServerIndex> tried) const noexcept;

  /// Takes a place on a server. False: it has as many as its maxconn allows.
  [[nodiscard]] bool try_take_place(balance::ServerIndex s) noexcept;
  /// Gives a place back, straight to the first that waits for it, if anybody does.
  void give_place_back(balance::ServerIndex s);

  /// Waits for `server`, or for whichever is free first. nullopt: that queue is full.
  [[nodiscard]] std::optional<QueuePlace> wait(std::optional<balance::ServerIndex> server,
                                               Ticket ticket);
  /// Serves those who wait for `s` or for any server, as long as there are places on `s`. To be
  /// called after wait() for what pick() then gives: a place may have become free in between.
  void serve_waiting(balance::ServerIndex s);
  /// False: a place has been granted already and is on its way.
  [[nodiscard]] bool leave(const QueuePlace& place) { return links_.queue.leave(place); }

 private:
  void load_changed(balance::ServerIndex s) noexcept;
  bool hand_over(balance::ServerIndex s);
  /// Who has failed on a server comes back to it only when there is no other.
  [[nodiscard]] Queue::MayServe may_serve(balance::ServerIndex s) const;

  config::BackendIndex index_;
  const config::Backend& config_;
  BackendShared& shared_;
  figures::ServerCells& cells_;
  BackendLinks& links_;
  GrantPlace grant_;
  std::uint32_t worker_;
  bool shares_loads_;
  std::unique_ptr<balance::Policy> policy_;
  balance::ServerView view_;
  std::vector<std::unique_ptr<LocalServer>> servers_;
};

}  // namespace tandem::lb::upstream
