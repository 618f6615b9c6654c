// leastconn: the fewest running requests for its weight, over all workers; equals in turn, the one
// whose load changed longest ago first. The owner counts a pick into the server's load and reports
// it by load_changed() before the next pick; a full server leaves the tree until it has room.
#include "common/random.h"
#include "lb/balance/min_tree.h"
#include "lb/balance/policies.h"

namespace tandem::lb::balance {
namespace {

class LeastConn final : public Policy {
 public:
  explicit LeastConn(std::uint64_t seed) : random_(seed) {}

  void rebuild(const ServerView& view) override;
  std::optional<ServerIndex> pick(const PickRequest& request, const ServerView& view) override;
  [[nodiscard]] bool wants_loads() const noexcept override { return true; }
  void load_changed(ServerIndex i, const ServerView& view) override {
    const MinTree::Key old = tree_.key(i);
    const std::uint64_t rank = rank_of(i, view);
    if (rank != old.rank) tree_.set(i, {rank, ++changes_});
  }

 private:
  /// Load over weight, exactly comparable: two different quotients of weights up to 4096 are at
  /// least 2^-24 apart.
  static constexpr int kFractionBits = 24;

  [[nodiscard]] static std::uint64_t rank_of(ServerIndex i, const ServerView& view) noexcept {
    const Candidate& server = view[i];
    const std::uint32_t load = view.load(i);
    const bool full = server.maxconn != 0 && load >= server.maxconn;
    if (!server.usable || server.weight == 0 || full) return MinTree::kAbsent;
    return (std::uint64_t{load} << kFractionBits) / server.weight;
  }

  MinTree tree_;
  std::uint64_t changes_ = 0;  // orders equals
  Random random_;
};

void LeastConn::rebuild(const ServerView& view) {
  const auto size = static_cast<ServerIndex>(view.size());
  const bool first_time = tree_.size() != size;
  if (first_time) {
    tree_.reset(size);
    changes_ = size;
  }
  // Workers begin at different servers, so that an idle backend is not entered at one point.
  const ServerIndex start = first_time && size > 0 ? random_.below(size) : 0;
  for (ServerIndex i = 0; i < size; ++i) {
    const std::uint64_t order = first_time ? (i + size - start) % size : tree_.key(i).order;
    tree_.put(i, {rank_of(i, view), order});
  }
  tree_.play_all();
}

std::optional<ServerIndex> LeastConn::pick(const PickRequest& request, const ServerView& view) {
  for (;;) {
    const std::optional<ServerIndex> best = tree_.min_except(request.tried);
    // Another worker may have filled it a moment ago, before its report came round.
    if (!best || !view.full(*best)) return best;
    load_changed(*best, view);
  }
}

}  // namespace

std::unique_ptr<Policy> make_leastconn(const config::Balance& /*balance*/, std::uint64_t seed) {
  return std::make_unique<LeastConn>(seed);
}

}  // namespace tandem::lb::balance
