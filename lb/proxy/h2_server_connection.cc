#include "lb/proxy/h2_server_connection.h"

#include "common/check.h"
#include "common/log.h"
#include "lb/proxy/h2_transfer.h"
#include "lb/upstream/introduction.h"
#include "lb/upstream/local_server.h"

#include <memory>
#include <utility>
#include <vector>

namespace tandem::lb::proxy {
namespace {

http2::Session::Limits limits_of(const Context& context) noexcept {
  http2::Session::Limits limits;
  limits.head_bytes_max = context.limits.head_bytes_max;
  return limits;
}

/// What is left of one whose last request has ended goes at the end of a turn.
constexpr Duration kAtOnce = Duration::zero();

}  // namespace

H2ServerConnection* H2ServerConnection::take(Context& context, upstream::LocalServer& server,
                                             bool fresh, int& error) {
  if (!fresh)
    if (upstream::Multiplexed* shared = server.multiplexed_with_room())
      return static_cast<H2ServerConnection*>(shared);  // no other kind is on a server of HTTP/2
  upstream::Connection* connection = server.open(error);
  if (connection == nullptr) return nullptr;
  auto* made = new H2ServerConnection(context, *connection);
  server.add(*made);
  return made;
}

H2ServerConnection::H2ServerConnection(Context& context, upstream::Connection& connection)
    : context_(context),
      server_(connection.server()),
      connection_(&connection),
      session_(http2::Session::Role::kClient, limits_of(context), context.http2) {
  connection.set_user(this);
}

H2ServerConnection::~H2ServerConnection() = default;

bool H2ServerConnection::is_encrypted() const noexcept { return server_.config().ssl.has_value(); }

event::Socket& H2ServerConnection::socket() { return *connection_; }

// ---- connecting
// ----------------------------------------------------------------------------------

ServerSide::Connect H2ServerConnection::connect(ClientSide& client) {
  using Connect = ServerSide::Connect;
  if (outcome_ != Connect::kWaits || connection_ == nullptr) return outcome_;
  const auto failed = [this] {
    over();
    return outcome_;
  };
  if (connection_->is_plain()) {
    if (connection_->finish_connect() != 0) return failed();
    if (!connection_->writable()) return Connect::kWaits;
    if (upstream::wants_introduction(server_.config()) &&
        !upstream::introduce(*connection_, client.address(), client.local_address(),
                             client.encryption(), true))
      return failed();
  }
  switch (connection_->secure().status) {
    case event::Transfer::Status::kBlocked:
      return Connect::kWaits;
    case event::Transfer::Status::kDone:
      break;
    default:
      return failed();
  }
  // One that speaks plainly is known to speak HTTP/2 (RFC 9113 section 3.3).
  if (is_encrypted() && static_cast<const tls::Stream*>(connection_->layer())->protocol() != "h2") {
    log::warning("Server {}/{}: does not speak HTTP/2: it does not agree on \"h2\" by ALPN",
                 server_.backend().name, server_.config().name);
    return failed();
  }
  state_ = State::kOpen;
  outcome_ = Connect::kReady;
  send_soon();
  return outcome_;
}

void H2ServerConnection::on_connection_ready() {
  if (state_ == State::kOpen) return read();
  if (state_ == State::kConnecting) tell_all();
}

/// Those that wait for the connection, or have lost it. One that is told may end others.
void H2ServerConnection::tell_all() {
  session_.for_each_stream([this](http2::Stream& stream) { session_.note_news(stream); });
  serve_news();
}

// ---- frames
// --------------------------------------------------------------------------------------

void H2ServerConnection::read() {
  if (session_.has_output() && connection_->writable()) send_soon();
  serve_news();
  if (state_ != State::kOpen) return;
  const H2Transfer result =
      read_frames(*connection_, session_, context_.read_scratch, [this](std::span<char> bytes) {
        const bool goes_on = session_.receive(bytes, context_.loop.now());
        send_soon();
        serve_news();
        return goes_on && state_ == State::kOpen;
      });
  if (state_ != State::kOpen) return;
  if (result == H2Transfer::kYields) context_.poller.again(*connection_);
  if (result == H2Transfer::kGone || result == H2Transfer::kStops) over();
}

void H2ServerConnection::serve_news() {
  if (std::exchange(serving_, true)) return;
  while (http2::Stream* stream = session_.next_news())
    if (stream->user != nullptr) stream->user->on_stream();
  serving_ = false;
}

void H2ServerConnection::send_soon() {
  if (state_ == State::kOpen) context_.poller.at_turn_end(*this);
}

void H2ServerConnection::call_later(http2::Stream& stream) {
  session_.note_news(stream);
  if (connection_ != nullptr) context_.poller.again(*connection_);
}

void H2ServerConnection::on_turn_end() {
  if (state_ == State::kOpen) write();
  let_go_if_done();
}

void H2ServerConnection::write() {
  const H2Transfer result = write_frames(*connection_, session_, [this](std::size_t) {
    serve_news();
    return state_ == State::kOpen;
  });
  if (state_ != State::kOpen) return;
  if (result == H2Transfer::kYields) context_.poller.again(*connection_);
  if (result == H2Transfer::kGone || session_.is_over()) over();
}

// ---- streams
// -------------------------------------------------------------------------------------

bool H2ServerConnection::has_room() const {
  // A PROXY header has told the server of one client: requests of others would be taken for his.
  if (!takes_more_ || state_ == State::kClosed ||
      (opened_ > 0 && upstream::wants_introduction(server_.config())))
    return false;
  return session_.has_room();
}

http2::Stream& H2ServerConnection::open_stream(H2ServerUser& user) {
  ++opened_;
  clear();
  http2::Stream& stream = session_.open();
  stream.user = &user;
  return stream;
}

void H2ServerConnection::close_stream(http2::Stream& stream, bool whole) {
  stream.user = nullptr;
  if (!whole || !stream.has_ended() || !stream.has_finished())
    session_.reset(stream, NGHTTP2_CANCEL);
  session_.release(stream);
  send_soon();
  if (session_.has_streams()) return;
  // Not at once: the request is on the stack.
  const bool stays = state_ == State::kOpen && takes_more_;
  context_.wheel.set(*this, context_.loop.now() + (stays ? server_.backend().pool_idle : kAtOnce));
}

void H2ServerConnection::retire() {
  takes_more_ = false;
  if (!session_.has_streams()) context_.wheel.set(*this, context_.loop.now() + kAtOnce);
}

void H2ServerConnection::on_server_shutdown() {
  std::vector<H2ServerUser*> users;
  session_.for_each_stream([&users](http2::Stream& stream) {
    if (stream.user != nullptr) users.push_back(static_cast<H2ServerUser*>(stream.user));
  });
  takes_more_ = false;
  for (H2ServerUser* user : users) user->on_shutdown();
}

void H2ServerConnection::on_deadline() {
  takes_more_ = false;
  if (state_ == State::kOpen && !session_.has_streams()) {
    session_.go_away(false);
    write();
  }
  let_go_if_done();
}

// ---- the end
// -------------------------------------------------------------------------------------

void H2ServerConnection::over() {
  if (state_ == State::kClosed) return;
  if (state_ == State::kOpen && !session_.trouble().empty()) {
    log::warning("Server {}/{}: HTTP/2 connection is ended: {}", server_.backend().name,
                 server_.config().name, session_.trouble());
  }
  state_ = State::kClosed;
  takes_more_ = false;
  if (outcome_ == ServerSide::Connect::kWaits) outcome_ = ServerSide::Connect::kFailed;
  upstream::Connection& connection = *std::exchange(connection_, nullptr);
  server_.discard(connection);
  session_.break_off();
  context_.wheel.set(*this, context_.loop.now() + kAtOnce);
  tell_all();
}

void H2ServerConnection::let_go_if_done() {
  if (takes_more_ || session_.has_streams() || serving_) return;
  clear();
  TurnEnd::unlink();
  if (state_ != State::kClosed) {
    state_ = State::kClosed;
    server_.discard(*std::exchange(connection_, nullptr));
  }
  delete this;
}

}  // namespace tandem::lb::proxy
