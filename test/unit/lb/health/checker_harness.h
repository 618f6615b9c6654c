// A checker with a prober and an alarm that are told what to do: no sockets, and time passes when
// the test says so.
#pragma once

#include "lb/health/checker.h"

#include <catch2/catch.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace tandem::lb::health {

class ManualAlarm final : public Alarm {
 public:
  [[nodiscard]] Instant now() const noexcept override { return now_; }
  void set(Instant at) override { at_ = at; }
  void clear() noexcept override { at_ = Instant::max(); }
  void on_alarm(std::move_only_function<void()> callback) override {
    callback_ = std::move(callback);
  }

  [[nodiscard]] Instant at() const noexcept { return at_; }
  void move_to(Instant now) {
    REQUIRE(now >= now_);
    now_ = now;
  }
  void fire() {
    at_ = Instant::max();
    callback_();
  }

 private:
  Instant now_{std::chrono::hours(100)};
  Instant at_ = Instant::max();
  std::move_only_function<void()> callback_;
};

/// Holds probes until the test lets them end.
class ManualProber final : public Prober {
 public:
  struct Pending {
    ProbeTarget target;
    ProbeDone done;
  };

  [[nodiscard]] std::unique_ptr<Probe> start(const ProbeTarget& target, ProbeDone done) override {
    ++started;
    const std::uint64_t id = next_++;
    pending[id] = {target, std::move(done)};
    return std::make_unique<Held>(*this, id);
  }

  std::map<std::uint64_t, Pending> pending;
  std::uint64_t started = 0;

 private:
  struct Held final : Probe {
    Held(ManualProber& owner, std::uint64_t number) : prober(owner), id(number) {}
    ~Held() override { prober.pending.erase(id); }
    ManualProber& prober;
    std::uint64_t id;
  };
  std::uint64_t next_ = 0;
};

class CheckerHarness {
 public:
  struct Seen {
    ServerIndex server;
    State state;
    friend bool operator==(const Seen&, const Seen&) = default;
  };

  ManualAlarm alarm;
  ManualProber prober;
  std::vector<Seen> changes;
  std::size_t results = 0;
  /// What a probe of this target finds; the default: all is well.
  std::function<Status(const SocketAddress&)> answer = [](const SocketAddress&) {
    return Status::kL4Ok;
  };
  /// What an agent at this address says, without the end of its line; empty: it refuses.
  std::function<std::string(const SocketAddress&)> agent_line = [](const SocketAddress&) {
    return std::string();
  };
  /// Called with each wish of an agent.
  std::function<std::string(BackendIndex, ServerIndex, const AgentReply&)> on_agent;
  /// Called with each result, after it is counted.
  std::function<void(BackendIndex, ServerIndex, const Result&)> on_result;
  /// Called on each change, after it is noted.
  std::function<void(BackendIndex, ServerIndex, const ServerHealth&)> on_change;

  Checker checker{prober,
                  alarm,
                  {.on_change =
                       [this](BackendIndex b, ServerIndex s, const ServerHealth& health) {
                         changes.push_back({s, health.state()});
                         if (on_change) on_change(b, s, health);
                       },
                   .on_result =
                       [this](BackendIndex b, ServerIndex s, const Result& result) {
                         ++results;
                         if (on_result) on_result(b, s, result);
                       },
                   .on_agent =
                       [this](BackendIndex b, ServerIndex s, const AgentReply& reply) {
                         return on_agent ? on_agent(b, s, reply) : std::string();
                       }},
                  42};

  [[nodiscard]] const ServerHealth& health(ServerIndex server = 0) const {
    return checker.health(0, server);
  }

  /// Fires the alarm if it is due; probes stay pending.
  void fire_if_due() {
    while (alarm.at() <= alarm.now()) alarm.fire();
  }
  /// Ends every pending probe as answer() says.
  void end_probes() {
    while (!prober.pending.empty()) {
      auto& first = prober.pending.begin()->second;
      if (first.target.check->type == config::Check::Type::kAgent) {
        ProbeDone done = std::move(first.done);
        done(said_by_agent(agent_line(first.target.address)));
        continue;
      }
      const Status status = answer(first.target.address);
      ProbeDone done = std::move(first.done);
      done({.status = status, .duration = Milliseconds(1), .description = "scripted"});
    }
  }
  [[nodiscard]] static Result said_by_agent(const std::string& line) {
    if (line.empty()) return {.status = Status::kL4Con, .duration = Milliseconds(1)};
    const auto reply = std::make_shared<const AgentReply>(read_agent_reply(line));
    return {.status = status_of(*reply),
            .duration = Milliseconds(1),
            .description = describe(*reply),
            .agent = reply};
  }
  /// Lets `duration` pass; probes end in the moment they start.
  void pass(Duration duration) {
    const Instant end = alarm.now() + duration;
    end_probes();
    while (alarm.at() <= end) {
      alarm.move_to(std::max(alarm.at(), alarm.now()));
      fire_if_due();
      end_probes();
    }
    alarm.move_to(end);
  }
  std::vector<Seen> take_changes() { return std::exchange(changes, {}); }
};

/// A snapshot with one backend "app" of `count` checked servers on ports 1, 2, 3 …
inline config::Snapshot make_snapshot(std::uint16_t count) {
  config::Snapshot snapshot;
  config::Backend& backend = snapshot.backends.emplace_back();
  backend.name = "app";
  for (std::uint16_t i = 0; i < count; ++i) {
    config::Server& server = backend.servers.emplace_back();
    server.name = "web" + std::to_string(i + 1);
    server.address = *SocketAddress::parse_host("192.0.2.1", static_cast<std::uint16_t>(i + 1));
    server.check = true;
    server.inter = Milliseconds(2'000);
    server.fastinter = Milliseconds(500);
    server.downinter = Milliseconds(1'000);
  }
  return snapshot;
}

inline std::shared_ptr<const config::Snapshot> share(config::Snapshot snapshot) {
  return std::make_shared<const config::Snapshot>(std::move(snapshot));
}

}  // namespace tandem::lb::health
