#include "lb/upstream/local_backend.h"

#include "common/check.h"
#include "common/random.h"
#include "lb/balance/registry.h"

#include <utility>

namespace tandem::lb::upstream {
namespace {

balance::ServerView make_view(const config::Backend& backend, std::span<ServerShared> shared) {
  std::vector<balance::Candidate> candidates;
  candidates.reserve(backend.servers.size());
  for (std::size_t s = 0; s < backend.servers.size(); ++s) {
    const std::string& name = backend.servers[s].name;
    candidates.push_back(
        {.load = &shared[s].load, .identity = hash_bytes(name.data(), name.size())});
  }
  return balance::ServerView(std::move(candidates));
}

std::unique_ptr<balance::Policy> policy_for(const config::Backend& backend, std::uint64_t seed) {
  auto policy = balance::make_policy(backend.balance, seed);
  TANDEM_CHECK(policy.has_value());  // the name was checked with the configuration
  return std::move(*policy);
}

}  // namespace

LocalBackend::LocalBackend(config::BackendIndex index, const Parts& parts, BackendLinks& links,
                           GrantPlace grant)
    : index_(index),
      config_(parts.snapshot.backends[index]),
      shared_(parts.shared.backends[index]),
      cells_(parts.figures.backend(index)),
      links_(links),
      grant_(std::move(grant)),
      worker_(parts.worker),
      policy_(policy_for(config_, parts.seed)),
      view_(make_view(config_, parts.shared.servers[index])) {
  shares_loads_ = policy_->wants_loads() && parts.workers > 1;
  servers_.reserve(config_.servers.size());
  for (std::uint32_t s = 0; s < config_.servers.size(); ++s) {
    servers_.push_back(
        std::make_unique<LocalServer>(config_, config_.servers[s], parts.shared.servers[index][s],
                                      parts.figures.server(index, s), parts.poller, parts.wheel));
  }
  policy_->rebuild(view_);
}

void LocalBackend::apply(const BackendStanding& standing) {
  TANDEM_CHECK(standing.servers.size() == servers_.size());
  for (balance::ServerIndex s = 0; s < servers_.size(); ++s) {
    const ServerStanding& now = standing.servers[s];
    balance::Candidate& candidate = view_.edit(s);
    candidate.weight = now.weight;
    candidate.usable = now.usable;
    candidate.maxconn = now.maxconn;
  }
  policy_->rebuild(view_);
  // After the policy knows: a session that ends here may begin the client's next request at once.
  for (balance::ServerIndex s = 0; s < servers_.size(); ++s)
    servers_[s]->apply(standing.servers[s]);
  for (balance::ServerIndex s = 0; s < servers_.size(); ++s) {
    serve_waiting(s);
    if (view_[s].usable) continue;
    while (const auto ticket = links_.queue.next_bound_to(s)) grant_(*ticket, index_, kChooseAgain);
  }
}

std::optional<balance::ServerIndex> LocalBackend::pick(const balance::PickRequest& request) {
  if (shares_loads_) {
    links_.loads.drain(worker_,
                       [this](balance::ServerIndex s) { policy_->load_changed(s, view_); });
  }
  return policy_->pick(request, view_);
}

bool LocalBackend::has_usable(std::span<const balance::ServerIndex> tried) const noexcept {
  const balance::PickRequest request{.tried = tried};
  for (balance::ServerIndex s = 0; s < view_.size(); ++s) {
    if (view_[s].usable && !request.was_tried(s)) return true;
  }
  return false;
}

bool LocalBackend::try_take_place(balance::ServerIndex s) noexcept {
  ServerShared& shared = servers_[s]->shared();
  const std::uint32_t limit = view_[s].maxconn;
  std::uint32_t load = 0;
  if (limit == 0) {
    load = shared.load.fetch_add(1) + 1;
  } else {
    // Ordered behind Queue::enter(): who is in the queue sees every place that was freed unseen.
    load = shared.load.load();
    do {
      if (load >= limit) return false;
    } while (!shared.load.compare_exchange_weak(load, load + 1));
    ++load;
  }
  raise(shared.load_most, load);
  load_changed(s);
  return true;
}

void LocalBackend::load_changed(balance::ServerIndex s) noexcept {
  if (!policy_->wants_loads()) return;
  policy_->load_changed(s, view_);
  if (shares_loads_) links_.loads.mark(worker_, s);
}

void LocalBackend::give_place_back(balance::ServerIndex s) {
  if (links_.queue.anyone_for(s) && hand_over(s)) return;
  servers_[s]->shared().load.fetch_sub(1);
  load_changed(s);
  // Somebody may have come to wait between the look and the subtraction.
  serve_waiting(s);
}

bool LocalBackend::hand_over(balance::ServerIndex s) {
  const balance::Candidate& candidate = view_[s];
  // A server that was drained or whose maxconn was lowered lets the place lapse.
  if (!candidate.usable || (candidate.maxconn != 0 && view_.load(s) > candidate.maxconn))
    return false;
  const auto ticket = links_.queue.next_for(s, may_serve(s));
  if (!ticket) return false;
  grant_(*ticket, index_, s);
  return true;
}

void LocalBackend::serve_waiting(balance::ServerIndex s) {
  while (links_.queue.anyone_for(s) && view_[s].usable && try_take_place(s)) {
    if (hand_over(s)) continue;
    servers_[s]->shared().load.fetch_sub(1);
    load_changed(s);
    // Whoever came while we held the place has found the server full: look again. Those who have
    // failed on this server wait for others while there are any.
    if (!links_.queue.has_next_for(s, may_serve(s))) return;
  }
}

Queue::MayServe LocalBackend::may_serve(balance::ServerIndex s) const {
  return [this, s](const Ticket& ticket) {
    return !ticket.tried.contains(s) || !has_usable(ticket.tried.span());
  };
}

std::optional<QueuePlace> LocalBackend::wait(std::optional<balance::ServerIndex> server,
                                             Ticket ticket) {
  const std::uint32_t limit = server ? config_.servers[*server].maxqueue : 0;
  return links_.queue.enter(server, ticket, limit);
}

}  // namespace tandem::lb::upstream
