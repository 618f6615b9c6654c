// first: the first server in file order that has room, so that the last ones stay idle and can be
// switched off. Weights do not count. Full servers leave the tree until load_changed() finds room.
#include "lb/balance/min_tree.h"
#include "lb/balance/policies.h"

namespace tandem::lb::balance {
namespace {

class First final : public Policy {
 public:
  void rebuild(const ServerView& view) override {
    if (tree_.size() != view.size()) tree_.reset(view.size());
    for (ServerIndex i = 0; i < view.size(); ++i) tree_.put(i, {rank_of(i, view), 0});
    tree_.play_all();
  }

  std::optional<ServerIndex> pick(const PickRequest& request, const ServerView& view) override {
    for (;;) {
      const std::optional<ServerIndex> best = tree_.min_except(request.tried);
      // Another worker may have filled it a moment ago, before its report came round.
      if (!best || !view.full(*best)) return best;
      tree_.remove(*best);
    }
  }

  [[nodiscard]] bool wants_loads() const noexcept override { return true; }
  void load_changed(ServerIndex i, const ServerView& view) override {
    const std::uint64_t rank = rank_of(i, view);
    if (rank != tree_.key(i).rank) tree_.set(i, {rank, 0});
  }

 private:
  [[nodiscard]] static std::uint64_t rank_of(ServerIndex i, const ServerView& view) noexcept {
    return view[i].usable && !view.full(i) ? i : MinTree::kAbsent;
  }

  MinTree tree_;
};

}  // namespace

std::unique_ptr<Policy> make_first(const config::Balance& /*balance*/, std::uint64_t /*seed*/) {
  return std::make_unique<First>();
}

}  // namespace tandem::lb::balance
