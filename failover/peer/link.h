// PeerLink: what this node and one other say to each other, apart from the adverts: who has the
// address and why, "take it now", requests and their answers. Keeps one authenticated connection
// to the other node while there is one to be had, and knows when it is gone. Decides nothing about
// addresses. Thread: the loop's.
//
// The node with the lower address dials, the other listens, so that there is one connection.
//
//   waits or dials --connected, TLS--> secure --its hello--> up --bye, silence, end--> waits or
//   dials
//
// A connection that the peer dials anew takes the place of the older one as soon as it is up, not
// before: whoever can dial from the peer's address but does not know the secret disturbs nothing.
#pragma once

#include "common/event/poller.h"
#include "common/event/timer.h"
#include "common/ip_address.h"
#include "common/result.h"
#include "common/sparingly.h"
#include "common/time.h"
#include "failover/peer/connection.h"
#include "failover/peer/listener.h"
#include "failover/peer/message.h"
#include "failover/peer/requests.h"
#include "failover/peer/tls.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tandem::failover::peer {

/// Pause before the next attempt to dial: doubled after each that failed.
inline constexpr Milliseconds kRedialMin{100};
inline constexpr Milliseconds kRedialMax{1'000};

/// Since the link was made.
struct Counters {
  std::uint64_t ups = 0;
  std::uint64_t downs_orderly = 0;
  std::uint64_t downs_silent = 0;  // of those that were not orderly
  std::uint64_t downs_lost = 0;    // every other
  std::uint64_t unreachable = 0;
  std::uint64_t handshake_failures = 0;  // another secret, no TLS, not in time
  std::uint64_t refused_hellos = 0;      // the secret was right, the name was not
  std::uint64_t crowded_out = 0;         // more connections at once than one node needs
  std::uint64_t malformed = 0;
  std::uint64_t overflows = 0;
  std::uint64_t unknown_messages = 0;
  std::uint64_t messages_sent = 0;
  std::uint64_t messages_received = 0;
  std::uint64_t let_gos_sent = 0;
  std::uint64_t let_gos_received = 0;
};

class PeerLink final : private Connection::Owner {
 public:
  struct Settings {
    Hello hello;  // of this node; its heartbeat is filled in
    IpAddress own_address;
    std::string peer_node;
    IpAddress peer_address;
    std::uint16_t port = 0;  // where the peer listens, if it is the one that does
    std::shared_ptr<const Credentials> credentials;
    Milliseconds heartbeat{100};  // bounded to kHeartbeatMin and kHeartbeatMax
  };

  struct Down {
    bool is_orderly = false;  // the peer stops or reloads, and said so
    std::string words;
  };

  /// Each may be empty. They may call the link, but not destroy it.
  struct Callbacks {
    std::function<void(const Hello&)> on_up;
    std::function<void(const Down&)> on_down;
    /// With every heartbeat once the peer has told how it stands, and so at once after a change.
    /// `as_of`: what is said was true after this time of our own clock (Session::as_of()).
    std::function<void(const Status&, Instant as_of)> on_status;
    std::function<void(const std::string& router, Instant as_of)> on_let_go;
    std::function<void(const Request&, Answer)> on_request;
    std::function<void(const SettingsPart&)> on_settings;
    std::function<void(const SettingsTaken&)> on_settings_taken;
    std::function<void(const EventsPart&)> on_events;
  };

  /// `listener` outlives the link.
  PeerLink(event::Poller& poller, PeerListener& listener, Settings settings, Callbacks callbacks);
  /// Says goodbye.
  ~PeerLink();
  PeerLink(const PeerLink&) = delete;
  PeerLink& operator=(const PeerLink&) = delete;

  /// Begins to dial or to listen. Errors: what waiting cannot mend, in words.
  [[nodiscard]] Result<void> open();

  /// How this node stands; said at once if it is new, and with each heartbeat. Reasons and fitness
  /// are cut to a readable length.
  void tell(Status status);
  /// Written in this call. False: it has not left, the peer must find out by the adverts. Whoever
  /// then destroys the link at once relies on no packet being lost: the kernel answers what the
  /// peer still sends with a reset, and repeats nothing after it.
  bool let_go(const std::string& router);
  /// `done` is called once: with the answer, or with what went wrong (in this call, if the link is
  /// down). Not at all if the link is destroyed before.
  void request(const std::string& name, Json argument, Duration patience, Requests::Done done);
  /// Nothing while the link is down.
  void say(const SettingsPart& part) { send(part); }
  void say(const SettingsTaken& taken) { send(taken); }
  void say(const EventsPart& part) { send(part); }
  /// What the goodbye will say: "it reloads". Before destruction.
  void set_farewell(std::string words) { farewell_ = std::move(words); }

  [[nodiscard]] bool is_up() const noexcept { return current_ != nullptr; }
  /// Null while the link is down.
  [[nodiscard]] const Session* session() const noexcept;
  /// Why the link is down, or what the last attempt came to. Empty while it is up.
  [[nodiscard]] const std::string& trouble() const noexcept { return trouble_; }
  [[nodiscard]] const Counters& counters() const noexcept { return counters_; }
  [[nodiscard]] const std::string& peer_node() const noexcept { return settings_.peer_node; }
  [[nodiscard]] bool dials() const noexcept;

  /// A connection from the peer's address. For the listener.
  void accept(FileDescriptor fd);

 private:
  void on_secure(Connection& connection) override;
  [[nodiscard]] std::optional<Ending> on_message(Connection& connection,
                                                 const Message& message) override;
  void on_end(Connection& connection, const Ending& ending) override;

  void dial();
  void redial_later();
  void begin(FileDescriptor fd, TlsStream::Side side);
  [[nodiscard]] std::unique_ptr<Connection> take_candidate(const Connection& connection);
  void promote(Connection& connection);
  void go_down(const Ending& ending);
  void refuse(const Ending& ending);
  void count(const Ending& ending, bool was_up);
  void beat();
  void watch_silence();
  bool send(const Message& message);
  [[nodiscard]] std::string frames_of(const Status& status, Connection& connection);
  [[nodiscard]] std::string frame_of(const Message& message);
  void answer_way();

  void handle(const Hello&) {}
  void handle(const Status&) {}  // the heartbeat behind it tells
  void handle(const Heartbeat& heartbeat);
  void handle(const LetGo& let_go);
  void handle(const Request& request);
  void handle(const Reply& reply);
  void handle(const Bye&) {}
  void handle(const SettingsPart& part);
  void handle(const SettingsTaken& taken);
  void handle(const EventsPart& part);
  void handle(const Unknown& unknown);

  event::Poller& poller_;
  PeerListener& listener_;
  Settings settings_;
  Callbacks callbacks_;
  Counters counters_;
  std::optional<Status> told_;
  std::string trouble_ = "nothing has been tried yet";
  std::string farewell_ = "it stops";
  std::unique_ptr<Connection> current_;                  // up
  std::vector<std::unique_ptr<Connection>> candidates_;  // oldest first
  Requests requests_;
  std::shared_ptr<Answer::Send> way_back_;  // of answers; gone with the connection
  std::size_t unanswered_ = 0;
  Milliseconds redial_pause_ = kRedialMin;
  Sparingly about_refusals_;
  event::Timer redial_;
  event::Timer beat_;
  event::Timer silence_;
};

}  // namespace tandem::failover::peer
