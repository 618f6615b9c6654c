// VirtualDeadlines: the smooth weighted round robin under roundrobin, static-rr and, for requests
// without a key, the hashing policies. Each server is due again one period (a constant over its
// weight) after its last turn; the earliest due is next. Their first turns are spread evenly over a
// period, from a seeded beginning: equal weights give file order, a heavy server's turns fall
// between the others' rather than in a run, and workers do not march in step.
//
// Full servers stand aside until they have room, keeping the turn they were owed but earning no
// more. Tried ones are passed over for this request and stay next. One worker, one thread.
#pragma once

#include "common/random.h"
#include "lb/balance/min_tree.h"
#include "lb/balance/policy.h"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace tandem::lb::balance {

class VirtualDeadlines {
 public:
  explicit VirtualDeadlines(std::uint64_t seed) noexcept : offset_(Random(seed).fraction()) {}

  /// Takes in eligibility from the view and weights from `weights` (of the view's size; 0: out).
  /// Servers that stay keep their place, in proportion when their weight has changed.
  void rebuild(const ServerView& view, std::span<const std::uint32_t> weights);

  /// The next usable server that is neither full nor tried. O(log n), plus one step for each
  /// server found full for the first time; O(n) when nothing else is left than full servers.
  [[nodiscard]] std::optional<ServerIndex> pick(const PickRequest& request,
                                                const ServerView& view) noexcept;

 private:
  /// The period of weight 1; that of weight w is a w-th of it.
  static constexpr std::uint64_t kPeriod = std::uint64_t{1} << 40;
  /// Virtual time starts over here, far from overflow.
  static constexpr std::uint64_t kRebaseAt = std::uint64_t{1} << 62;
  /// Some of the period is left for the seed to choose from, however heavy the server.
  static constexpr double kMarginMax = 0.45;
  /// Servers standing aside that each pick looks at: with no more than that many full, a server
  /// that has room again has its turn at once.
  static constexpr std::size_t kAsideLooks = 8;

  struct Turn {
    std::uint64_t due = 0;
    std::uint64_t period = 0;  // 0: not in the round
  };

  /// Those in the round, together.
  struct Round {
    std::size_t servers = 0;
    std::uint64_t weight = 0;
  };

  [[nodiscard]] std::uint64_t first_due(std::size_t rank, const Round& round,
                                        std::uint32_t weight) const noexcept;
  [[nodiscard]] Turn turn_after_change(const Turn& old, std::uint64_t period) const noexcept;
  [[nodiscard]] std::optional<ServerIndex> next_with_room(const PickRequest& request,
                                                          const ServerView& view) noexcept;
  void let_back_in(const ServerView& view, std::size_t looks) noexcept;
  void stand_aside(ServerIndex i) noexcept;
  void rebase() noexcept;

  std::vector<Turn> turns_;         // by server
  MinTree due_;                     // those in the round and not standing aside, by `due`
  std::vector<ServerIndex> aside_;  // found full; capacity for all
  std::size_t next_look_ = 0;       // position in aside_
  std::uint64_t now_ = 0;           // `due` of the last pick
  double offset_;                   // seeded beginning, as a part of a period
};

}  // namespace tandem::lb::balance
