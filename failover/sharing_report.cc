#include "failover/sharing_report.h"

#include "failover/daemon.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

namespace tandem::failover {
namespace {

using Json = nlohmann::ordered_json;
using Table = ServerSettings::Table;

/// What a line has room for, and what a program may want to have at once.
constexpr std::size_t kNamedMax = 5;
constexpr std::size_t kListedMax = 500;

std::vector<pulse::ServerSetting> set_by_operators(const ServerSettings& settings,
                                                   std::size_t most) {
  std::vector<pulse::ServerSetting> set = settings.list(Table::kAdmin, most);
  for (pulse::ServerSetting& weight : settings.list(Table::kWeight, most - set.size()))
    set.push_back(std::move(weight));
  return set;
}

std::string set_words(const ServerSettings& settings) {
  const std::size_t count = settings.count(Table::kAdmin) + settings.count(Table::kWeight);
  if (count == 0) return "nothing set by operators";
  std::vector<std::string> named;
  for (const pulse::ServerSetting& setting : set_by_operators(settings, kNamedMax))
    named.push_back(words_of(setting));
  return fmt::format("{} set by operators ({}{})", count, fmt::join(named, ", "),
                     count > named.size() ? ", …" : "");
}

std::string partner_words(const Daemon& daemon, const peer::PeerLink& link) {
  const std::string& node = link.peer_node();
  if (!link.is_up()) return fmt::format(", {} is not there", node);
  if (daemon.sharing().is_in_step(node)) return fmt::format(", in step with {}", node);
  return fmt::format(", {} has not taken everything for {} ms", node,
                     to_milliseconds(daemon.sharing().lag(node)));
}

}  // namespace

std::string sharing_line(const Daemon& daemon) {
  std::string line = "servers: " + set_words(daemon.sharing().settings());
  for (const auto& link : daemon.peers().links()) line += partner_words(daemon, *link);
  return line + "\n";
}

Json sharing_json(const Daemon& daemon) {
  const ServerSettings& settings = daemon.sharing().settings();
  Json json = {{"set", Json::array()}, {"refused", settings.refused()}};
  for (const Table table : {Table::kAdmin, Table::kWeight, Table::kHealth, Table::kPeerHealth})
    json[std::string(table_name(table))] = settings.count(table);
  for (const pulse::ServerSetting& setting : set_by_operators(settings, kListedMax))
    json["set"].push_back(words_of(setting));
  json["in_step"] = Json::object();
  for (const auto& link : daemon.peers().links())
    json["in_step"][link->peer_node()] = daemon.sharing().is_in_step(link->peer_node());
  return json;
}

std::string event_lines(const Daemon& daemon) {
  std::string out;
  for (const Event& event : daemon.events().of_all_nodes())
    out += fmt::format("{} {} {}{}{}\n", format_time(event.at),
                       event.node.empty() ? daemon.settings().self.name : event.node, event.router,
                       event.router.empty() ? "" : ": ", event.words);
  return out;
}

}  // namespace tandem::failover
