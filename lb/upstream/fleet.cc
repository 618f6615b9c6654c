#include "lb/upstream/fleet.h"

#include "common/log.h"
#include "lb/balance/registry.h"
#include "lb/health/describe.h"

#include <algorithm>
#include <utility>

namespace tandem::lb::upstream {
namespace {

std::uint8_t initial_admin(config::InitialState state) noexcept {
  switch (state) {
    case config::InitialState::kReady:
      return 0;
    case config::InitialState::kDrain:
      return kForcedDrain;
    case config::InitialState::kMaint:
      return kForcedMaint | kConfigMaint;
  }
  return 0;
}

std::uint8_t admin_bits(AdminState state) noexcept {
  switch (state) {
    case AdminState::kReady:
      return 0;
    case AdminState::kDrain:
      return kForcedDrain;
    case AdminState::kMaint:
      return kForcedMaint;
  }
  return 0;
}

ServerState initial_state(const config::Server& server, Instant now) {
  ServerState state;
  state.config = &server;
  state.admin = initial_admin(server.state);
  state.weight = server.weight;
  state.initial_weight = server.weight;
  state.maxconn = server.maxconn;
  state.address = server.address;
  state.last_change = now;
  state.is_out = state.admin_state() == AdminState::kMaint;
  state.out_since = now;
  return state;
}

}  // namespace

Fleet::Fleet(const Parts& parts)
    : snapshot_(parts.snapshot),
      shared_(parts.shared),
      data_plane_(parts.data_plane),
      checker_(parts.checker),
      alarm_(parts.alarm),
      backends_(parts.snapshot.backends.size()) {
  alarm_.on_alarm([this] { on_alarm(); });
  for (BackendIndex b = 0; b < backends_.size(); ++b) adopt(b);
}

void Fleet::adopt(BackendIndex index) {
  BackendEntry& entry = backends_[index];
  entry.config = &snapshot_.backends[index];
  entry.state.last_change = now();
  for (const config::Server& server : entry.config->servers) {
    entry.servers.push_back(initial_state(server, now()));
    const auto s = static_cast<ServerIndex>(entry.servers.size() - 1);
    if (entry.servers.back().is_out) checker_.set_paused(index, s, true);
    entry.standings.push_back(standing_of({index, s}));
  }
  entry.state.acting = balance::decide_acting(entry.standings, entry.config->allbackups);
  entry.state.is_up =
      entry.servers.empty() || entry.state.acting.group != balance::Acting::Group::kNobody;
}

ServerState& Fleet::state_of(ServerId id) noexcept {
  return backends_[id.backend].servers[id.server];
}

const ServerState& Fleet::server(ServerId id) const noexcept {
  return backends_[id.backend].servers[id.server];
}

const health::ServerHealth& Fleet::health(ServerId id) const {
  return checker_.health(id.backend, id.server);
}

const BackendState& Fleet::backend(BackendIndex backend) const noexcept {
  return backends_[backend].state;
}

std::string Fleet::status_text(ServerId id) const {
  return upstream::status_text(server(id), health(id));
}

bool Fleet::is_usable(ServerId id) const noexcept {
  const BackendEntry& entry = backends_[id.backend];
  return entry.state.acting.usable(id.server, entry.standings[id.server]);
}

std::uint32_t Fleet::servers_up(BackendIndex backend) const {
  std::uint32_t up = 0;
  for (ServerIndex s = 0; s < backends_[backend].servers.size(); ++s) {
    const ServerId id{backend, s};
    if (operational_state(server(id), health(id)) != OperationalState::kStopped) ++up;
  }
  return up;
}

BackendWeight Fleet::weight(BackendIndex backend) const {
  BackendWeight sum;
  for (ServerIndex s = 0; s < backends_[backend].servers.size(); ++s) {
    if (!is_usable({backend, s})) continue;
    const ServerState& state = backends_[backend].servers[s];
    sum.effective += effective_weight(state, now());
    sum.user += state.weight;
  }
  return sum;
}

// ---- changes -----------------------------------------------------------------------------------

void Fleet::health_changed(ServerId id, const health::ServerHealth& health) {
  changed(id);
  if (server(id).admin_state() != AdminState::kMaint) log_health(id, health);
  note_backend(id.backend);
  // What an agent says, the other node hears from it too.
  const bool is_found = health.is_checked && health.basis == health::Basis::kChecks &&
                        health.state() != health::State::kStarting && !health.is_by_agent;
  if (is_found) report(id, Setting::kHealth, Origin::kHere);
}

void Fleet::set_state(ServerId id, AdminState state, Origin origin) {
  origin_ = origin;
  change_state(id, state);
  origin_ = Origin::kHere;
  report(id, Setting::kAdmin, origin);
}

void Fleet::set_weight(ServerId id, std::uint16_t weight, Origin origin) {
  origin_ = origin;
  change_weight(id, weight);
  origin_ = Origin::kHere;
  report(id, Setting::kWeight, origin);
}

void Fleet::report(ServerId id, Setting setting, Origin origin) const {
  if (on_setting_ && origin == Origin::kHere) on_setting_(id, setting);
}

void Fleet::change_state(ServerId id, AdminState wanted) {
  ServerState& state = state_of(id);
  const AdminState before = state.admin_state();
  state.admin = admin_bits(wanted);
  if (before == wanted) return;
  // Leaving maintenance, a checked server has no known health until its next check.
  checker_.set_paused(id.backend, id.server, wanted == AdminState::kMaint);
  changed(id);
  log_admin(id, before);
  note_backend(id.backend);
  settle();
}

void Fleet::set_health(ServerId id, health::State state) {
  is_forcing_ = true;
  checker_.force(id.backend, id.server, state);
  is_forcing_ = false;
  settle();
}

void Fleet::assume_health(ServerId id, health::State state) {
  origin_ = Origin::kElsewhere;
  checker_.assume(id.backend, id.server, state);
  origin_ = Origin::kHere;
  settle();
}

void Fleet::set_checks_enabled(ServerId id, bool enabled) {
  checker_.set_enabled(id.backend, id.server, enabled);
}

void Fleet::set_check_address(ServerId id, const SocketAddress& address) {
  checker_.set_check_address(id.backend, id.server, address);
}

void Fleet::set_check_port(ServerId id, std::uint16_t port) {
  checker_.set_check_port(id.backend, id.server, port);
}

void Fleet::change_weight(ServerId id, std::uint16_t weight) {
  if (std::exchange(state_of(id).weight, weight) == weight) return;
  if (origin_ == Origin::kElsewhere) log_weight(id);
  refresh(id);
  note_backend(id.backend);
  mark(id.backend);
  settle();
}

void Fleet::set_maxconn(ServerId id, std::uint32_t maxconn) {
  state_of(id).maxconn = maxconn;
  shared_.servers[id.backend][id.server].maxconn.store(maxconn, std::memory_order_relaxed);
  mark(id.backend);
  settle();
}

void Fleet::set_address(ServerId id, const SocketAddress& address) {
  state_of(id).address = address;
  checker_.set_address(id.backend, id.server, address);
  mark(id.backend);
  settle();
}

void Fleet::shutdown_sessions(ServerId id) {
  ++state_of(id).shutdowns;
  mark(id.backend);
  settle();
}

/// Health or administrative state of `id` is another now.
void Fleet::changed(ServerId id) {
  ServerState& state = state_of(id);
  const balance::ServerState now_is = balance_state(state, health(id));
  const bool is_unknown = health(id).state() == health::State::kStarting;
  if (now_is == balance::ServerState::kUp || now_is == balance::ServerState::kDrain) {
    if (state.is_out) come_back(id);
  } else if (!state.is_out && (now_is == balance::ServerState::kMaint || !is_unknown)) {
    go_out(id);
  }
  state.last_change = now();
  refresh(id);
  mark(id.backend);
}

void Fleet::come_back(ServerId id) {
  ServerState& state = state_of(id);
  state.downtime += now() - state.out_since;
  state.is_out = false;
  state.is_ramping = state.config->slowstart > Milliseconds::zero() && follows_weights(id.backend);
  state.ramp = {.up_since = now(), .duration = state.config->slowstart};
}

bool Fleet::is_last(ServerId id) const noexcept {
  const balance::Acting& acting = backends_[id.backend].state.acting;
  return is_usable(id) && acting.active + acting.backup <= 1;
}

/// A policy that keeps the first weight it sees must not see that of a slow start.
bool Fleet::follows_weights(BackendIndex backend) const {
  const balance::PolicyRow* row = balance::find_policy(backends_[backend].config->balance.policy);
  return row != nullptr && row->weights == balance::WeightUse::kFollowed;
}

void Fleet::go_out(ServerId id) {
  ServerState& state = state_of(id);
  state.is_out = true;
  state.out_since = now();
  state.is_ramping = false;
  if (state.config->on_marked_down == config::OnMarkedDown::kShutdownSessions) ++state.shutdowns;
}

balance::Standing Fleet::standing_of(ServerId id) const {
  const ServerState& state = server(id);
  return {.state = balance_state(state, health(id)),
          .weight = effective_weight(state, now()),
          .backup = state.config->backup};
}

void Fleet::refresh(ServerId id) {
  BackendEntry& entry = backends_[id.backend];
  entry.standings[id.server] = standing_of(id);
  entry.state.acting = balance::decide_acting(entry.standings, entry.config->allbackups);
}

/// Follows the backend as a whole, after its servers' changes were logged.
void Fleet::note_backend(BackendIndex index) {
  BackendEntry& entry = backends_[index];
  BackendState& state = entry.state;
  const bool is_up = state.acting.group != balance::Acting::Group::kNobody;
  if (is_up == state.is_up) return;
  if (is_up) {
    state.downtime += now() - state.last_change;
  } else {
    ++state.downs;
    log::error("{}", health::describe_empty_backend(entry.config->name));
  }
  state.is_up = is_up;
  state.last_change = now();
  // From now on /ready says so: whoever asks and then sends a request must not be the faster one.
  if (is_up) publish(index);
}

// ---- publishing --------------------------------------------------------------------------------

void Fleet::mark(BackendIndex index) {
  backends_[index].is_dirty = true;
  if (publish_at_) return;
  publish_at_ = now() + kPublishDelay;
  arm();
}

void Fleet::arm() {
  std::optional<Instant> next = publish_at_;
  for (const BackendEntry& entry : backends_)
    if (entry.next_step && (!next || *entry.next_step < *next)) next = entry.next_step;
  if (next) {
    alarm_.set(*next);
  } else {
    alarm_.clear();
  }
}

void Fleet::on_alarm() {
  for (BackendEntry& entry : backends_)
    if (entry.next_step && *entry.next_step <= now()) entry.is_dirty = true;
  flush();
}

/// After an operator's change: it should hold when the answer is read. A batch of them still waits
/// for its rest.
void Fleet::settle() {
  if (publish_at_ && now() >= published_at_ + kPublishDelay) flush();
}

void Fleet::flush() {
  publish_at_.reset();
  published_at_ = now();
  for (BackendIndex b = 0; b < backends_.size(); ++b)
    if (std::exchange(backends_[b].is_dirty, false)) publish(b);
  arm();
}

void Fleet::publish(BackendIndex index) {
  BackendEntry& entry = backends_[index];
  auto standing = std::make_shared<BackendStanding>();
  standing->servers.reserve(entry.servers.size());
  for (ServerIndex s = 0; s < entry.servers.size(); ++s) {
    const ServerState& state = entry.servers[s];
    standing->servers.push_back(
        {.weight = effective_weight(state, now()),
         .usable = entry.state.acting.usable(s, entry.standings[s]),
         .keeps_idle = entry.standings[s].state == balance::ServerState::kUp,
         .maxconn = state.maxconn,
         .address = state.address,
         .shutdowns = state.shutdowns});
  }
  plan_next_step(entry);
  data_plane_.publish(index, std::move(standing));
}

void Fleet::plan_next_step(BackendEntry& entry) {
  entry.next_step.reset();
  for (ServerState& state : entry.servers) {
    if (!state.is_ramping) continue;
    const std::optional<Instant> step = balance::next_step(state.ramp, now());
    state.is_ramping = step.has_value();
    if (step && (!entry.next_step || *step < *entry.next_step)) entry.next_step = step;
  }
  if (entry.next_step) entry.next_step = std::max(*entry.next_step, now() + kStepInterval);
}

}  // namespace tandem::lb::upstream
