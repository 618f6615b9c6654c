// Picture: how this node stands, and the others as far as they can be seen from here, for the page
// that the tandem-lb of this node shows (common/pair_picture.h). Thread: the loop's.
#pragma once

#include "common/event/loop.h"
#include "common/event/timer.h"
#include "common/pair_picture.h"
#include "common/pulse.h"
#include "common/time.h"

#include <functional>
#include <string>

namespace tandem::failover {

class Daemon;

[[nodiscard]] PairPicture picture_of(const Daemon& daemon);

/// Keeps whoever shows the picture up to date: looks often, sends what is new at once and what is
/// not now and then, as the proof that somebody still looks.
class PictureTeller {
 public:
  static constexpr Milliseconds kLookEvery{200};
  static constexpr Milliseconds kSendAtLeastEvery{1'000};

  /// The daemon outlives it. `send`: false if it could not be sent now.
  PictureTeller(event::Loop& loop, const Daemon& daemon,
                std::function<bool(const pulse::Picture&)> send);
  void start();

 private:
  void look();

  const Daemon& daemon_;
  std::function<bool(const pulse::Picture&)> send_;
  event::Timer timer_;
  std::string sent_;
  Instant sent_at_{};
};

}  // namespace tandem::failover
