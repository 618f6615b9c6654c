// Placement: how one request, or one TCP session, comes by a place on a server: it picks, waits in
// a queue, counts its attempts and looks elsewhere when one has failed. It moves no byte and opens
// no connection: whoever uses it does, as each step tells.
//
//   enter ──> kPlaced ──> (connect) ──> give_back
//     │          ^  │
//     │          │  └─ failed: count_retry, go_on_elsewhere ──┐
//     ├──> kQueued ──> granted ──────────────────┐            │
//     ├──> kPause ───> go_on_after_pause ────────┴────────────┴──> the same steps again
//     └──> kQueueFull, kNone: nothing is to be had
#pragma once

#include "common/time.h"
#include "lb/proxy/context.h"
#include "lb/proxy/outcome.h"
#include "lb/upstream/local_backend.h"
#include "lb/upstream/queue.h"

#include <cstdint>
#include <optional>

namespace tandem::lb::proxy {

/// Whoever waits in a queue.
class PlaceWaiter {
 public:
  /// A place on `server` has been granted, or upstream::kChooseAgain: see Placement::granted().
  virtual void on_place(balance::ServerIndex server) = 0;

 protected:
  ~PlaceWaiter() = default;
};

/// Owner: an exchange or a TCP session, which is told by its own timer when a wait is over.
/// Thread: the worker's.
class Placement {
 public:
  /// What to do next.
  enum class [[nodiscard]] Step : std::uint8_t {
    kPlaced,     // a place on server() is ours: connect
    kQueued,     // on_place() will be called; wait for `timeout queue` at most
    kPause,      // wait for pause(), then go_on_after_pause()
    kQueueFull,  // no more may wait
    kNone,       // no server is usable and untried
  };

  Placement(Context& context, PlaceWaiter& waiter) noexcept : context_(context), waiter_(waiter) {}

  /// Forgets everything, for the next request.
  void reset() noexcept;
  /// Counts a session of `backend` and looks for a server. `key`: of balance::Policy.
  Step enter(upstream::LocalBackend& backend, std::optional<std::uint64_t> key);
  /// on_place() was called.
  Step granted(balance::ServerIndex server);
  Step go_on_after_pause();
  /// How long kPause means.
  [[nodiscard]] Duration pause() const noexcept;

  /// Only while queued: somebody else may have the place.
  void leave_queue();
  /// `timeout queue` has passed: to be counted before leave_queue().
  void count_queue_timeout() { count_unserved(); }

  // ---- while a place is ours
  void give_back();
  /// The connection stands.
  void note_connected() noexcept { connected_at_ = context_.loop.now(); }
  /// No connection came about; not for what is our own shortage.
  void count_connect_failure();
  /// Whether `retries` allows one more attempt.
  [[nodiscard]] bool may_retry() const noexcept;
  /// Another attempt follows. `counts`: against `retries`.
  void count_retry(bool counts);
  /// The same server and place, on another connection.
  void stay() { take(server_); }
  /// After give_back(): another server where `redispatch` allows it, or this one after a pause.
  Step go_on_elsewhere();

  /// What was seen of the server in passing, for `observe`. `layer7`: of an answer.
  void observe(bool good, bool layer7);

  [[nodiscard]] bool has_backend() const noexcept { return backend_ != nullptr; }
  [[nodiscard]] upstream::LocalBackend& backend() const noexcept { return *backend_; }
  /// A server was chosen at some time: server() is the last one.
  [[nodiscard]] bool has_server() const noexcept { return has_server_; }
  [[nodiscard]] balance::ServerIndex server_index() const noexcept { return server_; }
  [[nodiscard]] upstream::LocalServer& server() const noexcept { return backend_->server(server_); }
  [[nodiscard]] std::optional<Duration> connect_time() const noexcept;

  /// Everything of the outcome that has to do with backend and server, loads apart.
  void fill(Outcome& outcome) const;
  /// The loads, which only the log wants.
  void fill_loads(Outcome& outcome) const;

 private:
  [[nodiscard]] balance::PickRequest wish() const noexcept;
  Step choose();
  Step choose_same();
  Step queue(std::optional<balance::ServerIndex> server);
  void take(balance::ServerIndex server);
  /// Whoever ends before any server was asked is an error of the backend.
  void count_unserved();

  static constexpr Milliseconds kPauseMax{1'000};

  Context& context_;
  PlaceWaiter& waiter_;
  upstream::LocalBackend* backend_ = nullptr;
  balance::ServerIndex server_ = 0;
  bool has_server_ = false;
  bool holds_place_ = false;
  bool has_key_ = false;
  bool redispatched_ = false;
  bool same_server_ = false;  // no redispatch: after the pause, the same one again
  std::uint32_t retries_ = 0;
  std::uint64_t key_ = 0;
  balance::TriedServers tried_;
  std::uint64_t ticket_ = 0;
  upstream::QueuePlace place_;
  std::optional<Instant> queued_at_;
  std::optional<Instant> placed_at_;
  std::optional<Instant> connect_began_;
  std::optional<Instant> connected_at_;
};

}  // namespace tandem::lb::proxy
