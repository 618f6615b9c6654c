// Pulse: shows a watching tandem-failover that the data plane lives, see common/pulse.h. The
// control thread listens and says how fit the whole is; each worker beats from its own loop.
// Nothing runs while nobody watches. What else goes through the same connection (settings of
// servers, addresses that move, the picture for the page) is handed to and taken from callbacks.
#pragma once

#include "common/address.h"
#include "common/event/poller.h"
#include "common/event/socket_set.h"
#include "common/event/timer.h"
#include "common/file_descriptor.h"
#include "common/ip_address.h"
#include "common/pulse.h"
#include "common/result.h"
#include "common/unix_socket_file.h"

#include <functional>
#include <memory>
#include <span>
#include <vector>

namespace tandem::lb {

/// A connected watcher, shared by all who send to it: it sees the end of the process when the last
/// of them has gone.
using Watcher = std::shared_ptr<const FileDescriptor>;

/// One worker's beats. Thread: the worker's.
class Heart {
 public:
  Heart(event::Loop& loop, std::uint16_t worker);

  /// Beats for one more watcher, until it goes; all at the pace of the latest.
  void beat_for(Watcher watcher, Milliseconds period);

 private:
  void beat();

  std::uint16_t worker_;
  std::vector<Watcher> watchers_;
  event::Timer timer_;
};

/// Thread: control. Destroy before its poller.
class PulseListener final : public event::Socket {
 public:
  static constexpr std::size_t kWatchersMax = 4;

  struct Callbacks {
    /// Lets each worker beat.
    std::function<void(const Watcher&, Milliseconds period)> beat_for;
    /// Asked as often as a beat.
    std::function<pulse::Condition()> condition;
    // The others may be empty.
    /// What a new watcher is told at first.
    std::function<std::vector<pulse::ServerSetting>()> settings;
    std::function<void(const pulse::ServerSetting&)> on_setting;
    /// The addresses that move away, of all watchers, have become others: sorted, none twice.
    std::function<void(std::span<const IpAddress>)> on_leaving;
    std::function<void(const pulse::Picture&)> on_picture;
    /// The last watcher has gone.
    std::function<void()> on_alone;
  };

  PulseListener(event::Poller& poller, Callbacks callbacks);
  ~PulseListener() override;

  /// Errors: one line that names the key.
  [[nodiscard]] Result<void> listen(const SocketAddress& address);
  /// Tells every watcher the condition at once, not only with the next beat.
  void tell();
  [[nodiscard]] bool is_watched() const noexcept { return !told_.empty(); }
  /// Tells every watcher, in the order of the calls.
  void tell(const pulse::ServerSetting& setting);

 private:
  class Peer;

  void on_ready() override;
  void look_who_leaves();

  Callbacks callbacks_;
  std::vector<IpAddress> leaving_;  // as said by on_leaving
  event::SocketSet peers_{kWatchersMax};
  std::vector<Peer*> told_;
  UnixSocketFile file_;
};

}  // namespace tandem::lb
