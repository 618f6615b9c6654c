// Process: tandem-lb as a whole. It owns what workers share, the workers themselves, and the
// control thread's side: checks, the fleet, the control sockets, the admin pages, signals and the
// stop.
#pragma once

#include "admin/server.h"
#include "common/command/server.h"
#include "common/command/table.h"
#include "common/event/loop.h"
#include "common/event/mailbox.h"
#include "common/event/poller.h"
#include "common/event/signal.h"
#include "common/event/timer.h"
#include "common/log_writer.h"
#include "common/result.h"
#include "lb/admin/endpoints.h"
#include "lb/admin/pair.h"
#include "lb/config/snapshot.h"
#include "lb/control/context.h"
#include "lb/figures/captures.h"
#include "lb/figures/figures.h"
#include "lb/figures/totals.h"
#include "lb/health/alarm.h"
#include "lb/health/checker.h"
#include "lb/health/prober.h"
#include "lb/pulse.h"
#include "lb/tls/expiry.h"
#include "lb/upstream/fleet.h"
#include "lb/upstream/server_settings.h"
#include "lb/upstream/shared.h"
#include "lb/worker.h"

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace tandem::lb {

/// Thread: the main one, which becomes the control thread.
class Process final : private upstream::DataPlane {
 public:
  struct Settings {
    std::shared_ptr<const config::Snapshot> snapshot;
    std::string config_hash;
    std::uint32_t warnings = 0;  // of the configuration
  };

  explicit Process(Settings settings);
  ~Process() override;
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  /// Opens everything that may fail: logs, listening sockets, control sockets, the admin address;
  /// then gives up rights that are not needed any more. Errors: one line that names the key.
  [[nodiscard]] Result<void> open();
  /// Serves until it is told to stop. @return the exit status.
  [[nodiscard]] int run();

 private:
  enum class Stop : std::uint8_t { kWithinGrace, kWhenIdle };

  void publish(config::BackendIndex backend,
               std::shared_ptr<const upstream::BackendStanding> standing) override;

  [[nodiscard]] bool settle(std::function<void()> done);
  void make_workers(std::vector<std::vector<ListeningSocket>> sockets);
  void watch_signals();
  void tick();
  void begin_stop(Stop how);
  void look_at_doors();
  void close_doors();
  void look_whether_idle();
  void check_descriptor_limit();
  void open_certificates(const std::vector<ListeningSocket>& sockets);
  [[nodiscard]] Result<void> open_pulse();
  [[nodiscard]] pulse::Condition condition() const;
  void set_leaving(std::span<const IpAddress> addresses);
  void look_for_exhaustion();

  const std::shared_ptr<const config::Snapshot> snapshot_;
  const std::uint32_t worker_count_;
  upstream::Shared shared_;
  figures::Figures figures_;
  figures::Captures captures_;
  figures::Totals totals_;
  std::vector<route::Router> routers_;
  std::vector<std::unique_ptr<upstream::BackendLinks>> links_;
  std::unique_ptr<LogWriter> log_writer_;
  control::ProcessInfo info_;
  admin::ProcessFacts facts_;
  admin::Pair pair_;

  event::Loop loop_;
  event::Poller poller_;
  event::Mailbox mailbox_;
  std::unique_ptr<health::Alarm> checker_alarm_;
  std::unique_ptr<health::Alarm> fleet_alarm_;
  std::unique_ptr<health::Prober> prober_;
  std::unique_ptr<health::Checker> checker_;
  std::unique_ptr<upstream::Fleet> fleet_;
  std::vector<std::unique_ptr<Worker>> workers_;

  std::unique_ptr<control::CertificateStore> certificates_;
  std::unique_ptr<control::ControlContext> control_;
  command::CommandTable commands_;
  std::unique_ptr<command::CommandServer> command_server_;
  std::unique_ptr<admin::Source> admin_source_;
  std::unique_ptr<admin::Endpoints> admin_endpoints_;
  std::unique_ptr<tandem::admin::AdminServer> admin_server_;
  std::unique_ptr<upstream::ServerSettings> settings_;  // where there is a pulse
  std::unique_ptr<PulseListener> pulse_;
  bool has_published_ = false;  // since a command was answered last
  std::vector<event::Signal> signals_;
  tls::Daily expiry_watch_;
  std::uint64_t accept_failures_seen_ = 0;
  std::uint32_t full_queue_ticks_ = 0;
  Instant exhausted_until_{};
  std::string exhaustion_;  // why clients cannot get in, in words; empty: they can
  event::Timer tick_timer_;
  event::Timer doors_timer_;
  Milliseconds doors_look_every_{0};
  Instant doors_until_{};
  std::uint64_t clients_seen_ = 0;
  event::Timer stop_timer_;
  Instant stop_deadline_ = Instant::max();
};

}  // namespace tandem::lb
