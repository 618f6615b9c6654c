// What the checker does about agents. One that cannot be asked changes nothing: it only adds to
// what checks find. What it says of health counts at once, as in HAProxy.
#include "lb/health/checker_entry.h"

#include <utility>

namespace tandem::lb::health {
namespace {

void set_question(config::Check& question, std::string text) {
  question.steps.clear();
  if (!text.empty()) question.steps.push_back({config::CheckStep::Kind::kSend, std::move(text)});
}

}  // namespace

std::unique_ptr<Checker::Entry::AgentWay> Checker::Entry::way_to(
    const std::optional<config::Agent>& agent) {
  if (!agent) return nullptr;
  auto way = std::make_unique<AgentWay>();
  way->address = agent->address;
  way->port = agent->port;
  way->question.type = config::Check::Type::kAgent;
  set_question(way->question, agent->send);
  return way;
}

void Checker::inherit_agent(Entry& entry, Entry& before, const AgentHealth& fresh) {
  const std::optional<config::Agent>& agent = entry.server->agent;
  const bool is_same =
      agent && agent == before.server->agent && entry.server->address == before.server->address;
  if (is_same) {
    entry.agent_way = std::move(before.agent_way);
    entry.agent.due = before.agent.due;
    return;
  }
  const bool was_enabled = entry.health.agent.is_enabled;
  entry.health.agent = fresh;
  if (before.server->agent) entry.health.agent.is_enabled = was_enabled;
}

// ---- asking ------------------------------------------------------------------------------------

void Checker::start_agent_probe(Entry& entry) {
  ++in_flight_;
  entry.health.agent.in_progress = true;
  // Plain and without a PROXY header, whatever the server speaks: as HAProxy.
  const ProbeTarget target{.address = entry.agent_target(),
                           .check = &entry.agent_way->question,
                           .timeout = entry.backend->timeouts.check};
  entry.agent.probe = prober_.start(
      target, [this, &entry](Result result) { finish_agent_probe(entry, std::move(result)); });
}

void Checker::finish_agent_probe(Entry& entry, Result result) {
  entry.agent.probe.reset();
  --in_flight_;
  AgentHealth& agent = entry.health.agent;
  agent.in_progress = false;
  const std::shared_ptr<const AgentReply> reply = result.agent;
  const bool is_heard = reply != nullptr && reply->is_whole;
  if (reply != nullptr && !reply->is_whole) result.status = agent.last.status;
  if (!is_heard && result.status != Status::kSockErr) ++agent.failures;
  if (is_heard) {
    // Before its other wishes: what leaves maintenance looks at it.
    if (reply->is_up) agent.is_up = *reply->is_up;
    std::string trouble;
    if (callbacks_.on_agent && (reply->admin || reply->maxconn || !reply->weight.empty()))
      trouble = callbacks_.on_agent(entry.backend_index, entry.server_index, *reply);
    result.description = clean_description(describe(*reply, trouble));
  }
  agent.last = std::move(result);
  if (is_heard && reply->is_up) obey_agent(entry, *reply->is_up);
  schedule_next(entry, Kind::kAgent);
  arm();  // a place among the probes in flight is free
}

void Checker::obey_agent(Entry& entry, bool is_up) {
  ServerHealth& health = entry.health;
  const State before = health.state();
  health.agent.holds_down = !is_up;
  // Where nothing is checked and nobody was ejected, it alone knows of the server: "set server …
  // health down" holds until it says otherwise.
  const bool knows_best =
      !(health.is_checked && health.is_enabled) && entry.check.due == Instant::max();
  if (is_up && knows_best && health.verdict.state() == State::kDown)
    (void)health.verdict.force(State::kUp);
  note_change(entry, before, Kind::kAgent);
}

// ---- commands ----------------------------------------------------------------------------------

void Checker::set_agent_enabled(BackendIndex backend, ServerIndex server, bool enabled) {
  Entry& which = entry(backend, server);
  AgentHealth& agent = which.health.agent;
  if (!agent.is_configured || agent.is_enabled == enabled) return;
  agent.is_enabled = enabled;
  if (enabled) return run_now(which, Kind::kAgent);
  give_up_probe(which, Kind::kAgent);
  unschedule(which, Kind::kAgent);
}

void Checker::force_agent(BackendIndex backend, ServerIndex server, bool up) {
  Entry& which = entry(backend, server);
  if (!which.health.agent.counts()) return;
  which.health.agent.is_up = up;
  obey_agent(which, up);
}

void Checker::set_agent_address(BackendIndex backend, ServerIndex server,
                                const SocketAddress& address) {
  Entry& which = entry(backend, server);
  if (!which.agent_way) return;
  which.agent_way->address = address;
  run_now(which, Kind::kAgent);
}

void Checker::set_agent_port(BackendIndex backend, ServerIndex server, std::uint16_t port) {
  Entry& which = entry(backend, server);
  if (!which.agent_way) return;
  which.agent_way->port = port;
  run_now(which, Kind::kAgent);
}

void Checker::set_agent_send(BackendIndex backend, ServerIndex server, std::string text) {
  Entry& which = entry(backend, server);
  if (!which.agent_way) return;
  give_up_probe(which, Kind::kAgent);  // it refers to the question
  set_question(which.agent_way->question, std::move(text));
  run_now(which, Kind::kAgent);
}

std::optional<SocketAddress> Checker::agent_address(BackendIndex backend,
                                                    ServerIndex server) const {
  const Entry& which = entry(backend, server);
  return which.agent_way ? which.agent_way->address : std::nullopt;
}

std::uint16_t Checker::agent_port(BackendIndex backend, ServerIndex server) const {
  const Entry& which = entry(backend, server);
  return which.agent_way ? which.agent_way->port : std::uint16_t{0};
}

}  // namespace tandem::lb::health
