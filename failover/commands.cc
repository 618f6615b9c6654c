#include "failover/commands.h"

#include "failover/daemon.h"
#include "failover/sharing_report.h"
#include "failover/version.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <ranges>

namespace tandem::failover {
namespace {

using Json = nlohmann::ordered_json;

double seconds_since(Instant at) {
  return std::chrono::duration<double>(Clock::now() - at).count();
}

std::vector<std::string> texts(const std::vector<IpPrefix>& prefixes) {
  std::vector<std::string> texts;
  for (const IpPrefix& prefix : prefixes) texts.push_back(prefix.text());
  return texts;
}

std::string seal_words(const config::Settings& settings) {
  if (!settings.auth) return "";
  std::string words = fmt::format(", sealed with key {}", settings.auth->keys.front().id);
  for (const config::AuthKey& key : settings.auth->keys | std::views::drop(1))
    words += fmt::format(", taken with {} too", key.id);
  return words;
}

std::string heard_words(const VirtualRouter& router) {
  const auto& heard = router.heard();
  if (!heard) return "nobody heard";
  return fmt::format("heard {} with priority {}, {:.3f} s ago", heard->from.text(), heard->priority,
                     seconds_since(heard->at));
}

std::string_view holding_words(const VirtualRouter& router) {
  if (!router.is_local()) return "not local";
  return system::holding_name(router.addresses().holding());
}

std::string router_lines(const VirtualRouter& router) {
  const RouterFigures& figures = router.figures();
  std::string out = fmt::format(
      "router {} vrid {}: {} since {} ({})\n"
      "  addresses {} {}\n"
      "  priority {}\n"
      "  adverts sent {}, received {}; {}\n",
      router.router().name, router.router().vrid, machine::role_name(router.state().role),
      format_time(figures.last_transition), machine::reason_name(router.reason()),
      fmt::join(texts(router.router().vips), " "), holding_words(router), router.right().why,
      figures.adverts_sent, figures.adverts_received, heard_words(router));
  if (router.actuator() != nullptr)
    out += fmt::format("  actuator: {}\n", router.actuator()->words());
  return out;
}

Json router_json(const VirtualRouter& router) {
  const RouterFigures& figures = router.figures();
  Json json = {{"name", router.router().name},
               {"vrid", router.router().vrid},
               {"state", machine::role_name(router.state().role)},
               {"since", format_time(figures.last_transition)},
               {"reason", machine::reason_name(router.reason())},
               {"vips", texts(router.router().vips)},
               {"holding", holding_words(router)},
               {"base_priority", router.router().priority},
               {"priority", router.right().priority},
               {"priority_why", router.right().why},
               {"adverts_sent", figures.adverts_sent},
               {"adverts_received", figures.adverts_received}};
  if (const auto& heard = router.heard())
    json["heard"] = {{"from", heard->from.text()},
                     {"priority", heard->priority},
                     {"seconds_ago", seconds_since(heard->at)}};
  if (const Actuator* actuator = router.actuator(); actuator != nullptr)
    json["actuator"] = {{"state", actuator->state()},
                        {"words", actuator->words()},
                        {"fault", actuator->plan().fault()}};
  return json;
}

std::string peer_lines(const Daemon& daemon, const peer::PeerLink& link) {
  if (!link.is_up()) return fmt::format("peer {}: {}\n", link.peer_node(), link.trouble());
  std::string out =
      fmt::format("peer {}: up, {} configuration, as of {:.3f} s ago\n", link.peer_node(),
                  daemon.peers().has_same_config(link) ? "the same" : "ANOTHER",
                  seconds_since(link.session()->as_of()));
  for (const peer::RouterStatus& router : link.session()->status().routers)
    out += fmt::format("  router {}: {}, priority {}\n", router.name,
                       machine::role_name(router.role), router.reason);
  return out;
}

Json peer_json(const Daemon& daemon, const peer::PeerLink& link) {
  Json json = {{"name", link.peer_node()}, {"up", link.is_up()}};
  if (!link.is_up()) {
    json["trouble"] = link.trouble();
    return json;
  }
  json["config_hash"] = link.session()->hello().config_hash;
  json["same_config"] = daemon.peers().has_same_config(link);
  json["as_of_seconds_ago"] = seconds_since(link.session()->as_of());
  if (const auto round_trip = link.session()->round_trip())
    json["round_trip_seconds"] = std::chrono::duration<double>(*round_trip).count();
  json["routers"] = Json::array();
  for (const peer::RouterStatus& router : link.session()->status().routers)
    json["routers"].push_back({{"name", router.name},
                               {"state", machine::role_name(router.role)},
                               {"priority", router.priority},
                               {"priority_why", router.reason}});
  return json;
}

std::string describe_as_json(const Daemon& daemon) {
  Json json = {{"node", daemon.settings().self.name},
               {"version", kVersion},
               {"config_hash", daemon.config_hash()},
               {"interface", daemon.settings().interface},
               {"guard", daemon.guard().is_standing()},
               {"routers", Json::array()},
               {"peers", Json::array()},
               {"tracked", Json::array()}};
  if (const auto& auth = daemon.settings().auth; auth)
    for (const config::AuthKey& key : auth->keys) json["auth_keys"].push_back(key.id);
  for (const auto& router : daemon.routers()) json["routers"].push_back(router_json(*router));
  json["servers"] = sharing_json(daemon);
  for (const auto& link : daemon.peers().links()) json["peers"].push_back(peer_json(daemon, *link));
  for (const machine::Tracked& tracked : daemon.tracking().all())
    json["tracked"].push_back({{"name", tracked.name},
                               {"ok", tracked.is_ok},
                               {"weight", tracked.weight},
                               {"why", tracked.why}});
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string move_lines(const PlannedMove& move) {
  const std::string& name = move.router().router().name;
  std::string out;
  if (move.is_forwarding())
    out += fmt::format("router {}: hands packets of older connections back\n", name);
  if (!move.report()) return out;
  const MoveReport& report = *move.report();
  return out +
         fmt::format(
             "router {} to {} at {}: {} after {} ms, {} connections kept, {} are left, {} cut, {} "
             "packets handed back, over after {:.1f} s{}{}\n",
             name, report.to, format_time(report.began), stage_name(report.stage),
             to_milliseconds(report.took), report.kept, report.connections, report.cut,
             report.packets_back, std::chrono::duration<double>(report.lasted).count(),
             report.words.empty() ? "" : ": ", report.words);
}

std::string describe_moves(const Daemon& daemon) {
  std::string out;
  for (const auto& move : daemon.switchover().moves()) out += move_lines(*move);
  return out.empty() ? "nothing has been moved away from this node\n" : out;
}

Json move_json(const PlannedMove& move) {
  Json json = {{"router", move.router().router().name},
               {"state", machine::role_name(move.router().state().role)},
               {"forwarding", move.is_forwarding()}};
  if (!move.report()) return json;
  const MoveReport& report = *move.report();
  json["move"] = {{"to", report.to},
                  {"began", format_time(report.began)},
                  {"stage", stage_name(report.stage)},
                  {"words", report.words},
                  {"took_seconds", std::chrono::duration<double>(report.took).count()},
                  {"lasted_seconds", std::chrono::duration<double>(report.lasted).count()},
                  {"connections_kept", report.kept},
                  {"connections_left", report.connections},
                  {"connections_cut", report.cut},
                  {"packets_handed_back", report.packets_back}};
  return json;
}

std::string describe_moves_as_json(const Daemon& daemon) {
  Json json = Json::array();
  for (const auto& move : daemon.switchover().moves()) json.push_back(move_json(*move));
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

std::string describe(const Daemon& daemon) {
  const config::Settings& settings = daemon.settings();
  std::string out = fmt::format(
      "node {} on {}, VRRPv{} {}, every {}{}, config {}, guard {}\n", settings.self.name,
      settings.interface, settings.version, settings.unicast ? "unicast" : "multicast",
      format_duration(settings.advert_interval), seal_words(settings), daemon.config_hash(),
      daemon.guard().is_standing() ? "stands" : "is missing");
  for (const auto& router : daemon.routers()) out += router_lines(*router);
  for (const auto& link : daemon.peers().links()) out += peer_lines(daemon, *link);
  for (const auto& move : daemon.switchover().moves())
    if (move->is_forwarding() || move->is_under_way()) out += move_lines(*move);
  if (!daemon.switchover().trouble().empty()) out += daemon.switchover().trouble() + "\n";
  out += sharing_line(daemon);
  for (const machine::Tracked& tracked : daemon.tracking().all())
    out += fmt::format("tracked {}: {}\n", tracked.name, tracked.is_ok ? "ok" : tracked.why);
  return out;
}

void add_commands(command::CommandTable& table, Daemon& daemon) {
  using command::Invocation;
  using command::Reply;
  table.add({.words = "show failover",
             .usage = "show failover [json]",
             .help = "the virtual routers of this node, what they hold and why",
             .run = [&daemon](Invocation& invocation) {
               if (invocation.word(2).empty()) return Reply::data(describe(daemon));
               if (invocation.word(2) == "json") return Reply::data(describe_as_json(daemon));
               return Reply::error("'show failover' takes 'json' or nothing.\n");
             }});
  table.add({.words = "show events",
             .usage = "show events",
             .help = "what has happened to the addresses on all nodes, oldest first",
             .run = [&daemon](Invocation&) { return Reply::data(event_lines(daemon)); }});
  table.add({.words = "show moves",
             .usage = "show moves [json]",
             .help = "what operators have moved away from this node, and what is left of it here",
             .run = [&daemon](Invocation& invocation) {
               if (invocation.word(2).empty()) return Reply::data(describe_moves(daemon));
               if (invocation.word(2) == "json") return Reply::data(describe_moves_as_json(daemon));
               return Reply::error("'show moves' takes 'json' or nothing.\n");
             }});
  table.add({.words = "switchover",
             .level = command::Level::kAdmin,
             .usage = "switchover [<router>]",
             .help = "let the other node take the addresses; 'show moves' tells how it goes",
             .run = [&daemon](Invocation& invocation) {
               const auto begun =
                   daemon.switchover().give(std::string(invocation.word(1)), "an operator");
               if (!begun) return Reply::error(begun.error().message + ".\n");
               return Reply::done();
             }});
  table.add(
      {.words = "takeover",
       .level = command::Level::kAdmin,
       .usage = "takeover [<router>]",
       .help = "ask the other node to move the addresses here; 'show events' tells how it ends",
       .run = [&daemon](Invocation& invocation) {
         const auto asked = daemon.switchover().take(std::string(invocation.word(1)));
         if (!asked) return Reply::error(asked.error().message + ".\n");
         return Reply::done();
       }});
}

}  // namespace tandem::failover
