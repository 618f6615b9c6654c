// Checker: runs the checks of every server of a snapshot and keeps what is known of each. Verdicts
// are made here, once, and told to whoever asked; workers get them by message. It knows nothing of
// administrative states (drain, maint): the fleet does, and pauses checks by it.
//
// All pending checks stand in one heap under one alarm, and at most kProbesInFlightMax run at once:
// ten thousand servers cost ten thousand heap entries, not timers or sockets.
#pragma once

#include "common/address.h"
#include "common/random.h"
#include "common/time.h"
#include "lb/config/snapshot.h"
#include "lb/health/agent_reply.h"
#include "lb/health/alarm.h"
#include "lb/health/ejection.h"
#include "lb/health/prober.h"
#include "lb/health/result.h"
#include "lb/health/verdict.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::lb::health {

using BackendIndex = config::BackendIndex;
using ServerIndex = std::uint32_t;  // in file order, within its backend

/// What the state of a server rests on.
enum class Basis : std::uint8_t {
  kChecks,   // what the checks found, or nothing yet
  kCommand,  // "set server … health", until checks make another state of it
  kWord,     // assume(): until the first outcome
};

/// What is known of one server by its agent. One answer decides (HAProxy: rise 1, fall 1).
struct AgentHealth {
  bool is_configured = false;
  bool is_enabled = true;      // "disable agent" clears it
  bool is_up = true;           // what it has last said; before it has said anything: up
  bool holds_down = false;     // the server is down because it said so
  bool in_progress = false;    // show stat writes "* " before the status
  Result last;                 // kInitializing before the first answer
  std::uint64_t failures = 0;  // times that it could not be asked, or was not understood

  /// It is asked, and what it says counts.
  [[nodiscard]] bool counts() const noexcept { return is_configured && is_enabled; }
};

/// What is known of one server's health.
struct ServerHealth {
  Verdict verdict = Verdict::unchecked();  // of the checks
  AgentHealth agent;
  bool is_by_agent = false;  // the last change of state(): the agent's doing
  Result last;               // kUnknown when unchecked, kInitializing before the first result
  bool is_checked = false;   // by configuration
  bool is_enabled = true;    // "disable health" clears it
  bool is_paused = false;    // in maintenance
  Basis basis = Basis::kChecks;
  bool in_progress = false;            // show stat writes "* " before the status
  Instant last_change;                 // of state(); lastchg
  std::uint64_t failures = 0;          // chkfail: checks that failed while the server was up
  std::uint64_t downs = 0;             // chkdown: transitions to down
  std::uint64_t passive_failures = 0;  // hanafail
  Duration downtime{};                 // of the completed spells of being down

  /// Checks and agent must both have the server up.
  [[nodiscard]] State state() const noexcept {
    return agent.holds_down ? State::kDown : verdict.state();
  }
  [[nodiscard]] bool is_usable() const noexcept { return state() == State::kUp; }
  /// downtime of show stat: completed spells and the present one.
  [[nodiscard]] Duration downtime_at(Instant now) const noexcept {
    return state() == State::kDown ? downtime + (now - last_change) : downtime;
  }
};

/// Runs the checks, and asks the agents.
/// Owner: the control thread. Thread: its loop's, like everything it calls.
class Checker {
 public:
  static constexpr std::size_t kProbesInFlightMax = 512;

  struct Callbacks {
    /// state() of a server has changed; `health` says to what. May call back into the checker,
    /// configure() excepted.
    std::move_only_function<void(BackendIndex, ServerIndex, const ServerHealth&)> on_change;
    /// A check has ended, changed or not (metrics, live page). May be empty.
    std::move_only_function<void(BackendIndex, ServerIndex, const Result&)> on_result;
    /// An agent asks for a state, a weight or a maxconn. Called before what it says of health takes
    /// effect. Returns what is wrong with its wishes, in words; empty: nothing. May be empty.
    std::move_only_function<std::string(BackendIndex, ServerIndex, const AgentReply&)> on_agent;
  };

  /// `prober` and `alarm` must outlive the checker; `seed` decides the jitter.
  Checker(Prober& prober, Alarm& alarm, Callbacks callbacks, std::uint64_t seed);
  ~Checker();
  Checker(const Checker&) = delete;
  Checker& operator=(const Checker&) = delete;

  /// Takes over a snapshot. Servers known before, by the names of backend and server, keep counters
  /// and whether checks are enabled or paused; those whose configured address is the same keep
  /// state and run-time addresses too. Checks under way are given up and made again at once; checks
  /// of new servers are spread over a short time. Calls nobody back: read health() for the state of
  /// each server now.
  void configure(std::shared_ptr<const config::Snapshot> snapshot);

  /// References stay valid until configure().
  [[nodiscard]] const ServerHealth& health(BackendIndex backend, ServerIndex server) const;

  /// "enable|disable health": the state stays as it is while checks are off, but a server that was
  /// still kStarting counts as up, since nothing would ever decide. Nothing on a server that has no
  /// check.
  void set_enabled(BackendIndex backend, ServerIndex server, bool enabled);
  /// Maintenance: no checks. Coming back, a checked server is kStarting again and is checked at
  /// once: what happened to it meanwhile is the reason for maintenance (HAProxy gives it traffic
  /// before the first check). An unchecked one is up.
  void set_paused(BackendIndex backend, ServerIndex server, bool paused);
  /// "set server … addr": where checks go, but for what the server has of its own for them: an
  /// address, a port.
  void set_address(BackendIndex backend, ServerIndex server, const SocketAddress& address);
  /// "set server … check-addr": from now on its own address for checks; its port does not count.
  void set_check_address(BackendIndex backend, ServerIndex server, const SocketAddress& address);
  void set_check_port(BackendIndex backend, ServerIndex server, std::uint16_t port);
  [[nodiscard]] SocketAddress check_address(BackendIndex backend, ServerIndex server) const;

  // Agents. Nothing on a server that has none.
  /// "enable|disable agent". What it has said stays until a check passes, or a command.
  void set_agent_enabled(BackendIndex backend, ServerIndex server, bool enabled);
  /// "set server … agent up|down": as if it had said so. Nothing while it is disabled.
  void force_agent(BackendIndex backend, ServerIndex server, bool up);
  void set_agent_address(BackendIndex backend, ServerIndex server, const SocketAddress& address);
  void set_agent_port(BackendIndex backend, ServerIndex server, std::uint16_t port);
  /// Empty: nothing is sent.
  void set_agent_send(BackendIndex backend, ServerIndex server, std::string text);
  /// Its own address, without a port, if it has one.
  [[nodiscard]] std::optional<SocketAddress> agent_address(BackendIndex backend,
                                                           ServerIndex server) const;
  /// 0: there is none.
  [[nodiscard]] std::uint16_t agent_port(BackendIndex backend, ServerIndex server) const;

  /// "set server … health up|stopping|down", whatever the agent has said. kStarting is not accepted
  /// (nothing happens).
  void force(BackendIndex backend, ServerIndex server, State state);

  /// Takes a checked server for up or down before the first result of its checks, which will
  /// decide. Nothing once there was one, in maintenance, or where checks are off.
  void assume(BackendIndex backend, ServerIndex server, State state);

  /// Live traffic has met `error-limit` errors in a row (the workers count): acts as `on-error`
  /// says. Nothing when the server is not up or `observe` is none. A server without checks is
  /// ejected for a while (Ejection), unless it `is_last` of its backend to take requests.
  void note_errors(BackendIndex backend, ServerIndex server, std::string_view what, bool is_last);

  [[nodiscard]] std::size_t probes_in_flight() const noexcept { return in_flight_; }

 private:
  enum class Kind : std::uint8_t { kCheck, kAgent };
  struct Entry;
  struct Due {
    Instant at;
    std::uint32_t entry;
    Kind kind;
    std::uint64_t generation;
  };

  [[nodiscard]] Entry& entry(BackendIndex backend, ServerIndex server);
  [[nodiscard]] const Entry& entry(BackendIndex backend, ServerIndex server) const;
  void make_entries();
  void adopt(std::vector<Entry>& before);
  void inherit(Entry& entry, Entry& before);
  void inherit_agent(Entry& entry, Entry& before, const AgentHealth& fresh);
  void schedule_all();
  void schedule_first(Entry& entry, Instant inherited, Duration first);

  void schedule(Entry& entry, Kind kind, Instant at);
  void schedule_next(Entry& entry, Kind kind);
  void unschedule(Entry& entry, Kind kind);
  void give_up_probe(Entry& entry, Kind kind);
  void run_now(Entry& entry, Kind kind);
  [[nodiscard]] bool is_void(const Due& due);
  void drop_void_dues();
  void arm();

  void run_due();
  void start_probe(Entry& entry);
  void finish_probe(Entry& entry, Result result);
  void step(Entry& entry, bool passed);
  void note_change(Entry& entry, State before, Kind by = Kind::kCheck);

  void start_agent_probe(Entry& entry);
  void finish_agent_probe(Entry& entry, Result result);
  void obey_agent(Entry& entry, bool is_up);

  void act_on_errors(Entry& entry, std::string_view what);
  void conclude_failure(Entry& entry, std::string_view what);
  void eject(Entry& entry, std::string_view what, bool is_last);
  void come_back(Entry& entry);

  Prober& prober_;
  Alarm& alarm_;
  Callbacks callbacks_;
  Random random_;
  std::shared_ptr<const config::Snapshot> snapshot_;
  std::vector<Entry> entries_;
  std::vector<std::uint32_t> first_of_backend_;
  // A heap, soonest first. Moving a check leaves its old place behind, void by its generation;
  // drop_void_dues() keeps those fewer than the entries.
  std::vector<Due> due_;
  Instant armed_for_ = Instant::max();
  std::size_t in_flight_ = 0;
};

}  // namespace tandem::lb::health
