#include "failover/peers.h"

#include "failover/system/clock.h"
#include "failover/version.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace tandem::failover {

std::expected<std::shared_ptr<const peer::Credentials>, config::Flaw> credentials_of(
    const config::Peer& peer, const std::string& node) {
  if (peer.certificate.empty()) {
    auto made = peer::Credentials::of_secret(peer.secret);
    if (made) return *made;
    return std::unexpected(config::Flaw{.key = "secret", .words = made.error().message});
  }
  auto made = peer::Credentials::of_certificates(
      {.own = peer.certificate, .authorities = peer.authorities}, node);
  if (made) return *made;
  return std::unexpected(config::Flaw{.key = made.error().is_of_authorities ? "ca" : "crt",
                                      .words = made.error().words});
}

Peers::Peers(event::Poller& poller, const config::Settings& settings, std::string config_hash,
             EventLog& events, Callbacks callbacks)
    : poller_(poller),
      settings_(settings),
      config_hash_(std::move(config_hash)),
      events_(events),
      callbacks_(std::move(callbacks)),
      trust_(3 * Duration(settings.advert_interval)) {}

Peers::~Peers() = default;

Result<void> Peers::open() {
  if (!settings_.peer) return {};
  auto credentials = credentials_of(*settings_.peer, settings_.self.name);
  if (!credentials)
    return fail(
        fmt::format("/failover/peer/{}: {}", credentials.error().key, credentials.error().words));
  listener_ =
      std::make_unique<peer::PeerListener>(poller_, settings_.self.address, settings_.peer->port);
  for (const config::Node& node : settings_.peers) {
    add(node, *credentials);
    if (auto opened = links_.back()->open(); !opened)
      return fail("/failover/peer: " + opened.error().message);
  }
  return {};
}

peer::PeerLink::Callbacks Peers::callbacks_for(const config::Node& node) {
  peer::PeerLink::Callbacks callbacks;
  callbacks.on_up = [this, &node](const peer::Hello& hello) { on_up(node, hello); };
  callbacks.on_down = [this, &node](const peer::PeerLink::Down& down) {
    callbacks_.on_down(node.name, down);
    events_.add("", fmt::format("the link to {} is down: {}", node.name, down.words));
  };
  callbacks.on_status = [this, &node](const peer::Status& status, Instant as_of) {
    on_status(node, status, as_of);
  };
  callbacks.on_let_go = [this](const std::string& router, Instant as_of) {
    // One that has lain in a buffer while this node was frozen is about another time.
    if (!is_stale(as_of)) callbacks_.on_let_go(router);
  };
  callbacks.on_request = [this, &node](const peer::Request& request, peer::Answer answer) {
    callbacks_.on_request(node.name, request, std::move(answer));
  };
  callbacks.on_settings = [this, &node](const peer::SettingsPart& part) {
    callbacks_.on_settings(node.name, part);
  };
  callbacks.on_settings_taken = [this, &node](const peer::SettingsTaken& taken) {
    callbacks_.on_settings_taken(node.name, taken);
  };
  callbacks.on_events = [this, &node](const peer::EventsPart& part) {
    callbacks_.on_events(node.name, part);
  };
  return callbacks;
}

void Peers::add(const config::Node& node, std::shared_ptr<const peer::Credentials> credentials) {
  links_.push_back(std::make_unique<peer::PeerLink>(
      poller_, *listener_,
      peer::PeerLink::Settings{
          .hello = {.node = settings_.self.name,
                    .version = kVersion,
                    .config_hash = config_hash_,
                    .started_at = std::chrono::floor<Milliseconds>(events_.begun_at())},
          .own_address = settings_.self.address,
          .peer_node = node.name,
          .peer_address = node.address,
          .port = settings_.peer->port,
          .credentials = std::move(credentials),
          .heartbeat = settings_.advert_interval},
      callbacks_for(node)));
}

void Peers::on_up(const config::Node& node, const peer::Hello& hello) {
  callbacks_.on_up(node.name);
  events_.add("", fmt::format("the link to {} is up", node.name));
  if (hello.config_hash != config_hash_)
    events_.add("", fmt::format("{} runs another configuration ({}) than this node ({})", node.name,
                                hello.config_hash, config_hash_));
}

void Peers::on_status(const config::Node& node, const peer::Status& status, Instant as_of) {
  if (is_stale(as_of)) return;
  for (const peer::RouterStatus& router : status.routers) {
    if (router.role != machine::Role::kActive || router.priority == 0) continue;
    callbacks_.on_holds(router.name,
                        {.until = as_of + system::suspended() + trust_,
                         .priority = router.priority,
                         .is_from_higher_address = node.address > settings_.self.address});
  }
}

bool Peers::is_stale(Instant as_of) const { return Clock::now() - as_of > trust_; }

void Peers::tell(const peer::Status& status) {
  for (const auto& link : links_) link->tell(status);
}

void Peers::let_go(const std::string& router) {
  // Where it does not get through, the farewell among the adverts does.
  for (const auto& link : links_)
    if (link->is_up() && !link->let_go(router))
      events_.add(router, fmt::format("{} could not be told at once", link->peer_node()));
}

void Peers::set_farewell(const std::string& words) {
  for (const auto& link : links_) link->set_farewell(words);
}

peer::PeerLink* Peers::find(const std::string& node) noexcept {
  const auto found =
      std::ranges::find_if(links_, [&](const auto& link) { return link->peer_node() == node; });
  return found == links_.end() ? nullptr : found->get();
}

bool Peers::has_same_config(const peer::PeerLink& link) const noexcept {
  return link.session() == nullptr || link.session()->hello().config_hash == config_hash_;
}

}  // namespace tandem::failover
