#include "failover/virtual_router.h"

#include "common/log.h"
#include "failover/system/clock.h"
#include "failover/wire/advert.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <variant>

namespace tandem::failover {
namespace {

constexpr Milliseconds kMendEvery{1'000};
// The kernel takes whole seconds; a lifetime is renewed several times in it.
constexpr std::chrono::seconds kLifetimeMin{2};
constexpr Milliseconds kKeepEvery{400};
// After an address could not be put on, the other node is to have the time to take over.
constexpr Milliseconds kForgiveAfter{10'000};
// What a node that leaves its addresses to a successor advertises in its last word: others learn
// the interval (RFC 9568 section 6.1) and wait three of it, long enough for a process to begin.
constexpr machine::Centiseconds kLeaveInterval{30};

machine::Config machine_config(const config::Settings& settings) {
  return {.advert_interval =
              std::chrono::duration_cast<machine::Centiseconds>(settings.advert_interval),
          .version2 = settings.version == 2,
          .preempt = settings.preempt,
          .preempt_delay = settings.preempt_delay};
}

std::vector<IpAddress> without_lengths(const std::vector<IpPrefix>& prefixes) {
  std::vector<IpAddress> addresses;
  for (const IpPrefix& prefix : prefixes) addresses.push_back(prefix.address);
  return addresses;
}

std::vector<IpAddress> peers_of(const config::Settings& settings, const config::Router& router) {
  std::vector<IpAddress> peers;
  for (const config::Node& node : settings.peers)
    if (const auto address = node.of_family(router.is_v6); settings.unicast && address)
      peers.push_back(*address);
  return peers;
}

system::LinkSettings link_settings(const config::Settings& settings, const config::Router& router) {
  system::LinkSettings link{.interface = settings.interface,
                            .is_v6 = router.is_v6,
                            .version = settings.version,
                            .vrid = router.vrid,
                            .peers = peers_of(settings, router),
                            .source = std::nullopt,
                            .never_sources = without_lengths(router.vips)};
  // IPv6 multicast comes from the link-local address, which nobody configures.
  if (!router.is_v6 || settings.unicast) link.source = settings.self.of_family(router.is_v6);
  return link;
}

wire::Expectation expectation(const config::Settings& settings, const config::Router& router) {
  return {.version = settings.version,
          .vrid = router.vrid,
          .is_unicast = settings.unicast,
          .interval = std::chrono::duration_cast<wire::Centiseconds>(settings.advert_interval),
          .addresses = without_lengths(router.vips),
          .password = settings.password,
          .own = {},
          .peers = peers_of(settings, router)};
}

/// Long enough that no lease ends before others may take over.
std::optional<std::chrono::seconds> lifetime(const config::Settings& settings,
                                             const machine::Config& machine) {
  if (!settings.lease) return std::nullopt;
  const auto silence = std::chrono::ceil<std::chrono::seconds>(machine::safe_silence(machine));
  return std::max(kLifetimeMin, silence + std::chrono::seconds(1));
}

/// The greatest priority that another node can have, by the configuration that is the same on all.
std::uint8_t highest_other(const config::Settings& settings, const config::Router& router) {
  if (router.priority_of_others == machine::kPriorityOwner) return machine::kPriorityOwner;
  std::int64_t highest = router.priority_of_others;
  for (const config::TrackScript& script : settings.track.scripts)
    highest += std::max(script.weight, 0);
  // A file may say any number.
  for (const config::TrackFile& file : settings.track.files)
    if (file.weight != 0) highest = machine::kPriorityOwner - 1;
  return static_cast<std::uint8_t>(std::min<std::int64_t>(highest, machine::kPriorityOwner - 1));
}

bool will_preempt(const machine::State& state) {
  return state.role == machine::Role::kBackup && state.expecting == machine::Reason::kPreempt;
}

std::string table_name(const config::Router& router) {
  return fmt::format("tandem_{}_v{}", router.vrid, router.is_v6 ? 6 : 4);
}

}  // namespace

VirtualRouter::VirtualRouter(Ground ground, const config::Router& router, RouterFigures figures)
    : ground_(std::move(ground)),
      router_(router),
      machine_(machine_config(ground_.settings)),
      own_fault_{.name = "addresses"},
      figures_(std::move(figures)),
      expectation_(expectation(ground_.settings, router)),
      link_(ground_.poller, link_settings(ground_.settings, router),
            [this](const wire::Envelope& envelope, wire::ByteView payload) {
              on_packet(envelope, payload);
            }),
      addresses_(ground_.poller.loop(), ground_.monitor, ground_.route, ground_.interface,
                 {.addresses = router.vips, .lifetime = lifetime(ground_.settings, machine_)}),
      announcer_(ground_.poller.loop(), ground_.interface, without_lengths(router.vips)),
      deadline_(ground_.poller.loop(), [this] { input(machine::Tick{}); }),
      keep_(ground_.poller.loop(), [this] { keep(); }),
      mend_(ground_.poller.loop(), [this] { mend(); }),
      fault_(ground_.poller.loop(), [this] { turn_fault(); }) {
  if (ground_.settings.lease)
    gate_.emplace(system::Gate::Settings{.table = table_name(router),
                                         .interface = ground_.settings.interface,
                                         .addresses = without_lengths(router.vips)});
  if (ground_.settings.auth)
    seals_ = std::make_unique<AdvertSeals>(*ground_.settings.auth, figures_.seals,
                                           std::chrono::system_clock::now());
  if (ground_.settings.actuator && !Actuator::movable(router).empty())
    actuator_ = std::make_unique<Actuator>(Actuator::Ground{
        .loop = ground_.poller.loop(),
        .settings = ground_.settings,
        .router = router_,
        .events = ground_.events,
        .figures = figures_.actuator,
        .other_is_active = [this] { return system::boot_now() < state_.peer_holds_until; }});
  addresses_.set_on_incident([this](const system::Incident& incident) {
    ground_.events.add(router_.name, incident.words);
  });
}

VirtualRouter::~VirtualRouter() = default;

Result<void> VirtualRouter::open(bool is_adopting) {
  if (auto opened = announcer_.open(); !opened) return opened;
  if (auto opened = link_.reopen(); !opened) {
    log::warning("{}: {}; trying again", router_.name, opened.error().message);
    mend_.start(kMendEvery);
  }
  if (!gate_) return {};
  // A successor of an active node must not close what its predecessor holds open.
  if (auto up = gate_->set_up(is_adopting ? lease() : Milliseconds(0)); !up) {
    log::warning("{}: no lease in nf_tables: {}; the addresses' lifetime must do", router_.name,
                 up.error().message);
  }
  return {};
}

void VirtualRouter::start(std::optional<Instant> waits_until) {
  machine::Started started;
  if (waits_until) {
    // In the machine's terms: as if the predecessor had advertised in our own interval.
    started.advertised_at = *waits_until - machine::safe_silence(machine_);
  } else if (is_local()) {
    // What an earlier daemon may have left behind is nobody's until somebody is active.
    if (auto released = addresses_.release(); !released)
      log::warning("{}: {}", router_.name, released.error().message);
  }
  input(started);
}

void VirtualRouter::stop() {
  input(machine::Stopped{});
  if (!gate_) return;
  if (auto removed = gate_->remove(); !removed)
    log::warning("{}: {}", router_.name, removed.error().message);
}

std::optional<Instant> VirtualRouter::leave() {
  deadline_.stop();
  keep_.stop();
  if (seals_) figures_.seals = seals_->memory();
  if (state_.role != machine::Role::kActive) return std::nullopt;
  const machine::Centiseconds interval = machine_.version2
                                             ? machine_.advert_interval
                                             : std::max(machine_.advert_interval, kLeaveInterval);
  const Duration wait = 3 * Duration(interval);
  if (is_local()) keep();
  if (gate_ && gate_->is_up() && !gate_->hold(std::chrono::ceil<Milliseconds>(wait)))
    ++figures_.lease_failures;
  advertise(state_.right, interval);
  if (seals_) figures_.seals = seals_->memory();
  return system::boot_now() + wait;
}

void VirtualRouter::set_right(machine::Right right) {
  if (right.why != right_.why && state_.is_started)
    ground_.events.add(router_.name, fmt::format("right to the addresses: {}", right.why));
  right_ = std::move(right);
  input(machine::RightChanged{right_.priority});
}

Result<void> VirtualRouter::claim(Duration for_time) {
  if (right_.priority == 0) return fail(fmt::format("no right to the addresses: {}", right_.why));
  if (state_.role == machine::Role::kActive) return {};
  if (state_.role != machine::Role::kBackup) return fail("the machine does not run");
  input(machine::Claim{.until = system::boot_now() + for_time});
  return {};
}

void VirtualRouter::admit_packets(Milliseconds for_time) {
  admits_packets_ = for_time;
  if (state_.role != machine::Role::kActive) close_gate();
}

/// As far as it may be closed.
void VirtualRouter::close_gate() {
  if (gate_ && gate_->is_up() && !gate_->hold(admits_packets_, system::Gate::Open::kForPackets))
    ++figures_.lease_failures;
}

void VirtualRouter::on_interface_change(const std::optional<system::InterfaceState>& before) {
  const auto& now = ground_.interface.link();
  const bool is_new = now && (!before || before->index != now->index);
  const bool came_up = ground_.interface.is_usable() && !(before && before->has_carrier);
  if (is_new || came_up) mend();
  if (came_up && state_.role == machine::Role::kActive) perform(machine::Announce{});
}

/// Opens anew what hangs on the interface.
void VirtualRouter::mend() {
  if (auto opened = link_.reopen(); !opened) {
    log::debug("{}: {}", router_.name, opened.error().message);
    mend_.start(kMendEvery);
    return;
  }
  if (gate_ && gate_->is_supported()) {
    const bool is_active = state_.role == machine::Role::kActive;
    if (auto up = gate_->set_up(is_active ? lease() : Milliseconds(0)); !up)
      log::warning("{}: {}", router_.name, up.error().message);
  }
  if (state_.role == machine::Role::kActive) ground_.on_plan_change();
}

void VirtualRouter::add_to(system::GuardPlan& plan) const {
  if (state_.role != machine::Role::kActive || !ground_.interface.link()) return;
  const auto index = static_cast<unsigned>(ground_.interface.link()->index);
  if (is_local())
    for (const IpPrefix& vip : router_.vips) system::add_withdrawal(plan, index, vip);
  if (!link_.is_open()) return;
  for (const IpAddress& destination : link_.destinations())
    plan.farewells.push_back(link_.farewell(
        destination, payload(destination, machine::kPriorityFarewell, machine_.advert_interval,
                             AdvertSeals::Use::kWhenDead)));
}

// ---- what arrives ------------------------------------------------------------------------------

void VirtualRouter::on_packet(const wire::Envelope& envelope, wire::ByteView payload) {
  expectation_.own = link_.source();
  const auto advert =
      seals_ ? seals_->read(payload, envelope, expectation_, std::chrono::system_clock::now())
             : wire::decode(payload, envelope, expectation_);
  if (!advert) return refuse(advert.error(), envelope, payload);
  ++figures_.adverts_received;
  if (seals_)
    if (auto words = seals_->warn(envelope)) ground_.events.add(router_.name, std::move(*words));
  if (advert->priority == machine::kPriorityFarewell) ++figures_.farewells_received;
  if (state_.role == machine::Role::kActive && advert->priority != machine::kPriorityFarewell)
    ++figures_.two_masters;
  heard_ = {.from = envelope.source,
            .priority = advert->priority,
            .interval = advert->interval,
            .at = Clock::now()};
  input(machine::Advert{.priority = advert->priority,
                        .interval = advert->interval,
                        .is_from_higher_address = envelope.source > link_.source()});
}

void VirtualRouter::refuse(wire::Refusal refusal, const wire::Envelope& envelope,
                           wire::ByteView payload) {
  ++figures_.refused[static_cast<std::size_t>(refusal)];
  if (!seals_) return;
  if (auto words = seals_->complain(refusal, payload, envelope, std::chrono::system_clock::now()))
    ground_.events.add(router_.name, std::move(*words));
}

void VirtualRouter::input(const machine::Input& input) {
  const Instant began = Clock::now();
  const machine::Role before = state_.role;
  const std::uint8_t right_before = told_right_;
  const bool preempted_before = will_preempt(state_);
  const Instant advertised_before = state_.advertised_at;
  machine::Step step = machine::step(machine_, state_, system::boot_now(), input);
  state_ = step.state;
  for (const machine::Action& action : step.actions) perform(action);
  if (before == machine::Role::kActive && state_.role == machine::Role::kBackup &&
      reason_ == machine::Reason::kFroze)
    explain_freeze(advertised_before);
  const bool is_new = before != machine::Role::kActive && state_.role == machine::Role::kActive;
  if (is_new && reason_ != machine::Reason::kAdopted) {
    figures_.last_takeover = figures_.last_transition;
    figures_.takeover = Clock::now() - began;
  }
  told_right_ = state_.right;
  if (before != state_.role || right_before != state_.right) ground_.on_change();
  if (!preempted_before && will_preempt(state_)) ground_.on_preempt(router_.name);
  arm();
}

/// Whoever looks for the cause wants to know whether others took the CPU.
void VirtualRouter::explain_freeze(Instant advertised_at) {
  const auto in_ms = [](Duration time) { return std::chrono::floor<Milliseconds>(time).count(); };
  const system::OwnTime time = system::own_time();
  ground_.events.add(
      router_.name,
      fmt::format("was silent for {} ms: {} ms on a CPU, {} ms waiting for one",
                  in_ms(system::boot_now() - advertised_at), in_ms(time.ran - at_advert_.ran),
                  in_ms(time.waited - at_advert_.waited)));
}

void VirtualRouter::arm() {
  if (state_.deadline == Instant::max()) return deadline_.stop();
  deadline_.start(std::max(Duration::zero(), state_.deadline - system::boot_now()));
}

// ---- what the machine asks for -----------------------------------------------------------------

void VirtualRouter::perform(const machine::Action& action) {
  std::visit([this](const auto& one) { perform(one); }, action);
}

wire::Bytes VirtualRouter::payload(const IpAddress& destination, std::uint8_t priority,
                                   machine::Centiseconds interval, AdvertSeals::Use use) const {
  const wire::Advert advert{.version = ground_.settings.version,
                            .vrid = router_.vrid,
                            .priority = priority,
                            .interval = interval,
                            .addresses = expectation_.addresses};
  const wire::Envelope envelope{.source = link_.source(), .destination = destination};
  wire::Bytes bytes = wire::encode(advert, envelope, {.password = ground_.settings.password});
  if (seals_) seals_->seal(bytes, envelope, use, std::chrono::system_clock::now());
  return bytes;
}

void VirtualRouter::perform(const machine::SendAdvert& send) {
  if (send.priority == machine::kPriorityFarewell) ++figures_.farewells_sent;
  // The lease is as long as others wait: it begins with what they hear.
  if (gate_ && gate_->is_up() && send.priority != machine::kPriorityFarewell) {
    if (!gate_->hold(lease())) ++figures_.lease_failures;
  }
  advertise(send.priority, machine_.advert_interval);
  at_advert_ = system::own_time();
}

void VirtualRouter::advertise(std::uint8_t priority, machine::Centiseconds interval) {
  if (!link_.is_open()) return;
  // The guard's farewell must stay beyond all that was sent.
  if (seals_ && state_.role == machine::Role::kActive &&
      seals_->must_renew(std::chrono::system_clock::now()))
    ground_.on_plan_change();
  for (const IpAddress& destination : link_.destinations()) {
    if (link_.send(destination, payload(destination, priority, interval, AdvertSeals::Use::kNow)))
      ++figures_.adverts_sent;
    else
      ++figures_.send_failures;
  }
}

void VirtualRouter::perform(const machine::Acquire&) {
  ground_.on_plan_change();
  if (is_local()) {
    const auto acquired = addresses_.acquire();
    keep_.start_periodic(kKeepEvery, kKeepEvery);
    if (!acquired) fail_to_acquire(acquired.error().message);
  }
  if (actuator_) actuator_->acquire(reason_ == machine::Reason::kAdopted);
}

void VirtualRouter::perform(const machine::Release&) {
  keep_.stop();
  announcer_.stop();
  close_gate();
  if (is_local())
    if (const auto released = addresses_.release(); !released)
      ground_.events.add(router_.name, released.error().message);
  if (actuator_) actuator_->release();
  ground_.on_plan_change();
  ground_.on_let_go(router_.name);
}

void VirtualRouter::perform(const machine::Announce&) {
  if (is_local()) announcer_.announce();
  if (actuator_) actuator_->confirm();
}

void VirtualRouter::perform(const machine::Moved& moved) {
  reason_ = moved.reason;
  figures_.last_transition = std::chrono::system_clock::now();
  ++figures_.transitions[{machine::role_name(moved.from), machine::role_name(moved.to),
                          machine::reason_name(moved.reason)}];
  ground_.events.add(
      router_.name,
      fmt::format("{} -> {} ({}), priority {}", machine::role_name(moved.from),
                  machine::role_name(moved.to), machine::reason_name(moved.reason), right_.why));
  ground_.on_move({router_.name, std::string(machine::role_name(moved.from)),
                   std::string(machine::role_name(moved.to)),
                   std::string(machine::reason_name(moved.reason)),
                   std::to_string(right_.priority)});
}

/// The other node is to have a try. In a later turn: the machine is in the middle of a step.
void VirtualRouter::fail_to_acquire(const std::string& words) {
  own_fault_.is_ok = false;
  own_fault_.why = words;
  ground_.events.add(router_.name, words);
  fault_.start(Duration::zero());
}

/// Tells of a fault that is new; and, when it has been known for a while, tries again.
void VirtualRouter::turn_fault() {
  if (std::exchange(fault_is_told_, !own_fault_.is_ok)) {
    own_fault_.is_ok = true;
    fault_is_told_ = false;
  } else {
    fault_.start(kForgiveAfter);
  }
  on_own_fault_();
}

void VirtualRouter::keep() {
  if (const auto refreshed = addresses_.refresh(); !refreshed)
    log::debug("{}: {}", router_.name, refreshed.error().message);
}

bool VirtualRouter::is_local() const noexcept {
  return !ground_.settings.actuator || ground_.settings.actuator->local;
}

bool VirtualRouter::is_holding() const noexcept {
  if (is_local()) return addresses_.holding() == system::Holding::kHeld;
  return state_.role == machine::Role::kActive;
}

void VirtualRouter::when_idle(std::function<void()> done) {
  if (actuator_)
    actuator_->when_idle(std::move(done));
  else
    done();
}

Milliseconds VirtualRouter::lease() const {
  return std::chrono::ceil<Milliseconds>(
      machine::lease(machine_, highest_other(ground_.settings, router_)));
}

}  // namespace tandem::failover
