// Pair: the last picture of the pair that the tandem-failover of this node has sent, and whether it
// still is one. Thread: control.
#pragma once

#include "common/pair_picture.h"
#include "common/time.h"

#include <optional>
#include <string>
#include <string_view>

namespace tandem::lb::admin {

class Pair {
 public:
  /// tandem-failover sends one each second.
  static constexpr Milliseconds kFreshFor{3'000};

  /// What cannot be read counts as not said.
  void take(std::string_view json, Instant now);
  /// Whoever sent it has gone.
  void lose() noexcept { is_lost_ = true; }

  /// nullopt: nothing has come yet.
  [[nodiscard]] const std::optional<PairPicture>& picture() const noexcept { return picture_; }
  /// How long ago the picture came.
  [[nodiscard]] Duration age(Instant now) const noexcept;
  /// Nobody says any more that it is so.
  [[nodiscard]] bool is_stale(Instant now) const noexcept;

 private:
  std::optional<PairPicture> picture_;
  Instant taken_at_{};
  bool is_lost_ = false;
};

/// The strip of the page: a table with a row for each virtual router of each node. Nothing as long
/// as no picture has come.
void append_pair(std::string& out, const Pair& pair, Instant now);

/// The same for programs: the picture's "nodes", with "stale" and "heard_seconds_ago" (null:
/// never).
[[nodiscard]] std::string pair_json(const Pair* pair, Instant now);

}  // namespace tandem::lb::admin
