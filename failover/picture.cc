#include "failover/picture.h"

#include "failover/daemon.h"
#include "failover/version.h"

#include <algorithm>
#include <utility>

namespace tandem::failover {
namespace {

template <class Time>
PairPicture::Time milliseconds(Time at) {
  return std::chrono::floor<Milliseconds>(at);
}

std::vector<std::string> texts(const std::vector<IpPrefix>& prefixes) {
  std::vector<std::string> texts;
  for (const IpPrefix& prefix : prefixes) texts.push_back(prefix.text());
  return texts;
}

PairPicture::Router own_router(const VirtualRouter& router) {
  const RouterFigures& figures = router.figures();
  return {.name = router.router().name,
          .addresses = texts(router.router().vips),
          .state = std::string(machine::role_name(router.state().role)),
          .priority = router.right().priority,
          .why = router.right().why,
          .since = milliseconds(figures.last_transition),
          .taken_at = milliseconds(figures.last_takeover),
          .takeover = std::chrono::ceil<std::chrono::microseconds>(figures.takeover)};
}

PairPicture::Node own_node(const Daemon& daemon) {
  PairPicture::Node node{.name = daemon.settings().self.name,
                         .is_self = true,
                         .is_up = true,
                         .trouble = {},
                         .version = kVersion,
                         .config_hash = daemon.config_hash(),
                         .started_at = milliseconds(daemon.events().begun_at()),
                         .routers = {}};
  for (const auto& router : daemon.routers()) node.routers.push_back(own_router(*router));
  return node;
}

/// Both nodes have the same file, or the page says that they do not.
std::vector<std::string> addresses_of(const Daemon& daemon, const std::string& router) {
  const auto& own = daemon.routers();
  const auto found =
      std::ranges::find_if(own, [&](const auto& one) { return one->router().name == router; });
  return found == own.end() ? std::vector<std::string>{} : texts((*found)->router().vips);
}

void add_what_it_says(const Daemon& daemon, const peer::PeerLink& link, PairPicture::Node& node) {
  const peer::Session& session = *link.session();
  node.version = session.hello().version;
  node.config_hash = session.hello().config_hash;
  node.started_at = milliseconds(session.hello().started_at);
  if (const auto round_trip = session.round_trip())
    node.round_trip = std::chrono::ceil<std::chrono::microseconds>(*round_trip);
  for (const peer::RouterStatus& router : session.status().routers)
    node.routers.push_back({.name = router.name,
                            .addresses = addresses_of(daemon, router.name),
                            .state = std::string(machine::role_name(router.role)),
                            .priority = router.priority,
                            .why = router.reason,
                            .since = router.since,
                            .taken_at = router.taken_at,
                            .takeover = router.takeover});
}

/// Only active nodes advertise: one that is heard holds the addresses. Its IPv6 adverts come from a
/// link-local address that is not in the file, so they tell who it is only where there are two.
void add_what_is_heard(const Daemon& daemon, const config::Node& from, PairPicture::Node& node) {
  for (const auto& router : daemon.routers()) {
    const auto& heard = router->heard();
    if (!heard || heard->priority == 0) continue;
    if (daemon.settings().peers.size() > 1 && heard->from != from.address) continue;
    if (Clock::now() - heard->at > 4 * Duration(heard->interval)) continue;
    node.routers.push_back({.name = router->router().name,
                            .addresses = texts(router->router().vips),
                            .state = std::string(machine::role_name(machine::Role::kActive)),
                            .priority = heard->priority,
                            .why = "as its adverts say"});
  }
}

PairPicture::Node other_node(const Daemon& daemon, const config::Node& other) {
  PairPicture::Node node{.name = other.name, .routers = {}};
  const auto& links = daemon.peers().links();
  const auto link =
      std::ranges::find_if(links, [&](const auto& one) { return one->peer_node() == other.name; });
  node.is_up = link != links.end() && (*link)->is_up();
  if (node.is_up) {
    add_what_it_says(daemon, **link, node);
  } else {
    node.trouble = link == links.end() ? "not configured" : (*link)->trouble();
    add_what_is_heard(daemon, other, node);
  }
  return node;
}

}  // namespace

PairPicture picture_of(const Daemon& daemon) {
  PairPicture picture;
  picture.nodes.push_back(own_node(daemon));
  for (const config::Node& other : daemon.settings().peers)
    picture.nodes.push_back(other_node(daemon, other));
  return picture;
}

PictureTeller::PictureTeller(event::Loop& loop, const Daemon& daemon,
                             std::function<bool(const pulse::Picture&)> send)
    : daemon_(daemon), send_(std::move(send)), timer_(loop, [this] { look(); }) {}

void PictureTeller::start() { timer_.start_periodic(Duration::zero(), kLookEvery); }

void PictureTeller::look() {
  auto json = encode(picture_of(daemon_), pulse::kPictureBytesMax);
  if (!json) return;
  const Instant now = Clock::now();
  if (*json == sent_ && now - sent_at_ < kSendAtLeastEvery) return;
  const pulse::Picture picture{.json = std::move(*json)};
  if (!send_(picture)) return;
  sent_ = picture.json;
  sent_at_ = now;
}

}  // namespace tandem::failover
