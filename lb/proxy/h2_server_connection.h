// H2ServerConnection: an HTTP/2 connection to a server, shared by the requests of one worker.
//
// All frames that come about in a turn of the loop, of however many streams, leave in one write at
// its end.
#pragma once

#include "common/event/poller.h"
#include "common/event/wheel.h"
#include "lb/http2/session.h"
#include "lb/proxy/client_side.h"
#include "lb/proxy/context.h"
#include "lb/proxy/h2_body.h"
#include "lb/proxy/server_side.h"
#include "lb/upstream/connection.h"
#include "lb/upstream/multiplexed.h"

namespace tandem::lb::proxy {

/// Who has a request on such a connection.
class H2ServerUser : public http2::StreamUser {
 public:
  /// The server's standing asks for its running sessions to end.
  virtual void on_shutdown() = 0;

 protected:
  ~H2ServerUser() = default;
};

/// Owns itself from open() on, until the connection and its last stream have ended. Thread: the
/// worker's.
class H2ServerConnection final : public upstream::Multiplexed,
                                 public upstream::ConnectionUser,
                                 public event::Deadline,
                                 private event::TurnEnd,
                                 public H2Carrier {
 public:
  /// One with room for a request, if `fresh` does not ask for a new one; else a new one,
  /// connecting. nullptr: `error` holds errno.
  [[nodiscard]] static H2ServerConnection* take(Context& context, upstream::LocalServer& server,
                                                bool fresh, int& error);

  H2ServerConnection(Context& context, upstream::Connection& connection);
  ~H2ServerConnection() override;

  /// Takes a new connection on; each request that waits for it may ask.
  [[nodiscard]] ServerSide::Connect connect(ClientSide& client);
  [[nodiscard]] bool is_open() const noexcept { return state_ == State::kOpen; }
  /// Requests were on it before.
  [[nodiscard]] bool is_used() const noexcept { return opened_ > 0; }
  [[nodiscard]] bool is_encrypted() const noexcept;
  [[nodiscard]] upstream::LocalServer& server() const noexcept { return server_; }

  [[nodiscard]] http2::Stream& open_stream(H2ServerUser& user);
  /// The request on `stream` is over. `whole`: so is its answer.
  void close_stream(http2::Stream& stream, bool whole);

  // ---- Multiplexed
  [[nodiscard]] bool has_room() const override;
  void retire() override;

  // ---- H2Carrier
  [[nodiscard]] http2::Session& session() override { return session_; }
  [[nodiscard]] event::Socket& socket() override;
  void send_soon() override;
  void call_later(http2::Stream& stream) override;

 private:
  enum class State : std::uint8_t { kConnecting, kOpen, kClosed };

  void on_connection_ready() override;
  void on_server_shutdown() override;
  void on_deadline() override;
  void on_turn_end() override;
  void read();
  void write();
  void serve_news();
  void tell_all();
  void over();
  void let_go_if_done();

  Context& context_;
  upstream::LocalServer& server_;
  upstream::Connection* connection_;  // nullptr: closed
  http2::Session session_;
  std::uint32_t opened_ = 0;
  State state_ = State::kConnecting;
  ServerSide::Connect outcome_ = ServerSide::Connect::kWaits;
  bool takes_more_ = true;
  bool serving_ = false;
};

}  // namespace tandem::lb::proxy
