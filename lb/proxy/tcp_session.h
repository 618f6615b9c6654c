// TcpSession: a client's connection whose bytes are passed on as they are, from accept to the last
// byte of both directions. It takes a server, connects, tries elsewhere when that fails, and then
// only moves bytes; at its end it fills one Outcome.
//
//   start ──> inspecting ──> queued ──> connecting ──> relaying ──> closed
//     │            │            ^           │
//     └────────────┴────────────┴─ pausing <┘ failed: nothing has been sent yet
//
// Where rules look at a client's TLS hello it waits until that is known (inspecting). The hello
// stays in the socket: the server gets it as it came.
//
// Each direction ends by itself: a FIN is passed on behind the bytes before it. Whatever else ends
// a session ends it with RST on both sides, so that nobody takes what broke off for whole.
#pragma once

#include "common/address.h"
#include "common/event/wheel.h"
#include "lb/proxy/client_connection.h"
#include "lb/proxy/context.h"
#include "lb/proxy/outcome.h"
#include "lb/proxy/placement.h"
#include "lb/proxy/relay.h"
#include "lb/tls/client_hello.h"
#include "lb/upstream/connection.h"

#include <chrono>
#include <memory>

namespace tandem::lb::proxy {

class Acceptor;

/// Owns itself, as every ClientConnection. Thread: the worker's.
class TcpSession final : public ClientConnection,
                         public event::Deadline,
                         private upstream::ConnectionUser,
                         private PlaceWaiter {
 public:
  /// Takes over a connected socket, and counts it out of `acceptor` when it closes.
  TcpSession(Context& context, Acceptor& acceptor, int fd, const SocketAddress& peer);

  void start() override;
  /// Nothing: nobody but its ends knows when a session is over.
  void stop_soon() override {}
  void stop_now() override;

 private:
  enum class State : std::uint8_t {
    kStarting,
    kInspecting,  // a client's hello is awaited
    kQueued,
    kPausing,  // before another attempt
    kConnecting,
    kRelaying,
    kClosed,
  };

  // ---- a client's hello
  void inspect();
  void go_on_with(figures::HelloResult result);
  void count_hello(figures::HelloResult result) noexcept;

  // ---- a server
  void choose_backend();
  [[nodiscard]] std::optional<std::uint64_t> balance_key(const config::Balance& balance) const;
  void follow(Placement::Step step);
  void connect();
  void on_connect_ready();
  /// An attempt to connect came to nothing. kResource: for want of something of our own.
  void attempt_failed(Cause cause);
  void on_place(balance::ServerIndex server) override;

  // ---- bytes
  void begin_relaying();
  void relay();
  /// False: the session has ended.
  [[nodiscard]] bool run(Relay& relay, event::Socket& to);
  /// A peer that had finished sending has reset the connection since.
  [[nodiscard]] static bool was_reset(const event::Socket& socket) noexcept;

  // ---- silence
  struct Silence {
    Milliseconds limit;
    Cause cause;
  };
  [[nodiscard]] Silence silence() const noexcept;
  [[nodiscard]] Milliseconds client_limit() const noexcept;
  [[nodiscard]] Milliseconds server_limit() const noexcept;
  void on_silence();

  // ---- what happens to it
  void on_ready() override;
  void on_connection_ready() override;
  void on_server_shutdown() override;
  void on_deadline() override;
  [[nodiscard]] bool client_has_left() const noexcept;
  void client_aborted();
  void server_aborted();

  // ---- ending
  [[nodiscard]] Phase phase() const noexcept;
  void end(Cause cause, Phase phase);
  void record_end(Cause cause, Phase phase);
  void disconnect(bool with_reset);

  void set_deadline(Duration wait) { context_.wheel.set(*this, now() + wait); }
  [[nodiscard]] Instant now() const noexcept { return context_.loop.now(); }
  [[nodiscard]] bool is_logged() const noexcept {
    return context_.snapshot.access_log.target != config::AccessLog::Target::kNone;
  }

  Context& context_;
  Acceptor& acceptor_;
  upstream::Connection* connection_ = nullptr;
  Placement placement_;
  Relay up_;    // from the client to the server
  Relay down_;  // from the server to the client
  SocketAddress peer_;
  std::unique_ptr<const tls::ClientHello> hello_;  // where one was awaited, and came
  std::chrono::system_clock::time_point accepted_at_;
  Cause failed_by_ = Cause::kServerAborted;  // the last attempt to connect
  Instant began_;
  Instant active_at_;  // when bytes moved last
  State state_ = State::kStarting;
};

}  // namespace tandem::lb::proxy
