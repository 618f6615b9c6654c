// H2Downstream: a client's HTTP/2 connection: bytes between its socket and its session, the streams
// that are requests, and the time limits of the connection as a whole.
//
// All frames that come about in a turn of the loop, of however many streams, leave in one write at
// its end.
#pragma once

#include "common/address.h"
#include "common/event/poller.h"
#include "common/event/wheel.h"
#include "lb/http2/session.h"
#include "lb/proxy/client_connection.h"
#include "lb/proxy/context.h"
#include "lb/proxy/h2_body.h"
#include "lb/proxy/h2_client_stream.h"

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::lb::proxy {

class Acceptor;

/// Owns itself, as every ClientConnection. Thread: the worker's.
class H2Downstream final : public ClientConnection,
                           public event::Deadline,
                           private event::TurnEnd,
                           public H2Carrier {
 public:
  /// Takes over the socket of `former`, on which `greeting` came, the client's first bytes.
  H2Downstream(Context& context, Acceptor& acceptor, ClientConnection& former,
               const SocketAddress& peer, std::string_view greeting);
  ~H2Downstream() override;

  void start() override;
  /// Asks the client to open no more streams here; those that run go on.
  void stop_soon() override;
  void stop_now() override;

  // ---- for its streams
  [[nodiscard]] http2::Session& session() override { return session_; }
  [[nodiscard]] event::Socket& socket() override { return *this; }
  void send_soon() override;
  void call_later(http2::Stream& stream) override;
  [[nodiscard]] const SocketAddress& peer() const noexcept { return peer_; }
  [[nodiscard]] const SocketAddress& local_address() { return ClientConnection::local_address(); }
  [[nodiscard]] const tls::Stream* encryption() const noexcept { return stream(); }
  [[nodiscard]] config::FrontendIndex frontend_index() const noexcept;
  [[nodiscard]] const config::Timeouts& timeouts() const noexcept;
  /// A request was malformed: kept for `show errors`.
  void note_refused(const http2::Stream& stream, const char* words);
  /// The exchange of `request` is over; `stream` is what it was on.
  void stream_finished(H2ClientStream& request, http2::Stream& stream);

 private:
  void on_ready() override;
  void on_deadline() override;
  void on_turn_end() override;

  void read();
  void take(std::span<const char> bytes);
  void serve_news();
  void serve(http2::Stream& stream);
  void write();
  void let_go(http2::Stream& stream);
  void keep_time();
  void say_goodbye();
  void over();
  void linger();
  void close_now();

  [[nodiscard]] Instant now() const noexcept { return context_.loop.now(); }

  enum class State : std::uint8_t {
    kOpen,
    kEnding,     // what is left of the output goes out, then close
    kLingering,  // we have finished; what the client still sends is dropped
    kClosed,
  };

  // As in Downstream.
  static constexpr Milliseconds kLingerMax{2'000};
  static constexpr std::uint32_t kLingerBytesMax = 1024 * 1024;
  /// What is on its way when a stop is announced has this long to arrive.
  static constexpr Milliseconds kGoodbye{500};
  /// A connection that is idle for so long is one that waits, not one between two requests.
  static constexpr Milliseconds kRestAfter{1'000};

  Context& context_;
  Acceptor& acceptor_;
  http2::Session session_;
  SocketAddress peer_;
  std::string greeting_;
  /// Those whose exchange has ended in this turn.
  std::vector<std::unique_ptr<H2ClientStream>> finished_;
  std::uint32_t running_ = 0;   // exchanges
  std::uint32_t draining_ = 0;  // streams without one, whose last bytes have not left
  std::uint64_t written_ = 0;
  std::uint64_t written_before_ = 0;  // when the limit of a reader began
  std::uint32_t lingered_bytes_ = 0;
  State state_ = State::kOpen;
  bool has_served_ = false;
  bool has_head_limit_ = false;
  bool is_leaving_ = false;  // the end was announced
  bool has_said_bye_ = false;
  bool rests_next_ = false;  // what the time limit is for
  bool serving_ = false;
};

}  // namespace tandem::lb::proxy
