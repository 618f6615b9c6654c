// A whole Source with no process behind it: a fleet whose checks never run, at a time that stands
// still, and figures the test writes.
#pragma once

#include "lb/admin/pair.h"
#include "lb/admin/source.h"
#include "lb/health/alarm.h"
#include "lb/health/checker.h"
#include "lb/health/prober.h"

#include <memory>
#include <string>

namespace tandem::lb::admin::testing {

class StillAlarm final : public health::Alarm {
 public:
  [[nodiscard]] Instant now() const noexcept override { return Instant{} + std::chrono::hours(1); }
  void set(Instant) override {}
  void clear() noexcept override {}
  void on_alarm(std::move_only_function<void()>) override {}
};

class NoProber final : public health::Prober {
 public:
  [[nodiscard]] std::unique_ptr<health::Probe> start(const health::ProbeTarget&,
                                                     health::ProbeDone) override {
    return std::make_unique<health::Probe>();
  }
};

class NoDataPlane final : public upstream::DataPlane {
 public:
  void publish(config::BackendIndex, std::shared_ptr<const upstream::BackendStanding>) override {}
};

/// Frontends "www" (default backend "app") and "api"; backend "app" with web1, web2 and the backup
/// "spare", backend "empty" with "old" alone. No server is checked.
inline std::shared_ptr<config::Snapshot> example() {
  auto snapshot = std::make_shared<config::Snapshot>();
  const auto add_server = [](config::Backend& backend, std::string name, bool backup = false) {
    config::Server& server = backend.servers.emplace_back();
    server.name = std::move(name);
    server.id = static_cast<std::uint32_t>(backend.servers.size());
    server.address = *SocketAddress::parse("127.0.0.1:8000");
    server.backup = backup;
  };
  snapshot->frontends.resize(2);
  snapshot->frontends[0].name = "www";
  snapshot->frontends[0].id = 1;
  snapshot->frontends[0].default_backend = 0;
  snapshot->frontends[1].name = "api";
  snapshot->frontends[1].id = 2;
  snapshot->backends.resize(2);
  snapshot->backends[0].name = "app";
  snapshot->backends[0].id = 3;
  add_server(snapshot->backends[0], "web1");
  add_server(snapshot->backends[0], "web2");
  add_server(snapshot->backends[0], "spare", true);
  snapshot->backends[1].name = "empty";
  snapshot->backends[1].id = 4;
  add_server(snapshot->backends[1], "old");
  snapshot->global.node = "lb1";
  return snapshot;
}

class World {
 public:
  explicit World(std::shared_ptr<config::Snapshot> configured = example())
      : snapshot(std::move(configured)),
        figures(*snapshot, 2),
        shared(*snapshot),
        totals(*snapshot, figures),
        checker(prober, checker_alarm, {}, 1),
        fleet(configured_fleet()) {
    process.version = "0.1.0";
    process.release_date = "2026/11/21";
    process.pid = 4711;
    process.started = alarm.now() - std::chrono::seconds(319);
    facts.config_hash = "c0ffee";
    facts.frontends_listening = 2;
  }

  const std::shared_ptr<config::Snapshot> snapshot;
  figures::Figures figures;
  upstream::Shared shared;
  figures::Totals totals;
  StillAlarm checker_alarm;
  StillAlarm alarm;
  NoProber prober;
  NoDataPlane data_plane;
  health::Checker checker;
  std::unique_ptr<upstream::Fleet> fleet;
  control::ProcessInfo process;
  ProcessFacts facts;
  Pair pair;
  control::CertificateStore certificates{*snapshot, nullptr};
  const Source source{
      {*snapshot, *fleet, shared, totals, certificates}, figures, process, facts, &pair};

 private:
  std::unique_ptr<upstream::Fleet> configured_fleet() {
    checker.configure(snapshot);
    return std::make_unique<upstream::Fleet>(
        upstream::Fleet::Parts{*snapshot, shared, data_plane, checker, alarm});
  }
};

}  // namespace tandem::lb::admin::testing
