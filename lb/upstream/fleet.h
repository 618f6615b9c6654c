// Fleet: all servers and backends at run time. The one place where a server's state is decided:
// from its health, what operators asked for and its slow start, it makes the standing of each
// backend and publishes it to the workers. It makes no checks (health::Checker does) and moves no
// request.
//
// Changes mark a backend; marked backends are published together a few milliseconds later, or at
// once by flush(): ten thousand servers that come up together cost a few publications for each
// backend, not ten thousand. What an operator changes is published before the call returns, unless
// there was a publication just before: then it joins the next. The first usable server of a backend
// does not wait for the others.
#pragma once

#include "common/result.h"
#include "lb/balance/eligibility.h"
#include "lb/health/alarm.h"
#include "lb/health/checker.h"
#include "lb/health/describe.h"
#include "lb/upstream/server_state.h"
#include "lb/upstream/shared.h"
#include "lb/upstream/standing.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tandem::lb::upstream {

using config::BackendIndex;
using ServerIndex = std::uint32_t;  // in file order, within its backend

/// One server of one backend.
struct ServerId {
  BackendIndex backend = 0;
  ServerIndex server = 0;
  friend bool operator==(const ServerId&, const ServerId&) = default;
};

/// What can be set on a server, or be found of it, that the other node of a pair should know.
enum class Setting : std::uint8_t { kAdmin, kWeight, kHealth };

/// Who sets something.
enum class Origin : std::uint8_t {
  kHere,       // an operator, now
  kElsewhere,  // an operator of the other node, or before this process started
  kAgent,      // the server's agent, which the other node asks itself
};

/// What is known of a backend as a whole.
struct BackendState {
  balance::Acting acting;   // act and bck of show stat
  bool is_up = true;        // has a usable server, or has no servers at all
  std::uint64_t downs = 0;  // chkdown: times it lost its last usable server
  Instant last_change{};    // of is_up
  Duration downtime{};      // completed spells of being down

  [[nodiscard]] Duration downtime_at(Instant now) const noexcept {
    return is_up ? downtime : downtime + (now - last_change);
  }
};

/// Weights of a backend's usable servers, added up.
struct BackendWeight {
  std::uint32_t effective = 0;  // 1/16 units
  std::uint32_t user = 0;
};

/// Owner: lb/server. Thread: control.
class Fleet {
 public:
  /// How long changes may wait for others before they are published.
  static constexpr Milliseconds kPublishDelay{3};
  /// Steps of slow starts in one backend are published no more often than this.
  static constexpr Milliseconds kStepInterval{100};

  struct Parts {
    const config::Snapshot& snapshot;
    Shared& shared;  // the fleet writes each server's maxconn
    DataPlane& data_plane;
    health::Checker& checker;  // configured for the same snapshot; paused where state is maint
    health::Alarm& alarm;      // the fleet's own, not the checker's
  };
  /// All parts outlive the fleet. Nothing is published before the first flush() or change; call
  /// flush() when the workers can take it.
  explicit Fleet(const Parts& parts);
  Fleet(const Fleet&) = delete;
  Fleet& operator=(const Fleet&) = delete;

  // ---- reading. References stay valid as long as the fleet.
  [[nodiscard]] const config::Snapshot& snapshot() const noexcept { return snapshot_; }
  [[nodiscard]] Instant now() const noexcept { return alarm_.now(); }
  [[nodiscard]] const ServerState& server(ServerId id) const noexcept;
  [[nodiscard]] const health::ServerHealth& health(ServerId id) const;
  [[nodiscard]] const BackendState& backend(BackendIndex backend) const noexcept;
  [[nodiscard]] std::string status_text(ServerId id) const;
  /// May it get new requests now (Candidate::usable).
  [[nodiscard]] bool is_usable(ServerId id) const noexcept;
  /// It is usable, and without it nobody would be, backups included.
  [[nodiscard]] bool is_last(ServerId id) const noexcept;
  /// Servers of `backend` that are neither down nor in maintenance: the n of "UP (n/m)".
  [[nodiscard]] std::uint32_t servers_up(BackendIndex backend) const;
  [[nodiscard]] BackendWeight weight(BackendIndex backend) const;
  [[nodiscard]] const health::Checker& checker() const noexcept { return checker_; }

  // ---- changing
  /// Calls `callback` when an operator has set something here, even to what it was, and when checks
  /// have found another health. At most one; none at first.
  void on_setting(std::function<void(ServerId, Setting)> callback) {
    on_setting_ = std::move(callback);
  }
  /// For Checker::Callbacks::on_change.
  void health_changed(ServerId id, const health::ServerHealth& health);
  /// "set server … state". Ready ends drain and maintenance whatever brought it.
  void set_state(ServerId id, AdminState state, Origin origin = Origin::kHere);
  /// For Checker::Callbacks::on_agent: state, weight and maxconn that it asks for. Returns the
  /// first wish that cannot be granted, in HAProxy's words; empty: all were.
  [[nodiscard]] std::string agent_said(ServerId id, const health::AgentReply& reply);
  /// "set server … agent" and "enable|disable agent", see Checker.
  void set_agent(ServerId id, bool up);
  void set_agent_enabled(ServerId id, bool enabled);
  void set_agent_address(ServerId id, const SocketAddress& address);
  void set_agent_port(ServerId id, std::uint16_t port);
  void set_agent_send(ServerId id, std::string text);
  /// "set server … health". Stays until the next check that says otherwise.
  void set_health(ServerId id, health::State state);
  /// What was found of it elsewhere, see Checker::assume().
  void assume_health(ServerId id, health::State state);
  /// "enable|disable health".
  void set_checks_enabled(ServerId id, bool enabled);
  void set_check_address(ServerId id, const SocketAddress& address);
  void set_check_port(ServerId id, std::uint16_t port);
  /// User weight, 0 to 256.
  void set_weight(ServerId id, std::uint16_t weight, Origin origin = Origin::kHere);
  /// 0: no limit.
  void set_maxconn(ServerId id, std::uint32_t maxconn);
  /// New connections go there; pooled ones to the old address are dropped by the workers.
  void set_address(ServerId id, const SocketAddress& address);
  /// Ends the sessions that run on this server.
  void shutdown_sessions(ServerId id);
  /// Publishes every backend that has changed since it was last published.
  void flush();
  /// Something has changed that flush() would publish.
  [[nodiscard]] bool has_changes() const noexcept { return publish_at_.has_value(); }

 private:
  struct BackendEntry {
    const config::Backend* config = nullptr;
    std::vector<ServerState> servers;
    std::vector<balance::Standing> standings;  // of the same servers
    BackendState state;
    bool is_dirty = true;
    std::optional<Instant> next_step;  // of its slow starts
  };

  [[nodiscard]] ServerState& state_of(ServerId id) noexcept;
  void adopt(BackendIndex index);
  void change_state(ServerId id, AdminState wanted);
  void change_weight(ServerId id, std::uint16_t weight);
  void report(ServerId id, Setting setting, Origin origin) const;
  void changed(ServerId id);
  [[nodiscard]] balance::Standing standing_of(ServerId id) const;
  void refresh(ServerId id);
  void come_back(ServerId id);
  [[nodiscard]] bool follows_weights(BackendIndex backend) const;
  void go_out(ServerId id);
  void note_backend(BackendIndex index);
  void mark(BackendIndex index);
  void settle();
  void arm();
  void on_alarm();
  void publish(BackendIndex index);
  void plan_next_step(BackendEntry& entry);
  void log_health(ServerId id, const health::ServerHealth& health) const;
  void log_admin(ServerId id, AdminState before) const;
  void log_weight(ServerId id) const;
  void log_change(ServerId id, health::Change change, const health::Result* result,
                  std::string_view remark) const;

  const config::Snapshot& snapshot_;
  Shared& shared_;
  DataPlane& data_plane_;
  health::Checker& checker_;
  health::Alarm& alarm_;
  std::vector<BackendEntry> backends_;
  std::optional<Instant> publish_at_;
  Instant published_at_{};         // the last time
  bool is_forcing_ = false;        // inside set_health(): the change is a command's, not a check's
  Origin origin_ = Origin::kHere;  // of the change under way, for its log lines
  std::function<void(ServerId, Setting)> on_setting_;
};

}  // namespace tandem::lb::upstream
