// VirtualRouter: one virtual router of one family at work: the machine (failover/machine) with its
// packets, addresses, announcements, lease and clock. It does what the machine says and tells it
// what has come of it. Thread: the loop's.
#pragma once

#include "common/event/poller.h"
#include "common/event/timer.h"
#include "failover/actuator.h"
#include "failover/advert_seals.h"
#include "failover/config/settings.h"
#include "failover/event_log.h"
#include "failover/machine/machine.h"
#include "failover/machine/right.h"
#include "failover/system/addresses.h"
#include "failover/system/announcer.h"
#include "failover/system/guard_plan.h"
#include "failover/system/interface.h"
#include "failover/system/lease.h"
#include "failover/system/link.h"
#include "failover/system/thread_time.h"
#include "failover/wire/decode.h"

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace tandem::failover {

/// What a router stands on; everything outlives it.
struct Ground {
  const config::Settings& settings;
  event::Poller& poller;
  system::RouteMonitor& monitor;
  system::RouteSocket& route;
  const system::Interface& interface;
  EventLog& events;
  /// The guard's plan is to be made anew: before an address is put on, after it is taken off.
  std::function<void()> on_plan_change;
  /// The addresses of this router have just been let go of: others may take them.
  std::function<void(const std::string& router)> on_let_go;
  /// The role or the right has changed.
  std::function<void()> on_change;
  /// A node of lower priority is active and will be preempted when its time is over, unless it
  /// gives the addresses first.
  std::function<void(const std::string& router)> on_preempt;
  /// For the operator's program: router, from, to, reason, priority.
  std::function<void(std::vector<std::string>)> on_move;
};

/// Counted from the start of the daemon, through every reload.
struct RouterFigures {
  using Key = std::array<std::string_view, 3>;  // from, to, reason
  std::map<Key, std::uint64_t> transitions;
  std::array<std::uint64_t, wire::kRefusalCount> refused{};
  std::uint64_t adverts_sent = 0;
  std::uint64_t adverts_received = 0;
  std::uint64_t farewells_sent = 0;
  std::uint64_t farewells_received = 0;
  std::uint64_t two_masters = 0;
  std::uint64_t send_failures = 0;
  std::uint64_t lease_failures = 0;
  std::chrono::system_clock::time_point last_transition{};
  std::chrono::system_clock::time_point last_takeover{};
  std::chrono::nanoseconds takeover{0};  // of the last: from the decision to the last announcement
  SealMemory seals;                      // as it was when the router was left
  ActuatorFigures actuator;
};

/// The node that was heard last.
struct Heard {
  IpAddress from;
  std::uint8_t priority = 0;
  machine::Centiseconds interval{0};
  Instant at{};
};

class VirtualRouter {
 public:
  VirtualRouter(Ground ground, const config::Router& router, RouterFigures figures);
  ~VirtualRouter();
  VirtualRouter(const VirtualRouter&) = delete;
  VirtualRouter& operator=(const VirtualRouter&) = delete;

  /// Opens its sockets and its gate. What the interface does not allow yet is tried again when the
  /// interface changes, and each second. Errors: what waiting cannot mend (rights, descriptors).
  [[nodiscard]] Result<void> open(bool is_adopting);
  /// `waits_until`: a predecessor left the addresses here, and others wait for them until then.
  void start(std::optional<Instant> waits_until);
  /// Gives the addresses away for good.
  void stop();
  /// Leaves everything where it is, for a successor in this or another process. If it is active:
  /// until when others wait for it (system::boot_now()).
  [[nodiscard]] std::optional<Instant> leave();

  void set_right(machine::Right right);
  /// What the other node says over the peer link (failover/machine).
  void hear_peer_hold(const machine::PeerHolds& holds) { input(holds); }
  void hear_peer_let_go() { input(machine::PeerLetGo{}); }
  /// An operator moves the address here: taken at once, the other node has so long to yield.
  /// Errors: why this node cannot have it.
  [[nodiscard]] Result<void> claim(Duration for_time);
  /// An operator moves the address away, and the other node has it.
  void yield() { input(machine::Yield{}); }
  /// While it is not active, packets for the addresses are let in for so long from now on, and
  /// questions for them are not: they are kept elsewhere on this node (failover/planned_move.h). 0:
  /// no longer.
  void admit_packets(Milliseconds for_time);
  void on_interface_change(const std::optional<system::InterfaceState>& before);
  /// Adds what is to be done if the daemon dies now. Nothing unless it is active.
  void add_to(system::GuardPlan& plan) const;

  [[nodiscard]] const config::Router& router() const noexcept { return router_; }
  [[nodiscard]] const machine::State& state() const noexcept { return state_; }
  [[nodiscard]] const machine::Right& right() const noexcept { return right_; }
  [[nodiscard]] const RouterFigures& figures() const noexcept { return figures_; }
  [[nodiscard]] const std::optional<Heard>& heard() const noexcept { return heard_; }
  [[nodiscard]] machine::Reason reason() const noexcept { return reason_; }
  [[nodiscard]] const system::Addresses& addresses() const noexcept { return addresses_; }
  [[nodiscard]] const system::Announcer& announcer() const noexcept { return announcer_; }
  [[nodiscard]] const system::Link& link() const noexcept { return link_; }
  /// Null: adverts are plain.
  [[nodiscard]] const AdvertSeals* seals() const noexcept { return seals_.get(); }
  /// A fault of its own that takes the right away: an address that cannot be put on.
  [[nodiscard]] const machine::Tracked& own_fault() const noexcept { return own_fault_; }
  /// Null: none is configured, or there is nothing it could move.
  [[nodiscard]] const Actuator* actuator() const noexcept { return actuator_.get(); }
  /// The addresses are put on this node by the daemon; otherwise they are there all the time.
  [[nodiscard]] bool is_local() const noexcept;
  /// This node has them, as far as it has a say in it.
  [[nodiscard]] bool is_holding() const noexcept;
  /// Calls `done` once no program runs for it any more, after stop().
  void when_idle(std::function<void()> done);
  void set_on_own_fault(std::function<void()> callback) { on_own_fault_ = std::move(callback); }

 private:
  void on_packet(const wire::Envelope& envelope, wire::ByteView payload);
  void input(const machine::Input& input);
  void perform(const machine::Action& action);
  void perform(const machine::SendAdvert& send);
  void perform(const machine::Acquire&);
  void perform(const machine::Release&);
  void perform(const machine::Announce&);
  void perform(const machine::Moved& moved);
  void arm();
  void keep();
  void mend();
  void fail_to_acquire(const std::string& words);
  void turn_fault();
  void close_gate();
  void explain_freeze(Instant advertised_at);
  void advertise(std::uint8_t priority, machine::Centiseconds interval);
  [[nodiscard]] wire::Bytes payload(const IpAddress& destination, std::uint8_t priority,
                                    machine::Centiseconds interval, AdvertSeals::Use use) const;
  void refuse(wire::Refusal refusal, const wire::Envelope& envelope, wire::ByteView payload);
  [[nodiscard]] Milliseconds lease() const;

  Ground ground_;
  const config::Router& router_;
  const machine::Config machine_;
  machine::State state_;
  machine::Right right_;
  Milliseconds admits_packets_{0};
  machine::Reason reason_ = machine::Reason::kStarted;
  machine::Tracked own_fault_;
  std::function<void()> on_own_fault_;
  std::optional<Heard> heard_;
  RouterFigures figures_;
  wire::Expectation expectation_;
  std::unique_ptr<AdvertSeals> seals_;  // null: plain adverts
  system::Link link_;
  system::Addresses addresses_;
  system::Announcer announcer_;
  std::unique_ptr<Actuator> actuator_;
  std::optional<system::Gate> gate_;  // none: no lease is wanted
  event::Timer deadline_;
  event::Timer keep_;   // the addresses' lifetime
  event::Timer mend_;   // what could not be opened
  event::Timer fault_;  // own_fault_ is to be told, or to be forgiven
  bool fault_is_told_ = false;
  std::uint8_t told_right_ = 0;  // as on_change() told it last
  system::OwnTime at_advert_;    // when the last one was sent
};

}  // namespace tandem::failover
