// Downstream: a client's HTTP/1.x connection. It reads heads, runs one exchange at a time in the
// order of the requests, and keeps the client's time limits.
#pragma once

#include "common/address.h"
#include "common/event/wheel.h"
#include "lb/proxy/client_connection.h"
#include "lb/proxy/client_limit.h"
#include "lb/proxy/client_side.h"
#include "lb/proxy/context.h"
#include "lb/proxy/input.h"
#include "lb/proxy/output.h"

#include <memory>

namespace tandem::lb::proxy {

class Acceptor;
class RequestSlot;

/// Owns itself, as every ClientConnection. Thread: the worker's.
class Downstream final : public ClientConnection, public event::Deadline, private ClientSide {
 public:
  /// Takes over a connected socket, and counts it out of `acceptor` when it closes.
  Downstream(Context& context, Acceptor& acceptor, int fd, const SocketAddress& peer);
  ~Downstream() override;

  /// Reads at once: with TCP_DEFER_ACCEPT the request is there already.
  void start() override;
  /// An idle connection gets a last chance to be used, then goes.
  void stop_soon() override;
  void stop_now() override;

 private:
  void on_ready() override;
  void on_deadline() override;

  // ---- reading requests
  void read_requests();
  [[nodiscard]] bool read_more();
  void decode();
  [[nodiscard]] bool speaks_h2(std::string_view message, bool& is_sure) const;
  void hand_over_to_h2();
  void refuse_head();
  void wait_for_bytes();
  void peer_finished();

  // ---- ClientSide
  const SocketAddress& address() const override { return peer_; }
  const SocketAddress& local_address() override { return ClientConnection::local_address(); }
  const char* request_base() const override { return request_base_; }
  BodySource& request_body() override;
  BodySink& response_body() override;
  bool can_replay_body() const override;
  void replay_body() override;
  bool send_head(const char* base, const http::ResponseHead& head,
                 const http::ResponseEdits& edits) override;
  bool send_interim(const char* base, const http::ResponseHead& head) override;
  bool send_local(std::string_view response) override;
  void begin_tunnel() override;
  void finish_sending() override;
  std::uint64_t bytes_sent() const override { return output_.bytes_sent(); }
  bool is_first_request() const override { return requests_ <= 1; }
  const tls::Stream* encryption() const override { return stream(); }
  bool is_on_leaving_address() const override {
    return context_.leaving->holds_local_address_of(fd());
  }
  bool has_left() const override { return hung_up(); }
  bool has_finished_sending() const override { return peer_closed(); }
  void wait_for_client(ClientWait wait) override;
  void watch_for_departure() override;
  void exchange_finished(AfterExchange after) override;

  // ---- closing
  void close_after_sending();
  void linger();
  void close_now(bool with_reset = false);

  [[nodiscard]] const config::Timeouts& timeouts() const noexcept;
  [[nodiscard]] Instant now() const noexcept { return context_.loop.now(); }
  void set_deadline(Duration wait) { context_.wheel.set(*this, now() + wait); }
  void release_slot();

  enum class State : std::uint8_t {
    kIdle,  // between requests, or before the first
    kHead,  // some bytes of a head are here
    kExchange,
    kFlushing,   // the last answer is not out yet; then close
    kLingering,  // we have finished; what the client still sends is dropped
    kClosed,
  };

  // A client that is still sending when we close gets this long, and this many bytes.
  static constexpr Milliseconds kLingerMax{2'000};
  static constexpr std::uint32_t kLingerBytesMax = 1024 * 1024;
  // How long an idle connection may still be used after a stop was asked for.
  static constexpr Milliseconds kStopIdle{1'000};
  // A client that is not watched (nothing is expected from it) is, if its answer takes this long.
  static constexpr Milliseconds kWatchAfter{500};
  /// Pipelined requests that are answered at once, before others get their turn.
  static constexpr std::uint32_t kRequestsPerTurn = 64;

  Context& context_;
  Acceptor& acceptor_;
  std::unique_ptr<RequestSlot> slot_;
  Input input_;
  Output output_;
  const char* request_base_ = nullptr;
  SocketAddress peer_;
  std::uint32_t requests_ = 0;
  std::uint32_t lingered_bytes_ = 0;
  State state_ = State::kIdle;
  bool reading_ = false;      // read_requests() is on the stack
  bool request_read_ = true;  // nothing of the last request is still to come
  ClientLimit limit_;
};

}  // namespace tandem::lb::proxy
