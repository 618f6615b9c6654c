#include "lb/proxy/tcp_session.h"

#include "common/daemon.h"
#include "lb/balance/key.h"
#include "lb/proxy/acceptor.h"
#include "lb/proxy/record.h"
#include "lb/upstream/introduction.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <utility>
#include <variant>

namespace tandem::lb::proxy {

TcpSession::TcpSession(Context& context, Acceptor& acceptor, int fd, const SocketAddress& peer)
    : ClientConnection(context.poller),
      context_(context),
      acceptor_(acceptor),
      placement_(context, *this),
      up_(context),
      down_(context),
      peer_(peer),
      began_(context.loop.now()) {
  attach(fd);
}

void TcpSession::start() {
  if (is_logged()) accepted_at_ = std::chrono::system_clock::now();
  if (!watch()) return end(Cause::kResource, Phase::kRequest);
  const auto& inspect_delay = acceptor_.frontend().inspect_delay;
  if (!inspect_delay) return choose_backend();
  state_ = State::kInspecting;
  set_deadline(*inspect_delay);
  inspect();
}

// ---- a client's hello --------------------------------------------------------------------------

void TcpSession::inspect() {
  using figures::HelloResult;
  std::array<char, tls::kClientHelloBytesMax> bytes;
  const ssize_t count = ::recv(fd(), bytes.data(), bytes.size(), MSG_PEEK | MSG_DONTWAIT);
  const bool nothing_yet = count < 0 && (errno == EAGAIN || errno == EINTR);
  // Bytes that came before a reset are still there to be read.
  if (hung_up() || (count <= 0 && !nothing_yet)) {
    count_hello(HelloResult::kAborted);
    return end(Cause::kClientAborted, Phase::kRequest);
  }
  const std::size_t size = nothing_yet ? 0 : static_cast<std::size_t>(count);
  auto hello = tls::read_client_hello({bytes.data(), size});
  if (hello) {
    hello_ = std::make_unique<const tls::ClientHello>(std::move(*hello));
    return go_on_with(HelloResult::kRead);
  }
  switch (hello.error()) {
    case tls::NoHello::kTooLong:
      return go_on_with(HelloResult::kTooLong);
    case tls::NoHello::kNotTls:
      return go_on_with(HelloResult::kNotTls);
    case tls::NoHello::kNotWhole:
      break;
  }
  // What was sent before the client had finished may be all that some server waits for.
  if (peer_closed() && size > 0) return go_on_with(HelloResult::kNotTls);
  // Bytes that stay in the socket are no reason for an event; further ones are.
  set_readable(false);
}

void TcpSession::go_on_with(figures::HelloResult result) {
  count_hello(result);
  clear();
  // No event will tell of the bytes that were only looked at.
  set_readable(true);
  choose_backend();
}

void TcpSession::count_hello(figures::HelloResult result) noexcept {
  figures::FrontendCells& cells = context_.figures.frontend(acceptor_.frontend_index());
  cells.client_hellos[static_cast<std::size_t>(result)].add();
}

// ---- a server ----------------------------------------------------------------------------------

void TcpSession::choose_backend() {
  // The rules of a TCP frontend have no conditions on requests: nothing of one is asked for.
  route::RouteRequest request{
      .host = {}, .path_with_query = {}, .method = {}, .is_encrypted = stream() != nullptr};
  if (hello_) {
    request.server_name = hello_->server_name;
    request.protocols = hello_->protocols;
  }
  const config::Action* action = context_.routers[acceptor_.frontend_index()].route(request).action;
  const auto* use = action == nullptr ? nullptr : std::get_if<config::UseBackend>(action);
  if (use == nullptr) return end(Cause::kServerAborted, Phase::kConnect);
  upstream::LocalBackend& backend = *context_.backends[use->backend];
  follow(placement_.enter(backend, balance_key(backend.config().balance)));
}

std::optional<std::uint64_t> TcpSession::balance_key(const config::Balance& balance) const {
  if (balance.key != config::Balance::Key::kSource) return std::nullopt;
  return balance::source_key(peer_);
}

void TcpSession::follow(Placement::Step step) {
  switch (step) {
    case Placement::Step::kPlaced:
      connect();
      return;
    case Placement::Step::kQueued:
      state_ = State::kQueued;
      set_deadline(placement_.backend().config().timeouts.queue);
      return;
    case Placement::Step::kPause:
      state_ = State::kPausing;
      set_deadline(placement_.pause());
      return;
    case Placement::Step::kQueueFull:
      end(Cause::kServerAborted, Phase::kQueue);
      return;
    case Placement::Step::kNone:
      end(failed_by_, Phase::kConnect);
      return;
  }
}

void TcpSession::on_place(balance::ServerIndex server) {
  clear();
  follow(placement_.granted(server));
}

void TcpSession::connect() {
  state_ = State::kConnecting;
  int error = 0;
  connection_ = placement_.server().open(error);
  if (connection_ == nullptr)
    return attempt_failed(daemon::is_own_shortage(error) ? Cause::kResource
                                                         : Cause::kServerAborted);
  connection_->set_user(this);
  set_deadline(placement_.backend().config().timeouts.connect);
}

void TcpSession::on_connect_ready() {
  // Once it is not plain, it is the handshake that goes on.
  if (connection_->is_plain()) {
    if (connection_->finish_connect() != 0) return attempt_failed(Cause::kServerAborted);
    if (!connection_->writable()) return;
    // Nothing else may follow soon: the header goes alone.
    if (upstream::wants_introduction(placement_.server().config()) &&
        !upstream::introduce(*connection_, peer_, local_address(), stream(), false))
      return attempt_failed(Cause::kServerAborted);
  }
  switch (connection_->secure().status) {
    case event::Transfer::Status::kBlocked:
      return;
    case event::Transfer::Status::kDone:
      return begin_relaying();
    default:
      return attempt_failed(Cause::kServerAborted);
  }
}

void TcpSession::attempt_failed(Cause cause) {
  failed_by_ = cause;
  if (cause != Cause::kResource) placement_.count_connect_failure();
  if (!placement_.may_retry()) return end(cause, Phase::kConnect);
  // Counted before the place is given back, which may hand it to somebody who waits.
  placement_.count_retry(true);
  disconnect(false);
  clear();
  follow(placement_.go_on_elsewhere());
}

// ---- bytes -------------------------------------------------------------------------------------

void TcpSession::begin_relaying() {
  placement_.note_connected();
  balance::Policy& policy = placement_.backend().policy();
  if (policy.wants_latency())
    policy.completed(placement_.server_index(), *placement_.connect_time(), now());
  placement_.observe(true, false);
  state_ = State::kRelaying;
  up_.begin(*this, *connection_);
  down_.begin(*connection_, *this);
  active_at_ = now();
  set_deadline(std::min(client_limit(), server_limit()));
  relay();
}

void TcpSession::relay() {
  // The server's bytes first: its last word still reaches a client that sends to a closed end.
  if (down_.can_move() && !run(down_, *this)) return;
  if (up_.can_move() && !run(up_, *connection_)) return;
  if (up_.is_done() && down_.is_done()) {
    end(Cause::kNone, Phase::kNone);
  } else if (up_.is_done() && was_reset(*this)) {
    client_aborted();
  } else if (down_.is_done() && was_reset(*connection_)) {
    server_aborted();
  }
}

bool TcpSession::run(Relay& relay, event::Socket& to) {
  active_at_ = now();
  const bool upwards = &relay == &up_;
  switch (relay.run()) {
    case Pump::State::kWaitsForSource:
    case Pump::State::kWaitsForSink:
    case Pump::State::kYields:
      return true;
    case Pump::State::kDone:
      to.finish_sending();
      return true;
    case Pump::State::kSourceBroken:
    case Pump::State::kSourceMalformed:
      upwards ? client_aborted() : server_aborted();
      return false;
    case Pump::State::kSinkBroken:
      upwards ? server_aborted() : client_aborted();
      return false;
  }
  return true;
}

bool TcpSession::was_reset(const event::Socket& socket) noexcept {
  if (!socket.hung_up()) return false;
  // A Unix socket hangs up as soon as its peer closes, with nothing wrong.
  int error = 0;
  socklen_t size = sizeof error;
  return ::getsockopt(socket.fd(), SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error != 0;
}

// ---- silence -----------------------------------------------------------------------------------

Milliseconds TcpSession::client_limit() const noexcept {
  const config::Timeouts& backend = placement_.backend().config().timeouts;
  return backend.tunnel_written ? backend.tunnel : acceptor_.frontend().timeouts.client;
}

Milliseconds TcpSession::server_limit() const noexcept {
  const config::Timeouts& backend = placement_.backend().config().timeouts;
  return backend.tunnel_written ? backend.tunnel : backend.server;
}

TcpSession::Silence TcpSession::silence() const noexcept {
  const auto awaits_sender = [](const Relay& relay) {
    return relay.state() == Pump::State::kWaitsForSource;
  };
  const auto awaits_taker = [](const Relay& relay) {
    return relay.state() == Pump::State::kWaitsForSink;
  };
  const bool awaits_client = awaits_sender(up_) || awaits_taker(down_);
  const bool awaits_server = awaits_sender(down_) || awaits_taker(up_);
  const Milliseconds client = client_limit();
  const Milliseconds server = server_limit();
  if (awaits_client && (!awaits_server || client <= server)) return {client, Cause::kClientTimeout};
  return {server, Cause::kServerTimeout};
}

void TcpSession::on_silence() {
  const auto [limit, cause] = silence();
  const Instant over = active_at_ + limit;
  if (over <= now()) {
    end(cause, Phase::kData);
    return;
  }
  // Whose silence counts changes with what moves: looked at again after the shorter limit.
  const Instant soon = now() + std::min(client_limit(), server_limit());
  context_.wheel.set(*this, std::min(over, soon));
}

// ---- what happens to it ------------------------------------------------------------------------

void TcpSession::on_ready() {
  switch (state_) {
    case State::kRelaying:
      relay();
      return;
    case State::kInspecting:
      inspect();
      return;
    case State::kQueued:
    case State::kPausing:
    case State::kConnecting:
      if (client_has_left()) client_aborted();
      return;
    case State::kStarting:
    case State::kClosed:
      return;
  }
}

void TcpSession::on_connection_ready() {
  if (state_ == State::kConnecting) {
    on_connect_ready();
  } else {
    relay();
  }
}

void TcpSession::on_server_shutdown() {
  if (state_ != State::kConnecting) return end(Cause::kServerDown, Phase::kData);
  if (!placement_.may_retry()) return end(Cause::kServerDown, Phase::kConnect);
  placement_.count_retry(true);
  disconnect(false);
  clear();
  follow(placement_.go_on_elsewhere());
}

void TcpSession::on_deadline() {
  switch (state_) {
    case State::kInspecting:
      go_on_with(figures::HelloResult::kTimeout);
      return;
    case State::kQueued:
      placement_.count_queue_timeout();
      end(Cause::kServerTimeout, Phase::kQueue);
      return;
    case State::kPausing:
      follow(placement_.go_on_after_pause());
      return;
    case State::kConnecting:
      attempt_failed(Cause::kServerTimeout);
      return;
    case State::kRelaying:
      on_silence();
      return;
    case State::kStarting:
    case State::kClosed:
      return;
  }
}

bool TcpSession::client_has_left() const noexcept {
  if (hung_up()) return true;
  if (!peer_closed()) return false;
  // Who has finished sending may still wait for the answer; who has sent nothing asks for none.
  char byte = 0;
  return ::recv(fd(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

void TcpSession::client_aborted() {
  if (placement_.has_server()) {
    placement_.server().cells().client_aborts.add();
  } else {
    placement_.backend().cells().client_aborts.add();
  }
  end(Cause::kClientAborted, phase());
}

void TcpSession::server_aborted() {
  placement_.server().cells().server_aborts.add();
  end(Cause::kServerAborted, Phase::kData);
}

void TcpSession::stop_now() {
  if (state_ != State::kClosed) end(Cause::kProxy, phase());
}

// ---- ending ------------------------------------------------------------------------------------

Phase TcpSession::phase() const noexcept {
  switch (state_) {
    case State::kStarting:
    case State::kInspecting:
      return Phase::kRequest;
    case State::kQueued:
      return Phase::kQueue;
    case State::kPausing:
    case State::kConnecting:
      return Phase::kConnect;
    case State::kRelaying:
      return Phase::kData;
    case State::kClosed:
      break;
  }
  return Phase::kNone;
}

void TcpSession::disconnect(bool with_reset) {
  if (connection_ != nullptr) {
    upstream::Connection& connection = *std::exchange(connection_, nullptr);
    connection.server().discard(connection, with_reset);
  }
  placement_.give_back();
}

void TcpSession::end(Cause cause, Phase phase) {
  const bool with_reset = cause != Cause::kNone;
  if (state_ == State::kQueued) placement_.leave_queue();
  disconnect(with_reset);
  clear();
  record_end(cause, phase);
  state_ = State::kClosed;
  if (with_reset) close_with_reset();
  close();
  ListLink<InWorkerList>::unlink();
  acceptor_.connection_closed();
  context_.poller.retire(std::unique_ptr<event::Socket>(this));
}

void TcpSession::record_end(Cause cause, Phase phase) {
  Outcome outcome;
  outcome.frontend = acceptor_.frontend_index();
  outcome.client = &peer_;
  placement_.fill(outcome);
  outcome.bytes_in = up_.bytes_read();
  outcome.bytes_out = down_.bytes_written();
  outcome.bytes_spliced = down_.bytes_spliced();
  outcome.cause = cause;
  outcome.phase = phase;
  outcome.accepted_at = accepted_at_;
  outcome.total_time = now() - began_;
  if (is_logged()) {
    if (context_.snapshot.access_log.format == config::AccessLog::Format::kJson)
      outcome.local = &local_address();
    if (stream() != nullptr) {
      outcome.tls_version = stream()->version();
      outcome.tls_cipher = stream()->cipher();
      outcome.sni = stream()->server_name();
    } else if (hello_) {
      outcome.sni = hello_->server_name;
    }
    constexpr auto kRelaxed = std::memory_order_relaxed;
    outcome.process_connections = context_.shared.process.connections.load(kRelaxed);
    outcome.frontend_connections =
        context_.shared.frontends[acceptor_.frontend_index()].connections.load(kRelaxed);
    placement_.fill_loads(outcome);
  }
  record(context_, outcome);
}

}  // namespace tandem::lb::proxy
