// A fleet with a real checker under it whose probes and time belong to the test, and a data plane
// that remembers what was published.
#pragma once

#include "lb/upstream/fleet.h"
#include "test/unit/lb/health/checker_harness.h"

#include <map>
#include <memory>
#include <vector>

namespace tandem::lb::upstream {

class RememberingDataPlane final : public DataPlane {
 public:
  void publish(BackendIndex backend, std::shared_ptr<const BackendStanding> standing) override {
    ++publications;
    last[backend] = std::move(standing);
  }

  std::size_t publications = 0;
  std::map<BackendIndex, std::shared_ptr<const BackendStanding>> last;
};

class FleetHarness {
 public:
  explicit FleetHarness(config::Snapshot config)
      : snapshot(health::share(std::move(config))), shared(*snapshot) {
    checks.checker.configure(snapshot);
    alarm.move_to(checks.alarm.now());
    fleet = std::make_unique<Fleet>(Fleet::Parts{.snapshot = *snapshot,
                                                 .shared = shared,
                                                 .data_plane = plane,
                                                 .checker = checks.checker,
                                                 .alarm = alarm});
    checks.on_change = [this](BackendIndex b, health::ServerIndex s,
                              const health::ServerHealth& health) {
      alarm.move_to(checks.alarm.now());
      fleet->health_changed({b, s}, health);
    };
    checks.on_agent = [this](BackendIndex b, health::ServerIndex s,
                             const health::AgentReply& reply) {
      return fleet->agent_said({b, s}, reply);
    };
    fleet->flush();
  }

  /// Lets time pass for checks and fleet alike, in steps small enough to keep both in order.
  void pass(Duration duration) {
    const Instant end = checks.alarm.now() + duration;
    while (checks.alarm.now() < end) {
      checks.pass(std::min<Duration>(Milliseconds(1), end - checks.alarm.now()));
      alarm.move_to(checks.alarm.now());
      if (alarm.at() <= alarm.now()) alarm.fire();
    }
  }
  /// From now on the checks of server `s` find `status`.
  void answer(ServerIndex s, health::Status status) {
    answers[snapshot->backends[0].servers[s].address.port()] = status;
    checks.answer = [this](const SocketAddress& address) {
      const auto found = answers.find(address.port());
      return found == answers.end() ? health::Status::kL4Ok : found->second;
    };
  }
  [[nodiscard]] const ServerStanding& standing(ServerIndex s) const {
    return plane.last.at(0)->servers[s];
  }
  [[nodiscard]] std::string status(ServerIndex s) const { return fleet->status_text({0, s}); }

  std::shared_ptr<const config::Snapshot> snapshot;
  Shared shared;
  RememberingDataPlane plane;
  health::CheckerHarness checks;
  health::ManualAlarm alarm;
  std::map<std::uint16_t, health::Status> answers;
  std::unique_ptr<Fleet> fleet;
};

/// A backend "app" of unchecked servers web1, web2 …
inline config::Snapshot unchecked(std::uint16_t count) {
  config::Snapshot snapshot = health::make_snapshot(count);
  std::uint32_t id = 0;
  for (config::Server& server : snapshot.backends[0].servers) {
    server.check = false;
    server.id = ++id;
  }
  snapshot.backends[0].id = 2;
  return snapshot;
}

inline config::Snapshot checked(std::uint16_t count) {
  config::Snapshot snapshot = unchecked(count);
  for (config::Server& server : snapshot.backends[0].servers) server.check = true;
  return snapshot;
}

}  // namespace tandem::lb::upstream
