#include "failover/metric_families.h"

#include "failover/daemon.h"
#include "failover/version.h"

#include <array>
#include <chrono>
#include <string>
#include <utility>

namespace tandem::failover {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<std::pair<std::string, std::string>>;

class Family {
 public:
  Family(std::string name, std::string help, MetricType type) {
    family_.name = "tandem_failover_" + std::move(name);
    family_.help = std::move(help);
    family_.type = type;
  }
  Family& add(const Labels& labels, double value) {
    ClientMetric metric;
    for (const auto& [name, text] : labels) metric.label.push_back({name, text});
    if (family_.type == MetricType::Counter)
      metric.counter.value = value;
    else
      metric.gauge.value = value;
    family_.metric.push_back(std::move(metric));
    return *this;
  }
  MetricFamily take() { return std::move(family_); }

 private:
  MetricFamily family_;
};

Family gauge(std::string name, std::string help) {
  return {std::move(name), std::move(help), MetricType::Gauge};
}
Family counter(std::string name, std::string help) {
  return {std::move(name) + "_total", std::move(help), MetricType::Counter};
}

double seconds(std::chrono::system_clock::time_point at) {
  return std::chrono::duration<double>(at.time_since_epoch()).count();
}

/// One sample for each router.
template <class Value>
MetricFamily each(const Daemon& daemon, Family family, Value value) {
  for (const auto& router : daemon.routers())
    family.add({{"group", router->router().name}}, static_cast<double>(value(*router)));
  return family.take();
}

MetricFamily states(const Daemon& daemon) {
  using enum machine::Role;
  Family family = gauge("state", "1 for the state the virtual router is in.");
  for (const auto& router : daemon.routers())
    for (const machine::Role role : {kInitialize, kBackup, kActive})
      family.add({{"group", router->router().name}, {"state", std::string(role_name(role))}},
                 router->state().role == role ? 1 : 0);
  return family.take();
}

MetricFamily owned(const Daemon& daemon) {
  Family family = gauge("vip_owned", "1 while this node has the address.");
  for (const auto& router : daemon.routers())
    for (const IpPrefix& vip : router->router().vips)
      family.add({{"group", router->router().name}, {"vip", vip.address.text()}},
                 router->is_holding() ? 1 : 0);
  return family.take();
}

MetricFamily transitions(const Daemon& daemon) {
  Family family = counter("transitions", "Changes of state, by what brought them about.");
  for (const auto& router : daemon.routers())
    for (const auto& [key, count] : router->figures().transitions)
      family.add({{"group", router->router().name},
                  {"from", std::string(key[0])},
                  {"to", std::string(key[1])},
                  {"reason", std::string(key[2])}},
                 static_cast<double>(count));
  return family.take();
}

MetricFamily priorities(const Daemon& daemon) {
  Family family = gauge("priority", "As configured, and after what is tracked; 0: no right.");
  for (const auto& router : daemon.routers())
    family.add({{"group", router->router().name}, {"kind", "base"}}, router->router().priority)
        .add({{"group", router->router().name}, {"kind", "effective"}}, router->right().priority);
  return family.take();
}

MetricFamily refused(const Daemon& daemon) {
  Family family = counter("adverts_refused", "Packets that were thrown away, by reason.");
  for (const auto& router : daemon.routers())
    for (const wire::Refusal refusal : wire::all_refusals())
      family.add(
          {{"group", router->router().name}, {"reason", std::string(wire::refusal_name(refusal))}},
          static_cast<double>(router->figures().refused[static_cast<std::size_t>(refusal)]));
  return family.take();
}

MetricFamily moves(const Daemon& daemon) {
  Family family =
      counter("moves", "Addresses that an operator moved away from here, or could not.");
  for (const auto& move : daemon.switchover().moves())
    for (const bool is_done : {true, false})
      family.add({{"group", move->router().router().name}, {"result", is_done ? "done" : "failed"}},
                 static_cast<double>(is_done ? move->counts().done : move->counts().failed));
  return family.take();
}

/// One sample for each router's moves.
template <class Value>
MetricFamily each_move(const Daemon& daemon, Family family, Value value) {
  for (const auto& move : daemon.switchover().moves())
    family.add({{"group", move->router().router().name}}, static_cast<double>(value(*move)));
  return family.take();
}

/// One sample for each router that has an actuator.
template <class Value>
MetricFamily each_actuator(const Daemon& daemon, Family family, Value value) {
  for (const auto& router : daemon.routers())
    if (router->actuator() != nullptr)
      family.add({{"group", router->router().name}},
                 static_cast<double>(value(*router->actuator())));
  return family.take();
}

MetricFamily actuations(const Daemon& daemon) {
  Family family = counter("actuations", "Runs of the actuator's programs, by how they ended.");
  for (const auto& router : daemon.routers())
    for (const auto& [key, count] : router->figures().actuator.runs)
      family.add({{"group", router->router().name},
                  {"action", std::string(key.first)},
                  {"result", std::string(key.second)}},
                 static_cast<double>(count));
  return family.take();
}

MetricFamily tracked(const Daemon& daemon) {
  Family family = gauge("track_ok", "1 while what is tracked is well.");
  for (const machine::Tracked& one : daemon.tracking().all())
    family.add({{"check", one.name}}, one.is_ok ? 1 : 0);
  return family.take();
}

MetricFamily runs(const Daemon& daemon, bool failed) {
  Family family = failed ? counter("script_failures", "Runs of tracking scripts that failed.")
                         : counter("script_runs", "Runs of tracking scripts.");
  for (const auto& script : daemon.tracking().scripts())
    family.add({{"check", script->tracked().name}},
               static_cast<double>(failed ? script->counts().failures : script->counts().runs));
  return family.take();
}

/// One sample for each link to another node.
template <class Value>
MetricFamily each_peer(const Daemon& daemon, Family family, Value value) {
  for (const auto& link : daemon.peers().links())
    family.add({{"peer", link->peer_node()}}, static_cast<double>(value(*link)));
  return family.take();
}

MetricFamily sync_entries(const Daemon& daemon) {
  using enum ServerSettings::Table;
  Family family = gauge("sync_entries", "Servers of which something is known, by what it is.");
  for (const ServerSettings::Table table : {kAdmin, kWeight, kHealth, kPeerHealth})
    family.add({{"table", std::string(table_name(table))}},
               static_cast<double>(daemon.sharing().settings().count(table)));
  return family.take();
}

double round_trip(const peer::PeerLink& link) {
  const auto measured = link.session() != nullptr ? link.session()->round_trip() : std::nullopt;
  return measured ? std::chrono::duration<double>(*measured).count() : 0;
}

double gap(const VirtualRouter& router) {
  if (!router.heard()) return 0;
  return std::chrono::duration<double>(Clock::now() - router.heard()->at).count();
}

}  // namespace

std::vector<MetricFamily> metric_families(const Daemon& daemon) {
  using Router = VirtualRouter;
  std::vector<MetricFamily> families;
  families.push_back(gauge("build_info", "Always 1.").add({{"version", kVersion}}, 1).take());
  families.push_back(gauge("config_info", "Always 1; the hash is of the files' texts.")
                         .add({{"hash", daemon.config_hash()}}, 1)
                         .take());
  families.push_back(gauge("guard_up", "1 while the guard stands that withdraws for a dead daemon.")
                         .add({}, daemon.guard().is_standing() ? 1 : 0)
                         .take());
  families.push_back(states(daemon));
  families.push_back(owned(daemon));
  families.push_back(priorities(daemon));
  families.push_back(transitions(daemon));
  families.push_back(
      each(daemon, gauge("last_transition_timestamp_seconds", "When the state last changed."),
           [](const Router& r) { return seconds(r.figures().last_transition); }));
  families.push_back(each(
      daemon, gauge("takeover_duration_seconds", "Of the last takeover, decision to announcement."),
      [](const Router& r) { return std::chrono::duration<double>(r.figures().takeover).count(); }));
  families.push_back(each(daemon, counter("adverts_sent", "Adverts sent."),
                          [](const Router& r) { return r.figures().adverts_sent; }));
  families.push_back(each(daemon, counter("adverts_received", "Valid adverts received."),
                          [](const Router& r) { return r.figures().adverts_received; }));
  families.push_back(refused(daemon));
  families.push_back(each(daemon, counter("adverts_unread", "Packets lost before they were read."),
                          [](const Router& r) {
                            const auto counters = r.link().counters();
                            return counters.unread + counters.unread_suspect + counters.unreadable;
                          }));
  families.push_back(each(daemon, counter("advert_send_failures", "Adverts that were not sent."),
                          [](const Router& r) { return r.figures().send_failures; }));
  families.push_back(each(daemon, counter("farewells_sent", "Adverts of priority 0 sent."),
                          [](const Router& r) { return r.figures().farewells_sent; }));
  families.push_back(each(daemon, counter("farewells_received", "Adverts of priority 0 received."),
                          [](const Router& r) { return r.figures().farewells_received; }));
  families.push_back(each(
      daemon, gauge("advert_gap_seconds", "Since another node was last heard; 0: never."), gap));
  families.push_back(each(
      daemon,
      gauge("advert_clock_ahead_seconds",
            "By how much the clock of the node heard last is ahead; 0: adverts have no seals."),
      [](const Router& r) { return r.seals() == nullptr ? 0 : r.seals()->clock_ahead_seconds(); }));
  families.push_back(
      each(daemon, counter("two_masters_detected", "Adverts heard from another while active."),
           [](const Router& r) { return r.figures().two_masters; }));
  families.push_back(each(daemon, counter("garp_sent", "Gratuitous ARP requests sent."),
                          [](const Router& r) { return r.announcer().counts().arp_sent; }));
  families.push_back(each(daemon,
                          counter("neighbour_advertisements_sent", "Unsolicited ones sent."),
                          [](const Router& r) { return r.announcer().counts().neighbour_sent; }));
  families.push_back(each(daemon,
                          counter("addresses_put_back", "Addresses somebody had taken away."),
                          [](const Router& r) { return r.addresses().counts().put_back; }));
  families.push_back(
      each(daemon, counter("addresses_withdrawn", "Addresses that were there without right."),
           [](const Router& r) { return r.addresses().counts().withdrawn; }));
  families.push_back(each(daemon, counter("lease_failures", "Leases that could not be renewed."),
                          [](const Router& r) { return r.figures().lease_failures; }));
  families.push_back(moves(daemon));
  families.push_back(each_move(
      daemon,
      gauge("connections_retained", "Connections that go on here while the address is elsewhere."),
      [](const PlannedMove& m) { return m.connections_retained(); }));
  families.push_back(each_move(daemon,
                               counter("connections_cut", "Of these, those that had to end."),
                               [](const PlannedMove& m) { return m.counts().cut; }));
  families.push_back(
      each_move(daemon, counter("packets_handed_back", "Packets of older connections, returned."),
                [](const PlannedMove& m) { return m.counts().handed_back; }));
  families.push_back(gauge("second_chance", "1 unless a planned move has to break connections.")
                         .add({}, daemon.switchover().trouble().empty() ? 1 : 0)
                         .take());
  families.push_back(each_peer(daemon, gauge("peer_up", "1 while the link to the node stands."),
                               [](const peer::PeerLink& l) { return l.is_up() ? 1 : 0; }));
  families.push_back(each_peer(
      daemon, gauge("peer_config_match", "0 while the node is there with another configuration."),
      [&](const peer::PeerLink& l) { return daemon.peers().has_same_config(l) ? 1 : 0; }));
  families.push_back(each_peer(
      daemon, gauge("peer_round_trip_seconds", "To the node and back; 0: not known."), round_trip));
  families.push_back(each_peer(
      daemon, counter("peer_handshake_failures", "Those that could not prove who they are."),
      [](const peer::PeerLink& l) { return l.counters().handshake_failures; }));
  families.push_back(
      each_peer(daemon, counter("peer_let_gos_received", "Addresses that the node let go of."),
                [](const peer::PeerLink& l) { return l.counters().let_gos_received; }));
  families.push_back(sync_entries(daemon));
  families.push_back(
      counter("sync_refused", "Settings of servers that could not be, or were too many.")
          .add({}, static_cast<double>(daemon.sharing().settings().refused()))
          .take());
  families.push_back(each_peer(
      daemon, gauge("sync_lag_seconds", "Since the node was told what it has not taken yet."),
      [&](const peer::PeerLink& l) {
        return std::chrono::duration<double>(daemon.sharing().lag(l.peer_node())).count();
      }));
  families.push_back(
      each_peer(daemon, counter("sync_resyncs", "How often the node was told everything."),
                [&](const peer::PeerLink& l) { return daemon.sharing().resyncs(l.peer_node()); }));
  families.push_back(counter("notify_runs", "Runs of the program that is notified.")
                         .add({}, static_cast<double>(daemon.notifier().counts().runs))
                         .take());
  families.push_back(counter("notify_failures", "Of these, those that failed, and changes untold.")
                         .add({}, static_cast<double>(daemon.notifier().counts().failures))
                         .take());
  families.push_back(actuations(daemon));
  families.push_back(each_actuator(
      daemon, gauge("actuation_duration_seconds", "Of the last acquisition, until it was proven."),
      [](const Actuator& a) { return std::chrono::duration<double>(a.figures().took).count(); }));
  families.push_back(each_actuator(
      daemon,
      gauge("actuator_ok",
            "0 while the network is not known to send an active node its addresses."),
      [](const Actuator& a) { return a.plan().is_to_have() && !a.plan().is_done() ? 0 : 1; }));
  families.push_back(each_actuator(
      daemon,
      counter("actuator_moved_away", "Addresses that others were found to have been given."),
      [](const Actuator& a) { return a.figures().moved_away; }));
  families.push_back(tracked(daemon));
  families.push_back(runs(daemon, false));
  families.push_back(runs(daemon, true));
  return families;
}

}  // namespace tandem::failover
