#include "lb/health/checker.h"

#include "common/check.h"
#include "lb/health/checker_entry.h"
#include "lb/health/schedule.h"

#include <algorithm>
#include <map>
#include <span>
#include <utility>

namespace tandem::lb::health {

namespace {

constexpr auto kLater = [](const auto& a, const auto& b) { return a.at > b.at; };

ServerHealth first_health(const config::Server& server, Instant now) {
  ServerHealth health;
  health.is_checked = server.check;
  health.last_change = now;
  if (server.check) {
    health.verdict = Verdict::starting(server.rise, server.fall);
    health.last.status = Status::kInitializing;
  }
  health.agent.is_configured = server.agent.has_value();
  if (server.agent) health.agent.last.status = Status::kInitializing;
  return health;
}

}  // namespace

Checker::Checker(Prober& prober, Alarm& alarm, Callbacks callbacks, std::uint64_t seed)
    : prober_(prober), alarm_(alarm), callbacks_(std::move(callbacks)), random_(seed) {
  alarm_.on_alarm([this] { run_due(); });
}

Checker::~Checker() {
  alarm_.clear();
  alarm_.on_alarm(nullptr);
}

// ---- snapshots ---------------------------------------------------------------------------------

void Checker::configure(std::shared_ptr<const config::Snapshot> snapshot) {
  for (Entry& entry : entries_) {
    give_up_probe(entry, Kind::kCheck);
    give_up_probe(entry, Kind::kAgent);
  }
  std::vector<Entry> before = std::exchange(entries_, {});
  const auto snapshot_before =
      std::exchange(snapshot_, std::move(snapshot));  // `before` refers to it
  make_entries();
  adopt(before);
  schedule_all();
}

void Checker::make_entries() {
  const Instant now = alarm_.now();
  first_of_backend_.clear();
  for (BackendIndex b = 0; b < snapshot_->backends.size(); ++b) {
    const config::Backend& backend = snapshot_->backends[b];
    first_of_backend_.push_back(static_cast<std::uint32_t>(entries_.size()));
    for (ServerIndex s = 0; s < backend.servers.size(); ++s) {
      Entry& entry = entries_.emplace_back();
      entry.backend = &backend;
      entry.server = &backend.servers[s];
      entry.backend_index = b;
      entry.server_index = s;
      entry.address = entry.server->address;
      entry.check_address = entry.server->check_address;
      entry.check_port = entry.server->check_port;
      entry.agent_way = Entry::way_to(entry.server->agent);
      entry.health = first_health(*entry.server, now);
    }
  }
}

void Checker::adopt(std::vector<Entry>& before) {
  std::map<std::pair<std::string_view, std::string_view>, Entry*> known;
  for (Entry& entry : before) known[{entry.backend->name, entry.server->name}] = &entry;
  for (Entry& entry : entries_) {
    const auto place = known.find({entry.backend->name, entry.server->name});
    if (place != known.end()) inherit(entry, *place->second);
  }
}

void Checker::inherit(Entry& entry, Entry& before) {
  const bool is_checked = entry.server->check;
  const bool was_checked = before.server->check;
  const bool same_address = entry.server->address == before.server->address;
  const ServerHealth fresh = std::exchange(entry.health, std::move(before.health));
  ServerHealth& health = entry.health;
  health.is_checked = is_checked;
  if (!same_address || (was_checked && !is_checked)) {
    // Another machine, or nobody left who could tell: counters stay, knowledge does not.
    health.downtime = health.downtime_at(alarm_.now());
    health.verdict = fresh.verdict;
    health.basis = fresh.basis;
    health.last = fresh.last;
    health.last_change = fresh.last_change;
    if (!health.is_enabled) (void)health.verdict.force(State::kUp);
  } else if (is_checked && !was_checked) {
    // Checks are new, the server is not: what has traffic keeps it until the first result.
    const bool was_usable = health.is_usable();
    health.verdict = fresh.verdict;
    (void)(was_usable ? health.verdict.force_probation() : health.verdict.force(State::kDown));
    health.last = fresh.last;
  } else if (is_checked && (entry.server->rise != before.server->rise ||
                            entry.server->fall != before.server->fall)) {
    health.verdict.set_limits(entry.server->rise, entry.server->fall);
  }
  inherit_agent(entry, before, fresh.agent);
  entry.ejection = before.ejection;
  if (!same_address) return;
  entry.address = before.address;
  if (entry.server->check_address == before.server->check_address) {
    entry.check_address = before.check_address;
  }
  if (entry.server->check_port == before.server->check_port) entry.check_port = before.check_port;
  if (is_checked == was_checked) entry.check.due = before.check.due;
}

void Checker::schedule_all() {
  due_.clear();
  std::size_t position = 0;
  for (Entry& entry : entries_) {
    const Instant check = std::exchange(entry.check.due, Instant::max());
    const Instant agent = std::exchange(entry.agent.due, Instant::max());
    if (entry.may_run(Kind::kAgent)) {
      const Milliseconds inter = entry.server->agent->inter;
      const Instant first = alarm_.now() + first_delay(inter, position, entries_.size());
      schedule(entry, Kind::kAgent, agent == Instant::max() ? first : agent);
    }
    if (entry.health.is_checked) {
      schedule_first(entry, check, first_delay(entry.server->inter, position, entries_.size()));
    } else if (check != Instant::max()) {
      schedule(entry, Kind::kCheck, check);  // the end of an ejection
    }
    if (entry.health.is_checked || entry.server->agent) ++position;
  }
  arm();
}

void Checker::schedule_first(Entry& entry, Instant inherited, Duration first) {
  if (!entry.may_be_checked()) return;
  // A longer interval of old must not hold back a shorter one of now.
  const Instant latest = alarm_.now() + interval(*entry.server, entry.health.verdict);
  const bool is_known = entry.health.last.status != Status::kInitializing;
  schedule(entry, Kind::kCheck, is_known ? std::min(inherited, latest) : alarm_.now() + first);
}

// ---- when --------------------------------------------------------------------------------------

void Checker::schedule(Entry& entry, Kind kind, Instant at) {
  Entry::Task& task = entry.task(kind);
  task.due = at;
  const auto index = static_cast<std::uint32_t>(&entry - entries_.data());
  due_.push_back({at, index, kind, ++task.generation});
  std::ranges::push_heap(due_, kLater);
  if (due_.size() > 4 * entries_.size() + 64) drop_void_dues();
  if (at < armed_for_) arm();
}

void Checker::schedule_next(Entry& entry, Kind kind) {
  if (!entry.may_run(kind) || entry.task(kind).probe != nullptr) return;
  const Instant at =
      alarm_.now() + (kind == Kind::kAgent
                          ? next_delay(entry.server->agent->inter, random_)
                          : next_delay(*entry.server, entry.health.verdict, random_));
  if (at < entry.task(kind).due) schedule(entry, kind, at);
}

void Checker::unschedule(Entry& entry, Kind kind) {
  entry.task(kind).due = Instant::max();
  ++entry.task(kind).generation;
}

void Checker::give_up_probe(Entry& entry, Kind kind) {
  Entry::Task& task = entry.task(kind);
  if (task.probe == nullptr) return;
  task.probe.reset();
  task.due = alarm_.now();
  (kind == Kind::kCheck ? entry.health.in_progress : entry.health.agent.in_progress) = false;
  --in_flight_;
}

void Checker::run_now(Entry& entry, Kind kind) {
  give_up_probe(entry, kind);
  if (entry.may_run(kind)) schedule(entry, kind, alarm_.now());
}

bool Checker::is_void(const Due& due) {
  return due.generation != entries_[due.entry].task(due.kind).generation;
}

void Checker::drop_void_dues() {
  std::erase_if(due_, [this](const Due& due) { return is_void(due); });
  std::ranges::make_heap(due_, kLater);
}

void Checker::arm() {
  while (!due_.empty() && is_void(due_.front())) {
    std::ranges::pop_heap(due_, kLater);
    due_.pop_back();
  }
  if (due_.empty() || in_flight_ >= kProbesInFlightMax) {
    armed_for_ = Instant::max();
    return alarm_.clear();
  }
  armed_for_ = due_.front().at;
  alarm_.set(armed_for_);
}

// ---- checks ------------------------------------------------------------------------------------

void Checker::run_due() {
  const Instant now = alarm_.now();
  while (!due_.empty() && due_.front().at <= now && in_flight_ < kProbesInFlightMax) {
    const Due due = due_.front();
    std::ranges::pop_heap(due_, kLater);
    due_.pop_back();
    if (is_void(due)) continue;
    Entry& entry = entries_[due.entry];
    unschedule(entry, due.kind);
    if (due.kind == Kind::kAgent) {
      start_agent_probe(entry);
    } else if (entry.health.is_checked) {
      start_probe(entry);
    } else {
      come_back(entry);
    }
  }
  arm();
}

void Checker::start_probe(Entry& entry) {
  ++in_flight_;
  entry.health.in_progress = true;
  const ProbeTarget target{.address = entry.target(),
                           .check = &entry.backend->check,
                           .timeout = entry.backend->timeouts.check,
                           .send_proxy = entry.send_proxy(),
                           .tls = entry.encryption()};
  // The probe dies with its entry, so the reference outlives every call.
  entry.check.probe = prober_.start(
      target, [this, &entry](Result result) { finish_probe(entry, std::move(result)); });
}

void Checker::finish_probe(Entry& entry, Result result) {
  entry.check.probe.reset();
  entry.health.in_progress = false;
  --in_flight_;
  entry.health.last = std::move(result);
  const Result& last = entry.health.last;
  // Our own lack of descriptors or ports says nothing about the server. HAProxy counts it, and a
  // balancer that runs out of descriptors then takes all its servers down.
  if (last.status != Status::kSockErr) step(entry, last.passed());
  if (callbacks_.on_result) {
    callbacks_.on_result(entry.backend_index, entry.server_index, entry.health.last);
  }
  schedule_next(entry, Kind::kCheck);
  arm();  // a place among the probes in flight is free
}

void Checker::step(Entry& entry, bool passed) {
  ServerHealth& health = entry.health;
  const State before = health.state();
  const bool counts_as_failure =
      health.verdict.state() != State::kDown || health.verdict.health() > 0;
  if (!passed && counts_as_failure) ++health.failures;
  const bool is_another = health.verdict.step(passed);
  if (is_another || health.basis == Basis::kWord) health.basis = Basis::kChecks;
  // An agent that is asked no more cannot take back what it said: the checks do, as in HAProxy.
  if (passed && health.verdict.is_usable() && !health.agent.counts())
    health.agent.holds_down = false;
  note_change(entry, before);
}

/// After anything that may have made another state of `before`.
void Checker::note_change(Entry& entry, State before, Kind by) {
  ServerHealth& health = entry.health;
  if (health.state() == before) return;
  const Instant now = alarm_.now();
  if (before == State::kDown) health.downtime += now - health.last_change;
  if (health.state() == State::kDown) ++health.downs;
  health.last_change = now;
  health.is_by_agent = by == Kind::kAgent;
  if (callbacks_.on_change) {
    callbacks_.on_change(entry.backend_index, entry.server_index, health);
  }
}

// ---- commands ----------------------------------------------------------------------------------

Checker::Entry& Checker::entry(BackendIndex backend, ServerIndex server) {
  return const_cast<Entry&>(std::as_const(*this).entry(backend, server));
}

const Checker::Entry& Checker::entry(BackendIndex backend, ServerIndex server) const {
  TANDEM_CHECK(backend < first_of_backend_.size());
  TANDEM_CHECK(server < snapshot_->backends[backend].servers.size());
  return entries_[first_of_backend_[backend] + server];
}

const ServerHealth& Checker::health(BackendIndex backend, ServerIndex server) const {
  return entry(backend, server).health;
}

void Checker::set_enabled(BackendIndex backend, ServerIndex server, bool enabled) {
  Entry& which = entry(backend, server);
  if (!which.health.is_checked || which.health.is_enabled == enabled) return;
  which.health.is_enabled = enabled;
  if (enabled) return run_now(which, Kind::kCheck);
  give_up_probe(which, Kind::kCheck);
  unschedule(which, Kind::kCheck);
  if (which.health.verdict.state() != State::kStarting) return;
  const State before = which.health.state();
  (void)which.health.verdict.force(State::kUp);
  which.health.basis = Basis::kCommand;
  note_change(which, before);
}

void Checker::set_paused(BackendIndex backend, ServerIndex server, bool paused) {
  Entry& which = entry(backend, server);
  ServerHealth& health = which.health;
  if (health.is_paused == paused) return;
  health.is_paused = paused;
  give_up_probe(which, Kind::kCheck);
  unschedule(which, Kind::kCheck);
  if (paused) return;
  const State before = health.state();
  health.agent.holds_down = health.agent.counts() && !health.agent.is_up;
  if (health.is_checked && health.is_enabled) {
    health.verdict.restart();
    health.basis = Basis::kChecks;
  } else {
    (void)health.verdict.force(State::kUp);  // nobody would ever find out
  }
  note_change(which, before);
  run_now(which, Kind::kCheck);
}

void Checker::set_address(BackendIndex backend, ServerIndex server, const SocketAddress& address) {
  Entry& which = entry(backend, server);
  const SocketAddress before = which.target();
  const bool is_other = !(which.address == address);
  which.address = address;
  if (!(which.target() == before)) run_now(which, Kind::kCheck);
  if (is_other && which.agent_way && !which.agent_way->address) run_now(which, Kind::kAgent);
}

void Checker::set_check_address(BackendIndex backend, ServerIndex server,
                                const SocketAddress& address) {
  Entry& which = entry(backend, server);
  which.check_address = address;
  run_now(which, Kind::kCheck);
}

void Checker::set_check_port(BackendIndex backend, ServerIndex server, std::uint16_t port) {
  Entry& which = entry(backend, server);
  which.check_port = port;
  run_now(which, Kind::kCheck);
}

SocketAddress Checker::check_address(BackendIndex backend, ServerIndex server) const {
  return entry(backend, server).target();
}

void Checker::force(BackendIndex backend, ServerIndex server, State state) {
  Entry& which = entry(backend, server);
  const State before = which.health.state();
  if (!which.health.is_checked)
    unschedule(which, Kind::kCheck);  // an ejection that would end by itself
  if (state != State::kStarting) which.health.basis = Basis::kCommand;
  if (state == State::kUp || state == State::kStopping) which.health.agent.holds_down = false;
  (void)which.health.verdict.force(state);
  note_change(which, before);
  schedule_next(which, Kind::kCheck);
}

void Checker::assume(BackendIndex backend, ServerIndex server, State state) {
  Entry& which = entry(backend, server);
  const State before = which.health.state();
  const bool is_open =
      which.health.verdict.state() == State::kStarting || which.health.basis == Basis::kWord;
  if (!which.may_be_checked() || !is_open) return;
  which.health.basis = Basis::kWord;
  (void)which.health.verdict.assume(state);
  note_change(which, before);
}

// ---- live traffic ------------------------------------------------------------------------------

void Checker::note_errors(BackendIndex backend, ServerIndex server, std::string_view what,
                          bool is_last) {
  Entry& which = entry(backend, server);
  ServerHealth& health = which.health;
  if (which.server->observe == config::Observe::kNone || !health.is_usable()) return;
  if (health.is_paused || (health.is_checked && !health.is_enabled)) return;
  ++health.passive_failures;
  if (health.is_checked) {
    act_on_errors(which, what);
  } else {
    eject(which, what, is_last);
  }
}

void Checker::act_on_errors(Entry& entry, std::string_view what) {
  switch (entry.server->on_error) {
    case config::OnError::kFastinter:
      break;
    case config::OnError::kSuddenDeath:
      entry.health.verdict.lower_to_last_but_one();
      conclude_failure(entry, what);
      break;
    case config::OnError::kFailCheck:
      conclude_failure(entry, what);
      break;
    case config::OnError::kMarkDown:
      entry.health.verdict.lower_to_last();
      conclude_failure(entry, what);
      break;
  }
  // Whatever the action, the next check comes soon.
  const Instant soon = alarm_.now() + std::max(entry.server->fastinter, kIntervalMin);
  if (entry.may_be_checked() && entry.check.probe == nullptr && soon < entry.check.due)
    schedule(entry, Kind::kCheck, soon);
}

void Checker::conclude_failure(Entry& entry, std::string_view what) {
  entry.health.last = {.status = Status::kHana, .description = clean_description(what)};
  step(entry, false);
}

void Checker::eject(Entry& entry, std::string_view what, bool is_last) {
  // Some answers are better than none: the last server stays, however many errors it makes.
  if (entry.server->on_error == config::OnError::kFastinter || is_last) return;
  const Duration base = std::max<Duration>(entry.server->downinter, kIntervalMin);
  schedule(entry, Kind::kCheck, entry.ejection.eject(alarm_.now(), base));
  conclude_failure(entry, what);
}

void Checker::come_back(Entry& entry) {
  const State before = entry.health.state();
  (void)entry.health.verdict.force_probation();
  note_change(entry, before);
}

}  // namespace tandem::lb::health
