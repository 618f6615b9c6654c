#include "lb/proxy/placement.h"

#include <algorithm>

namespace tandem::lb::proxy {
namespace {

std::optional<Duration> between(const std::optional<Instant>& from,
                                const std::optional<Instant>& to) {
  if (!from || !to) return std::nullopt;
  return *to - *from;
}

}  // namespace

void Placement::reset() noexcept {
  backend_ = nullptr;
  has_server_ = holds_place_ = has_key_ = redispatched_ = same_server_ = false;
  retries_ = 0;
  tried_.clear();
  place_ = {};
  queued_at_ = placed_at_ = connect_began_ = connected_at_ = std::nullopt;
}

Placement::Step Placement::enter(upstream::LocalBackend& backend,
                                 std::optional<std::uint64_t> key) {
  backend_ = &backend;
  backend.cells().sessions.add();
  has_key_ = key.has_value();
  key_ = key.value_or(0);
  queued_at_ = context_.loop.now();
  return choose();
}

balance::PickRequest Placement::wish() const noexcept {
  return {.key = key_, .tried = tried_.span(), .has_key = has_key_, .now = context_.loop.now()};
}

Placement::Step Placement::choose() {
  // Another worker may take the last place between the pick and the taking; twice is enough of
  // that, the queue is fair.
  for (int attempt = 0; attempt < 2; ++attempt) {
    const auto picked = backend_->pick(wish());
    if (!picked) break;
    if (backend_->try_take_place(*picked)) {
      placed_at_ = context_.loop.now();
      take(*picked);
      return Step::kPlaced;
    }
    if (backend_->policy().queues_on_full()) return queue(*picked);
  }
  if (backend_->has_usable(tried_.span())) return queue(std::nullopt);
  if (!tried_.is_empty() && may_retry()) {
    // Every server has been tried: give them a moment, then begin again.
    tried_.clear();
    ++retries_;
    return Step::kPause;
  }
  count_unserved();
  return Step::kNone;
}

Placement::Step Placement::choose_same() {
  same_server_ = false;
  if (!backend_->view()[server_].usable) return choose();
  if (!backend_->try_take_place(server_)) return queue(server_);
  placed_at_ = context_.loop.now();
  take(server_);
  return Step::kPlaced;
}

Placement::Step Placement::queue(std::optional<balance::ServerIndex> server) {
  ticket_ = context_.next_ticket++;
  context_.waiting.emplace(ticket_, &waiter_);
  const auto place =
      backend_->wait(server, {.worker = context_.worker, .id = ticket_, .tried = tried_});
  if (!place) {
    context_.waiting.erase(ticket_);
    count_unserved();
    return Step::kQueueFull;
  }
  place_ = *place;
  // A place may have become free between the look and the entry. Served through the queue, whose
  // head may be somebody else.
  if (server) {
    backend_->serve_waiting(*server);
  } else if (const auto free = backend_->pick(wish())) {
    backend_->serve_waiting(*free);
  }
  return Step::kQueued;
}

void Placement::leave_queue() {
  context_.waiting.erase(ticket_);
  // If a place is on its way already, whoever delivers it finds nobody and gives it back.
  static_cast<void>(backend_->leave(place_));
}

Placement::Step Placement::granted(balance::ServerIndex server) {
  if (server == upstream::kChooseAgain) return choose();
  placed_at_ = context_.loop.now();
  take(server);
  return Step::kPlaced;
}

Placement::Step Placement::go_on_after_pause() { return same_server_ ? choose_same() : choose(); }

Duration Placement::pause() const noexcept {
  return std::min<Milliseconds>(kPauseMax, backend_->config().timeouts.connect);
}

void Placement::take(balance::ServerIndex server) {
  server_ = server;
  has_server_ = true;
  holds_place_ = true;
  connect_began_ = context_.loop.now();
  upstream::LocalServer& chosen = backend_->server(server);
  chosen.cells().sessions.add();
  chosen.cells().chosen.add();
  chosen.shared().last_session_ms.store(to_milliseconds(connect_began_->time_since_epoch()),
                                        std::memory_order_relaxed);
}

void Placement::give_back() {
  if (!holds_place_) return;
  holds_place_ = false;
  backend_->give_place_back(server_);
}

void Placement::count_unserved() {
  // Where a server was asked, its own connect_errors have it.
  if (!has_server_) backend_->cells().connect_errors.add();
}

void Placement::count_connect_failure() {
  server().cells().connect_errors.add();
  observe(false, false);
}

bool Placement::may_retry() const noexcept { return retries_ < backend_->config().retries; }

void Placement::count_retry(bool counts) {
  server().cells().retries.add();
  if (counts) ++retries_;
  connect_began_ = connected_at_ = std::nullopt;
}

Placement::Step Placement::go_on_elsewhere() {
  if (backend_->config().redispatch && tried_.add(server_)) {
    redispatched_ = true;
    server().cells().redispatches.add();
    return choose();
  }
  same_server_ = true;
  return Step::kPause;
}

void Placement::observe(bool good, bool layer7) {
  const config::Server& config = server().config();
  if (config.observe == config::Observe::kNone) return;
  if (layer7 && config.observe == config::Observe::kLayer4) good = true;
  auto& errors = server().shared().consecutive_errors;
  if (good) {
    // Read before write: the line stays shared while all is well.
    if (errors.load(std::memory_order_relaxed) != 0) errors.store(0, std::memory_order_relaxed);
    return;
  }
  if (errors.fetch_add(1, std::memory_order_relaxed) + 1 < config.error_limit) return;
  errors.store(0, std::memory_order_relaxed);
  context_.report_error_limit({.backend = backend_->index(), .server = server_, .layer7 = layer7});
}

std::optional<Duration> Placement::connect_time() const noexcept {
  return between(connect_began_, connected_at_);
}

void Placement::fill(Outcome& outcome) const {
  if (backend_ != nullptr) outcome.backend = backend_->index();
  if (has_server_) outcome.server = server_;
  outcome.queue_time = between(queued_at_, placed_at_);
  outcome.connect_time = connect_time();
  outcome.retries = retries_;
  outcome.redispatched = redispatched_;
  outcome.backend_queue_ahead = place_.server ? 0 : place_.ahead;
  outcome.server_queue_ahead = place_.server ? place_.ahead : 0;
}

void Placement::fill_loads(Outcome& outcome) const {
  if (backend_ == nullptr) return;
  outcome.backend_load = context_.shared.requests(backend_->index());
  if (has_server_) outcome.server_load = backend_->view().load(server_);
}

}  // namespace tandem::lb::proxy
