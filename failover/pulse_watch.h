// PulseWatch: how the data plane is, seen from here: connected to tandem-lb's pulse socket
// (common/pulse.h), it knows within a moment that tandem-lb has died, within the hang time that one
// of its workers no longer turns, and what tandem-lb says about itself. It does not decide what
// follows. What else the two have to say to each other passes through.
#pragma once

#include "common/address.h"
#include "common/event/poller.h"
#include "common/event/timer.h"
#include "common/pulse.h"
#include "common/time.h"
#include "failover/machine/right.h"
#include "failover/system/thread_time.h"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace tandem::failover {

/// Thread: the poller's.
class PulseWatch final : private event::Socket {
 public:
  struct Settings {
    SocketAddress address;    // a Unix socket
    Milliseconds hang{200};   // a worker that has not beaten for so long hangs
    bool needs_ready = true;  // "not ready" counts as unfit
    /// How a worker's thread fares; a test has its own.
    std::function<std::optional<system::ThreadTime>(std::int32_t process, std::uint32_t thread)>
        thread_time = system::thread_time;
  };
  /// A worker that wants to run and is not given a CPU does not hang, and the other node may be no
  /// better off; but after so many hang times without a turn it is of no use to anybody.
  static constexpr int kStarvedMost = 10;
  /// After a hang the workers must have turned for so long before they are trusted again.
  static constexpr Milliseconds kTrustAfter{1'000};
  static constexpr Milliseconds kRetryEvery{100};

  /// `on_change` is called when tracked() or room() has become another.
  PulseWatch(event::Poller& poller, Settings settings, std::function<void()> on_change);
  ~PulseWatch() override;

  /// What passes through; each may be empty.
  struct Exchange {
    /// Perhaps another process than before, that knows nothing.
    std::function<void()> on_connected;
    std::function<void(const pulse::ServerSetting&)> on_setting;
    /// There is room for further packets; also when there was before.
    std::function<void()> on_room;
  };

  /// Before start().
  void set_exchange(Exchange exchange) { exchange_ = std::move(exchange); }
  /// Connects, now and whenever the connection is lost.
  void start();
  /// False: it was not sent, for want of a connection or of room; Exchange tells when to try again.
  [[nodiscard]] bool send(const pulse::Packet& packet);

  /// What being full takes from the priority. Not the whole right: both nodes may be full, and
  /// one of them must have the addresses.
  static constexpr int kFullWeight = -253;

  /// "data plane", with words when it is not well.
  [[nodiscard]] const machine::Tracked& tracked() const noexcept { return tracked_; }
  /// "room in the data plane": not well while further clients cannot get in.
  [[nodiscard]] const machine::Tracked& room() const noexcept { return room_; }
  /// It was told to stop, and still finishes what runs.
  [[nodiscard]] bool is_stopping() const noexcept {
    return is_open() && condition_ && condition_->fitness == pulse::Condition::Fitness::kStopping;
  }
  /// False until it has connected and heard everybody, or could not connect.
  [[nodiscard]] bool is_known() const noexcept { return is_known_; }

 private:
  struct Worker {
    Instant beat{};            // the last; Instant{}: none yet
    std::uint32_t thread = 0;  // 0: not known
    /// How long it had run when it was first missed; none: it is not missed.
    std::optional<Duration> ran_before;
  };

  void on_ready() override;
  void connect();
  void lose(std::string why);
  void drain();
  void take(const pulse::Packet& packet);
  void on_time();
  void judge();
  [[nodiscard]] std::string fault();
  [[nodiscard]] std::string silence();
  [[nodiscard]] bool is_starved(Duration silent, Worker& worker) const;
  void become(std::string why);
  [[nodiscard]] static bool change(machine::Tracked& tracked, std::string why);
  [[nodiscard]] Milliseconds period() const;

  Settings settings_;
  std::function<void()> on_change_;
  Exchange exchange_;
  event::Timer timer_;  // of the next try, or of the next judgement
  machine::Tracked tracked_;
  machine::Tracked room_;
  bool is_known_ = false;
  std::optional<pulse::Condition> condition_;
  std::vector<Worker> workers_;  // that have beaten, by number
  std::int32_t process_ = 0;     // of tandem-lb
  Instant connected_at_{};
  Instant hung_at_{};  // the last time that a hang was seen
  Instant expected_at_{};
};

}  // namespace tandem::failover
