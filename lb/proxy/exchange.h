// Exchange: one request from its head to the last byte of its answer. It routes, takes a server,
// sends, tries again where that is safe, and moves the answer; at its end it fills one Outcome.
//
//   start ──> local answer ───────────────────────────────────────────────┐
//     │                                                                   │
//     └─> choose ──> queued ──> connecting ──> sent ──> streaming ──> draining ──> finished
//            ^          │           │           │           │
//            │          │           └─ failed ──┤           └─> tunnel
//            └──────────┴──── pausing <─────────┘ (nothing of it can have been acted on)
//
// It is written against ClientSide and ServerSide and knows no version of HTTP on either side.
#pragma once

#include "http/local_response.h"
#include "lb/compression/head_edits.h"
#include "lb/proxy/client_side.h"
#include "lb/proxy/compressor.h"
#include "lb/proxy/context.h"
#include "lb/proxy/h1_upstream.h"
#include "lb/proxy/h2_upstream.h"
#include "lb/proxy/header_edits.h"
#include "lb/proxy/outcome.h"
#include "lb/proxy/placement.h"
#include "lb/proxy/pump.h"
#include "lb/proxy/server_side.h"

#include <array>
#include <optional>
#include <string>

namespace tandem::lb::proxy {

/// Owner: a RequestSlot of the client's connection; used again for later requests.
/// Thread: the worker's.
class Exchange final : public upstream::ConnectionUser,
                       public event::Deadline,
                       private PlaceWaiter {
 public:
  /// How an attempt failed. kOwnShortage says nothing about the server: it is ours to lack
  /// descriptors, ports or memory.
  enum class Failure : std::uint8_t { kConnect, kConnectTimeout, kOwnShortage, kClosed };

  explicit Exchange(Context& context);

  /// The first byte of a request has arrived on `frontend`.
  void begin(ClientSide& client, config::FrontendIndex frontend);
  /// No request has come, and none will: the client speaks something else.
  void abandon() noexcept { state_ = State::kFinished; }
  /// Where the decoder puts the head.
  [[nodiscard]] http::RequestHead& request() noexcept { return request_; }

  /// Bytes of the request's body that have been read.
  [[nodiscard]] std::uint64_t request_body_bytes() const noexcept { return request_pump_.bytes(); }

  /// The head is complete.
  void start();
  /// The request was refused (a status of http::ParseError), or did not come in time (408).
  /// `phase`: of the log; kHeaders for a body that a server was already waiting for.
  void refuse(int status, Cause cause, Phase phase = Phase::kRequest);
  /// The client went away, or closed, before its head was complete.
  void client_left_in_head();

  /// The client's connection became readable, writable or closed.
  void on_client_ready();
  /// The client let the time pass in which it should have sent or read something.
  void on_client_timeout();
  /// The process ends before this request does.
  void cut();

 private:
  enum class State : std::uint8_t {
    kReadingHead,
    kQueued,
    kPausing,  // before another attempt at the same server
    kConnecting,
    kSent,       // request on its way or delivered, no final response head yet
    kStreaming,  // response body on its way
    kTunnel,
    kDraining,  // all is given to the client's socket, which has not taken it yet
    kFinished,
  };

  // ---- choosing a server (exchange.cc)
  void route();
  void edit_headers(const route::RouteRequest& request, std::size_t rules_before);
  void apply(const config::UseBackend& use);
  void apply(const config::Redirect& redirect);
  void apply(const config::Return& answer);
  void enter_backend(config::BackendIndex backend);
  [[nodiscard]] std::optional<std::uint64_t> balance_key(const config::Balance& balance) const;
  void follow(Placement::Step step);
  void on_place(balance::ServerIndex server) override;
  void connect();
  void connect_h2();
  [[nodiscard]] upstream::ReuseNeed reuse_need() const;

  // ---- one attempt (exchange_attempt.cc)
  void on_connection_ready() override;
  void on_server_shutdown() override;
  void on_connect_ready();
  void send_request();
  void progress();
  void move_request();
  void read_response();
  void start_response();
  void start_tunnel();
  void move_response();
  void move_tunnel();
  void response_complete();
  [[nodiscard]] bool keeps_client();

  // ---- compression of the answer (exchange_compression.cc)
  /// nullptr: it is off.
  [[nodiscard]] const config::Compression* compression() const noexcept;
  /// What changes in the answer's head; `framing` becomes that of its body as it is then.
  [[nodiscard]] compression::HeadEdits plan_compression(http::BodyFraming& framing);
  [[nodiscard]] bool begin_compression(const config::Compression& settings,
                                       http::ContentCoding coding, http::BodyFraming& framing);
  [[nodiscard]] BodySink& response_sink() {
    if (compressor_.is_on()) return compressor_;
    return client_->response_body();
  }
  void fill_compression(Outcome& outcome) const;

  // ---- when it goes wrong (exchange_failure.cc)
  void attempt_failed(Failure failure);
  [[nodiscard]] bool may_try_again(Failure failure) const;
  void try_again(Failure failure);
  void bad_response(const http::ParseError& error, std::string_view bytes);
  void response_broke_off(Cause cause);
  void client_aborted();
  void on_deadline() override;

  // ---- ending
  void answer(const http::LocalResponse& response, Cause cause, Phase phase);
  void answer_error(int status, Cause cause, Phase phase);
  [[nodiscard]] const std::string* error_file(int status) const;
  void release_server(bool reusable);
  void end(Cause cause, Phase phase, AfterExchange after);
  void fill(Outcome& outcome) const;
  void fill_for_log(Outcome& outcome) const;
  [[nodiscard]] Phase phase() const noexcept;

  void set_server_deadline(Duration wait) { context_.wheel.set(*this, now() + wait); }
  [[nodiscard]] Instant now() const noexcept { return context_.loop.now(); }
  [[nodiscard]] bool is_logged() const noexcept {
    return context_.snapshot.access_log.target != config::AccessLog::Target::kNone;
  }
  [[nodiscard]] const config::Frontend& frontend() const noexcept {
    return context_.snapshot.frontends[frontend_];
  }
  [[nodiscard]] upstream::LocalBackend& backend() const noexcept { return placement_.backend(); }
  [[nodiscard]] upstream::LocalServer& server() const noexcept { return placement_.server(); }
  [[nodiscard]] std::string_view text(http::Slice slice) const {
    return slice.in(client_->request_base());
  }

  // A server that sends only 1xx answers nothing; while the client does not read they pile up.
  static constexpr std::uint32_t kInterimsMax = 64;

  Context& context_;
  ClientSide* client_ = nullptr;
  config::FrontendIndex frontend_ = 0;
  State state_ = State::kFinished;
  http::RequestHead request_;
  http::ResponseHead response_;
  HeaderEdits header_edits_;
  bool head_complete_ = false;

  Placement placement_;
  bool needs_fresh_ = false;  // a pooled connection has failed it

  H1Upstream h1_;
  H2Upstream h2_;
  ServerSide* upstream_ = &h1_;  // the one of this attempt
  Pump request_pump_;
  Pump response_pump_;
  Compressor compressor_;
  bool bypasses_compression_ = false;  // no encoder could be had
  bool request_given_ = false;         // the whole request has been given to the server's socket
  bool request_broken_ = false;        // the server stopped reading it; it may still answer
  bool reading_request_ = false;       // waiting for more of the request's body
  bool response_started_ = false;
  bool closes_client_ = false;      // the response said so
  bool frames_by_close_ = false;    // the response's end is the connection's
  Cause end_cause_ = Cause::kNone;  // of an answer that is complete when the client has read it
  Phase end_phase_ = Phase::kNone;
  bool tunnel_up_done_ = false;
  bool tunnel_down_done_ = false;
  std::string unique_id_;

  std::chrono::system_clock::time_point accepted_at_;
  Instant began_;
  std::optional<Instant> head_at_;
  std::optional<Instant> sent_at_;
  std::optional<Instant> response_at_;
  std::uint32_t interims_ = 0;
  int status_ = 0;
  bool reused_ = false;
};

}  // namespace tandem::lb::proxy
