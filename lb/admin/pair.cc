#include "lb/admin/pair.h"

#include "lb/admin/page.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <limits>
#include <utility>
#include <vector>

namespace tandem::lb::admin {
namespace {

using Node = PairPicture::Node;
using Router = PairPicture::Router;
using Wall = std::chrono::system_clock::time_point;

constexpr std::string_view kActive = "active";

/// What is to be told of the time at which the page is written.
struct Moment {
  bool is_stale = false;
  Wall wall;  // the clocks of the nodes may differ from it
};

// ---- words ------------------------------------------------------------------------------------

std::string short_time_since(PairPicture::Time at, Wall wall) {
  const auto passed = std::chrono::floor<std::chrono::seconds>(wall - at).count();
  return short_time(std::max<std::int64_t>(0, passed));
}

std::string date_and_time(Wall at) {
  return fmt::format("{:%Y-%m-%d %H:%M:%S} UTC",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(at)));
}

std::string milliseconds(std::chrono::microseconds time) {
  return fmt::format("{:.1f} ms", std::chrono::duration<double, std::milli>(time).count());
}

std::string role(const Router& router, const Moment& moment) {
  std::string text = moment.is_stale ? "was " : "";
  text += router.state.empty() ? "unknown" : router.state;
  if (router.since != PairPicture::Time{} && !moment.is_stale)
    text += " for " + short_time_since(router.since, moment.wall);
  return text;
}

std::string priority(const Router& router) {
  std::string text = std::to_string(router.priority);
  if (!router.why.empty() && router.why != text) text += ": " + router.why;
  return text;
}

std::string last_takeover(const Router& router, const Moment& moment) {
  if (router.taken_at == PairPicture::Time{}) return "none known";
  return fmt::format("{} ({} ago), took {}", date_and_time(router.taken_at),
                     short_time_since(router.taken_at, moment.wall), milliseconds(router.takeover));
}

std::string peer_link(const Node& node) {
  if (node.is_self) return "this node";
  if (!node.is_up) return "down: " + (node.trouble.empty() ? "not heard" : node.trouble);
  if (node.round_trip.count() == 0) return "up";
  return "up, there and back in " + milliseconds(node.round_trip);
}

std::string configuration(const Node& node, const Node& self) {
  if (node.config_hash.empty()) return "unknown";
  if (&node == &self) return node.config_hash;
  return node.config_hash == self.config_hash ? "the same" : "ANOTHER: " + node.config_hash;
}

std::string uptime(const Node& node, const Moment& moment) {
  if (node.started_at == PairPicture::Time{}) return "unknown";
  return short_time_since(node.started_at, moment.wall);
}

/// The colours of the servers below; the words say the same.
std::string_view css(const Node& node, const Router& router, const Moment& moment) {
  if (moment.is_stale) return "active no_check";
  if (router.state == kActive) return "active up";
  if (!node.is_up || router.priority == 0) return "active down";
  return router.state == "backup" ? "backup up" : "active no_check";
}

// ---- what is wrong ----------------------------------------------------------------------------

std::string quoted_list(const std::vector<std::string>& names) {
  return fmt::format("{}", fmt::join(names, " and "));
}

/// Names of the nodes on which the router is active.
std::vector<std::string> holders(const PairPicture& picture, const std::string& router) {
  std::vector<std::string> names;
  for (const Node& node : picture.nodes)
    for (const Router& one : node.routers)
      if (one.name == router && one.state == kActive) names.push_back(node.name);
  return names;
}

std::vector<std::string> alarms(const PairPicture& picture) {
  std::vector<std::string> found;
  const Node& self = picture.nodes.front();
  const bool sees_all = std::ranges::all_of(picture.nodes, &Node::is_up);
  for (const Router& router : self.routers) {
    const auto names = holders(picture, router.name);
    if (names.size() > 1)
      found.push_back(fmt::format("{} is active on {}", router.name, quoted_list(names)));
    if (names.empty() && sees_all)
      found.push_back(fmt::format("{} is active on no node", router.name));
  }
  for (const Node& node : picture.nodes)
    if (!node.config_hash.empty() && node.config_hash != self.config_hash)
      found.push_back(fmt::format("{} runs another configuration than {}", node.name, self.name));
  return found;
}

void append_alarm(std::string& out, std::string_view words) {
  out += "<p class=\"notready\">";
  append_escaped(out, words);
  out += "</p>\n";
}

void append_alarms(std::string& out, const Pair& pair, Instant now, const Moment& moment) {
  if (!moment.is_stale) {
    for (const std::string& words : alarms(*pair.picture())) append_alarm(out, words);
    return;
  }
  const Duration age = pair.age(now);
  const auto since = moment.wall - std::chrono::duration_cast<Wall::duration>(age);
  append_alarm(out,
               fmt::format("tandem-failover does not answer since {} ({} ago). What it said then:",
                           date_and_time(since), short_time(to_milliseconds(age) / 1'000)));
}

// ---- the table --------------------------------------------------------------------------------

void append_cell(std::string& out, std::string_view text) {
  out += "<td class=\"word\">";
  append_escaped(out, text);
  out += "</td>";
}

/// What is said once of a node, beside all its routers.
void append_spanning(std::string& out, std::size_t rows, std::string_view text) {
  fmt::format_to(std::back_inserter(out), "<td class=\"word\" rowspan=\"{}\">", rows);
  append_escaped(out, text);
  out += "</td>";
}

void append_router(std::string& out, const Router& router, const Moment& moment) {
  append_cell(out, router.name);
  out += "<td class=\"word status\">";
  append_escaped(out, role(router, moment));
  out += "</td>";
  append_cell(out, fmt::format("{}", fmt::join(router.addresses, " ")));
  append_cell(out, priority(router));
  append_cell(out, last_takeover(router, moment));
}

void append_node(std::string& out, const Node& node, const Node& self, const Moment& moment) {
  const std::size_t rows = std::max<std::size_t>(1, node.routers.size());
  for (std::size_t i = 0; i < rows; ++i) {
    const bool is_known = i < node.routers.size();
    const Router& router = is_known ? node.routers[i] : Router{};
    fmt::format_to(std::back_inserter(out), "<tr class=\"{}\">", css(node, router, moment));
    if (i == 0) {
      fmt::format_to(std::back_inserter(out), "<th scope=\"rowgroup\" rowspan=\"{}\">", rows);
      append_escaped(out, node.name);
      if (node.left_out > 0) out += fmt::format(", {} routers are not shown", node.left_out);
      out += "</th>";
    }
    if (is_known)
      append_router(out, router, moment);
    else
      out += "<td class=\"word status\" colspan=\"5\">unknown</td>";
    if (i == 0) {
      append_spanning(out, rows, peer_link(node));
      append_spanning(out, rows, configuration(node, self));
      append_spanning(out, rows, uptime(node, moment));
      append_spanning(out, rows, node.version.empty() ? "unknown" : node.version);
    }
    out += "</tr>\n";
  }
}

}  // namespace

// ---- Pair -------------------------------------------------------------------------------------

void Pair::take(std::string_view json, Instant now) {
  auto picture = decode_pair_picture(json);
  if (!picture) return;
  picture_ = std::move(picture);
  taken_at_ = now;
  is_lost_ = false;
}

Duration Pair::age(Instant now) const noexcept {
  return std::max(Duration::zero(), now - taken_at_);
}

bool Pair::is_stale(Instant now) const noexcept { return is_lost_ || age(now) > kFreshFor; }

void append_pair(std::string& out, const Pair& pair, Instant now) {
  if (!pair.picture()) return;
  static constexpr std::array<std::string_view, 10> kTitles = {
      "Node",          "Router",    "Role",          "Addresses", "Priority",
      "Last takeover", "Peer link", "Configuration", "Up for",    "Version"};
  const Moment moment{.is_stale = pair.is_stale(now), .wall = std::chrono::system_clock::now()};
  const PairPicture& picture = *pair.picture();
  const Node& self = picture.nodes.front();
  out += "<section id=\"pair\"><h2>Pair<small>as tandem-failover on ";
  append_escaped(out, self.name);
  out += " sees it</small></h2>\n";
  append_alarms(out, pair, now, moment);
  out += "<div class=\"scroll\"><table>\n<thead><tr>";
  for (const std::string_view title : kTitles)
    fmt::format_to(std::back_inserter(out), "<th scope=\"col\">{}</th>", title);
  out += "</tr></thead>\n";
  for (const Node& node : picture.nodes) {
    out += "<tbody>\n";
    append_node(out, node, self, moment);
    out += "</tbody>\n";
  }
  out += "</table></div></section>\n";
}

std::string pair_json(const Pair* pair, Instant now) {
  if (pair == nullptr || !pair->picture())
    return "{\"stale\":true,\"heard_seconds_ago\":null,\"nodes\":[]}\n";
  const auto picture = encode(*pair->picture(), std::numeric_limits<std::size_t>::max());
  return fmt::format("{{\"stale\":{},\"heard_seconds_ago\":{:.3f},{}\n", pair->is_stale(now),
                     std::chrono::duration<double>(pair->age(now)).count(),
                     std::string_view(*picture).substr(1));
}

}  // namespace tandem::lb::admin
