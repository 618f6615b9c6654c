// Daemon: tandem-failover as a whole, for one configuration: what its virtual routers stand on,
// what their right hangs on, and the ways in from outside (signals, control socket, admin address).
// A reload ends one Daemon and begins the next in the same process, the addresses staying where
// they are. Thread: the main one.
#pragma once

#include "admin/server.h"
#include "common/command/server.h"
#include "common/command/table.h"
#include "common/event/loop.h"
#include "common/event/poller.h"
#include "common/event/signal.h"
#include "common/event/timer.h"
#include "common/result.h"
#include "failover/config/load.h"
#include "failover/config/settings.h"
#include "failover/endpoints.h"
#include "failover/event_log.h"
#include "failover/legacy.h"
#include "failover/notifier.h"
#include "failover/peers.h"
#include "failover/picture.h"
#include "failover/server_settings.h"
#include "failover/sharing.h"
#include "failover/switchover.h"
#include "failover/system/guard.h"
#include "failover/tracking.h"
#include "failover/virtual_router.h"

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace tandem::failover {

class Daemon {
 public:
  struct Parts {
    std::shared_ptr<const config::Settings> settings;
    std::string config_hash;
    system::Guard& guard;
    EventLog& events;
    ServerSettings& server_settings;  // what the Daemon before this one knew
    /// Reads the configuration again; a null result's errors have been logged.
    std::function<config::LoadResult()> reload;
    Legacy legacy;  // of the Daemon before this one
  };
  enum class End : std::uint8_t {
    kStopped,
    kReload,   // reloaded() is what the next one is made of
    kReplace,  // by a new process of the same program
  };

  explicit Daemon(Parts parts);
  ~Daemon();
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  /// Opens everything that may fail. Errors: one line.
  [[nodiscard]] Result<void> open();
  [[nodiscard]] End run();

  /// After kReload or kReplace, or when open() has failed.
  [[nodiscard]] Legacy leave();
  [[nodiscard]] config::LoadResult& reloaded() noexcept { return reloaded_; }

  [[nodiscard]] const config::Settings& settings() const noexcept { return *settings_; }
  [[nodiscard]] const std::string& config_hash() const noexcept { return config_hash_; }
  [[nodiscard]] const EventLog& events() const noexcept { return events_; }
  [[nodiscard]] const Tracking& tracking() const noexcept { return *tracking_; }
  [[nodiscard]] const Notifier& notifier() const noexcept { return *notifier_; }
  [[nodiscard]] const Peers& peers() const noexcept { return *peers_; }
  [[nodiscard]] const Sharing& sharing() const noexcept { return *sharing_; }
  [[nodiscard]] const system::Guard& guard() const noexcept { return guard_; }
  [[nodiscard]] const std::vector<std::unique_ptr<VirtualRouter>>& routers() const noexcept {
    return routers_;
  }
  [[nodiscard]] Switchover& switchover() noexcept { return *switchover_; }
  [[nodiscard]] const Switchover& switchover() const noexcept { return *switchover_; }
  [[nodiscard]] bool is_started() const noexcept { return is_started_; }

 private:
  void open_sharing();
  void share_with_peers(Peers::Callbacks& callbacks);
  [[nodiscard]] Result<void> open_routers();
  [[nodiscard]] Result<void> open_doors();
  void withdraw_unknown();
  void watch_signals();
  void begin();
  void weigh();
  void reprieve();
  void preempt(const std::string& router);
  void ask_for_preempted();
  [[nodiscard]] bool is_reprieved(const machine::Tracked& tracked) const;
  /// Whether any router is.
  [[nodiscard]] bool is_active() const;
  void tell_guard();
  void tell_peers();
  [[nodiscard]] VirtualRouter* find(const std::string& router);
  void open_switchover();
  void stop();
  void stop_now();
  void finish();
  void reload();
  void dump();
  void tell_manager();

  std::shared_ptr<const config::Settings> settings_;
  std::string config_hash_;
  system::Guard& guard_;
  EventLog& events_;
  ServerSettings& server_settings_;
  std::function<config::LoadResult()> load_again_;
  Legacy legacy_;
  config::LoadResult reloaded_;
  End end_ = End::kStopped;
  bool is_started_ = false;
  bool is_stopping_ = false;
  bool has_stopped_ = false;

  event::Loop loop_;
  event::Poller poller_;
  std::unique_ptr<system::RouteMonitor> monitor_;
  std::optional<system::RouteSocket> route_;
  std::unique_ptr<system::Interface> interface_;
  std::unique_ptr<Tracking> tracking_;
  std::unique_ptr<Notifier> notifier_;
  std::unique_ptr<Peers> peers_;
  std::unique_ptr<Sharing> sharing_;
  std::vector<std::unique_ptr<VirtualRouter>> routers_;
  std::unique_ptr<Switchover> switchover_;
  std::unique_ptr<PictureTeller> picture_teller_;  // none: no data plane is watched
  event::Timer patience_;                          // for what tracking has to say first
  std::size_t idle_routers_ = 0;  // at the end: so many have let their programs end
  event::Timer reprieve_;         // of the right of a node whose data plane stops
  bool has_reprieve_ = false;
  bool had_reprieve_ = false;
  std::set<std::string> to_preempt_;  // routers
  event::Timer preempt_;
  event::Timer grace_;   // for older connections, when this node stops
  event::Timer linger_;  // after the addresses were given away for good
  command::CommandTable commands_;
  std::unique_ptr<command::CommandServer> command_server_;
  std::unique_ptr<Endpoints> endpoints_;
  std::unique_ptr<tandem::admin::AdminServer> admin_server_;
  std::vector<event::Signal> signals_;
};

}  // namespace tandem::failover
