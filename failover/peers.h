// Peers: the links to the other nodes (failover/peer) and what comes of them here: who holds the
// addresses by their word, "take it now", and whether they run the same configuration. Nothing
// without "peer" in the configuration. Thread: the loop's.
#pragma once

#include "common/event/poller.h"
#include "failover/config/load.h"
#include "failover/config/settings.h"
#include "failover/event_log.h"
#include "failover/machine/machine.h"
#include "failover/peer/link.h"
#include "failover/peer/listener.h"

#include <chrono>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace tandem::failover {

/// What `node` proves itself with on its links.
[[nodiscard]] std::expected<std::shared_ptr<const peer::Credentials>, config::Flaw> credentials_of(
    const config::Peer& peer, const std::string& node);

class Peers {
 public:
  struct Callbacks {
    /// The peer says that it holds this router's addresses.
    std::function<void(const std::string& router, const machine::PeerHolds&)> on_holds;
    std::function<void(const std::string& router)> on_let_go;
    std::function<void(const std::string& node, const peer::Request&, peer::Answer)> on_request;
    std::function<void(const std::string& node)> on_up;
    std::function<void(const std::string& node, const peer::PeerLink::Down&)> on_down;
    std::function<void(const std::string& node, const peer::SettingsPart&)> on_settings;
    std::function<void(const std::string& node, const peer::SettingsTaken&)> on_settings_taken;
    std::function<void(const std::string& node, const peer::EventsPart&)> on_events;
  };

  /// Settings and events outlive it.
  Peers(event::Poller& poller, const config::Settings& settings, std::string config_hash,
        EventLog& events, Callbacks callbacks);
  ~Peers();

  /// Errors: one line that names the key.
  [[nodiscard]] Result<void> open();
  /// How this node stands, to everybody.
  void tell(const peer::Status& status);
  /// Leaves in this turn.
  void let_go(const std::string& router);
  /// What the goodbye will say.
  void set_farewell(const std::string& words);

  [[nodiscard]] const std::vector<std::unique_ptr<peer::PeerLink>>& links() const noexcept {
    return links_;
  }
  /// nullptr: no such link.
  [[nodiscard]] peer::PeerLink* find(const std::string& node) noexcept;
  /// False only if the peer is there and has another one.
  [[nodiscard]] bool has_same_config(const peer::PeerLink& link) const noexcept;

 private:
  void add(const config::Node& node, std::shared_ptr<const peer::Credentials> credentials);
  [[nodiscard]] peer::PeerLink::Callbacks callbacks_for(const config::Node& node);
  void on_up(const config::Node& node, const peer::Hello& hello);
  void on_status(const config::Node& node, const peer::Status& status, Instant as_of);
  [[nodiscard]] bool is_stale(Instant as_of) const;

  event::Poller& poller_;
  const config::Settings& settings_;
  std::string config_hash_;
  EventLog& events_;
  Callbacks callbacks_;
  Duration trust_;  // how long a word of the peer's holds
  std::unique_ptr<peer::PeerListener> listener_;
  std::vector<std::unique_ptr<peer::PeerLink>> links_;
};

}  // namespace tandem::failover
