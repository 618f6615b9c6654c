// source, uri and hash: the server that the request's key belongs to on a hash ring; the next on
// the ring for what it has tried. With a balance factor, a server that carries more than that
// percentage of its fair share is passed over too (consistent hashing with bounded loads).
// Requests without a key go in round robin.
#include "lb/balance/hash_ring.h"
#include "lb/balance/policies.h"
#include "lb/balance/virtual_deadlines.h"

#include <vector>

namespace tandem::lb::balance {
namespace {

class ConsistentHash final : public Policy {
 public:
  ConsistentHash(std::uint32_t balance_factor, std::uint64_t seed)
      : factor_(balance_factor), keyless_(seed) {}

  void rebuild(const ServerView& view) override;
  std::optional<ServerIndex> pick(const PickRequest& request, const ServerView& view) override;
  [[nodiscard]] bool queues_on_full() const noexcept override { return factor_ == 0; }

  // Only the bound needs to know the load of all servers together.
  [[nodiscard]] bool wants_loads() const noexcept override { return factor_ != 0; }
  void load_changed(ServerIndex i, const ServerView& view) override {
    const std::uint64_t load = view[i].usable ? view.load(i) : 0;
    total_load_ += load - loads_[i];
    loads_[i] = load;
  }

 private:
  /// Points that a pick may look at before it asks every server instead.
  static constexpr int kProbesMax = 64;

  [[nodiscard]] bool within_share(ServerIndex i, const ServerView& view) const noexcept {
    const double fair = static_cast<double>(total_load_ + 1) * view[i].weight / total_weight_;
    return view.load(i) * 100.0 < fair * factor_;
  }
  [[nodiscard]] bool has_room(ServerIndex i, const ServerView& view) const noexcept {
    return factor_ == 0 || (!view.full(i) && within_share(i, view));
  }
  [[nodiscard]] std::optional<ServerIndex> highest_score(const PickRequest& request,
                                                         const ServerView& view,
                                                         bool bounded) const noexcept;

  std::uint32_t factor_;  // percent of the fair share; 0: no bound
  HashRing ring_;
  VirtualDeadlines keyless_;
  std::vector<std::uint32_t> weights_;
  std::vector<std::uint64_t> loads_;  // as last reported; 0 for unusable servers
  std::uint64_t total_load_ = 0;      // sum of loads_
  double total_weight_ = 0;           // of the usable servers
};

void ConsistentHash::rebuild(const ServerView& view) {
  ring_.rebuild(view);
  weights_.resize(view.size());
  loads_.resize(view.size(), 0);
  total_weight_ = 0;
  for (ServerIndex i = 0; i < view.size(); ++i) {
    weights_[i] = view[i].weight;
    if (view[i].usable) total_weight_ += view[i].weight;
    load_changed(i, view);
  }
  keyless_.rebuild(view, weights_);
}

std::optional<ServerIndex> ConsistentHash::pick(const PickRequest& request,
                                                const ServerView& view) {
  if (!request.has_key) return keyless_.pick(request, view);
  if (ring_.empty()) return std::nullopt;
  std::size_t position = ring_.find(request.key);
  for (int probe = 0; probe < kProbesMax; ++probe) {
    const ServerIndex i = ring_.server(position);
    if (!request.was_tried(i) && has_room(i, view)) return i;
    position = ring_.next(position);
  }
  const std::optional<ServerIndex> found = highest_score(request, view, true);
  return found ? found : highest_score(request, view, false);
}

/// Rendezvous hashing over the servers left: as faithful to the key as the ring is, and without the
/// ring's long runs when few are left. O(n), where most servers are full or have been tried.
/// Without `bounded` the share no longer counts: better uneven than refused.
std::optional<ServerIndex> ConsistentHash::highest_score(const PickRequest& request,
                                                         const ServerView& view,
                                                         bool bounded) const noexcept {
  std::optional<ServerIndex> best;
  std::uint64_t best_score = 0;
  for (ServerIndex i = 0; i < view.size(); ++i) {
    const Candidate& server = view[i];
    const bool full = factor_ != 0 && view.full(i);
    if (!server.usable || server.weight == 0 || full || request.was_tried(i)) continue;
    if (bounded && !has_room(i, view)) continue;
    const std::uint64_t score = Random(request.key ^ server.identity).next();
    if (!best || score > best_score) {
      best = i;
      best_score = score;
    }
  }
  return best;
}

}  // namespace

std::unique_ptr<Policy> make_consistent_hash(const config::Balance& balance, std::uint64_t seed) {
  return std::make_unique<ConsistentHash>(balance.hash_balance_factor, seed);
}

}  // namespace tandem::lb::balance
