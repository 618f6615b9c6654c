#include "lb/proxy/acceptor.h"

#include "common/check.h"
#include "common/file_descriptor.h"
#include "common/log.h"
#include "lb/proxy/arrival.h"
#include "lb/proxy/downstream.h"
#include "lb/proxy/tcp_session.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace tandem::lb::proxy {

Acceptor::Acceptor(Context& context, IntrusiveList<ClientConnection, InWorkerList>& connections,
                   Place place, std::shared_ptr<const tls::ServerContext> tls, int listening_fd)
    : Socket(context.poller),
      context_(context),
      connections_(connections),
      frontend_(place.frontend),
      bind_(place.bind),
      tls_(std::move(tls)) {
  attach(listening_fd);
  TANDEM_CHECK(watch());
}

bool Acceptor::has_full_queue() const noexcept {
  // Of a listening socket these two are the queue's length and its limit (tcp_get_info()).
  tcp_info info{};
  socklen_t size = sizeof info;
  if (!is_open() || ::getsockopt(fd(), IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return false;
  return info.tcpi_sacked > 0 && info.tcpi_unacked >= info.tcpi_sacked;
}

void Acceptor::stop() noexcept {
  clear();
  // The descriptor of a Unix socket is a copy, which close() alone does not take out of the poller.
  const FileDescriptor listening(detach());
}

bool Acceptor::take_place() {
  const auto enter = [](std::atomic<std::uint32_t>& count, std::uint32_t limit) {
    const std::uint32_t before = count.fetch_add(1, std::memory_order_relaxed);
    if (limit == 0 || before < limit) return true;
    count.fetch_sub(1, std::memory_order_relaxed);
    return false;
  };
  upstream::ProcessShared& process = context_.shared.process;
  upstream::FrontendShared& frontend = context_.shared.frontends[frontend_];
  if (!enter(process.connections, process.maxconn.load(std::memory_order_relaxed))) return false;
  if (!enter(frontend.connections, frontend.maxconn.load(std::memory_order_relaxed))) {
    process.connections.fetch_sub(1, std::memory_order_relaxed);
    return false;
  }
  upstream::raise(process.connections_most, process.connections.load(std::memory_order_relaxed));
  upstream::raise(frontend.connections_most, frontend.connections.load(std::memory_order_relaxed));
  return true;
}

void Acceptor::give_place_back() noexcept {
  context_.shared.process.connections.fetch_sub(1, std::memory_order_relaxed);
  context_.shared.frontends[frontend_].connections.fetch_sub(1, std::memory_order_relaxed);
}

void Acceptor::on_ready() {
  if (is_full_) return;
  for (int i = 0; i < kBatch; ++i) {
    if (!take_place()) {
      context_.figures.worker().maxconn_reached.add();
      is_full_ = true;
      pause(kFullPause);
      return;
    }
    sockaddr_storage peer;
    socklen_t size = sizeof peer;
    const int fd = ::accept4(this->fd(), reinterpret_cast<sockaddr*>(&peer), &size,
                             SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
      give_place_back();
      if (errno == EAGAIN) return;
      // A connection that was reset while it waited is nobody's fault.
      if (errno == ECONNABORTED || errno == EINTR) continue;
      context_.figures.worker().accept_failures.add();
      log::warning("Proxy {}: cannot accept a connection: {}", frontend().name,
                   std::strerror(errno));
      is_full_ = true;
      pause(kFailurePause);
      return;
    }
    figures::FrontendCells& cells = context_.figures.frontend(frontend_);
    cells.connections.add();
    cells.connections_now.add(1);
    cells.connections_most.raise_to(cells.connections_now.value());
    context_.figures.worker().connections.add();
    context_.figures.worker().connections_now.add(1);
    admit(fd, SocketAddress(reinterpret_cast<sockaddr*>(&peer), size));
  }
  context_.poller.again(*this);
}

void Acceptor::admit(int fd, const SocketAddress& peer) {
  if (!expects_header(bind().accept_proxy, peer)) return begin_session(fd, peer);
  auto* arrival = new Arrival(context_, *this, fd, peer);
  connections_.push_back(*arrival);
  arrival->start();
}

void Acceptor::count_refused_header(figures::ProxyHeaderError error, const SocketAddress& peer,
                                    std::string_view words) {
  context_.figures.frontend(frontend_).proxy_header_errors[static_cast<std::size_t>(error)].add();
  if (words.empty()) return;
  const auto kept_back = about_headers_.may_speak(context_.loop.now());
  if (!kept_back) return;
  log::warning("Proxy {}: a connection from {} is refused: {}{}", frontend().name, peer.text(),
               words, *kept_back == 0 ? "" : fmt::format(" ({} more since the last)", *kept_back));
}

void Acceptor::begin_session(int fd, const SocketAddress& peer, const SocketAddress* local) {
  ClientConnection* connection = nullptr;
  if (frontend().mode == config::Mode::kTcp) {
    connection = new TcpSession(context_, *this, fd, peer);
  } else {
    connection = new Downstream(context_, *this, fd, peer);
  }
  if (local != nullptr) connection->set_local_address(*local);
  connections_.push_back(*connection);
  if (tls_) {
    tls::SslPointer ssl = tls_->begin();
    if (!ssl) {
      log::warning("Proxy {}: no memory for a TLS connection", frontend().name);
      connection->stop_now();
      return;
    }
    tls::HandshakeObserver* const observer = this;
    connection->encrypt(std::make_unique<tls::Stream>(std::move(ssl), *connection, observer));
  }
  connection->start();
}

void Acceptor::go_on(ClientConnection& connection) {
  connections_.push_back(connection);
  connection.start();
}

void Acceptor::handshake_done(const tls::Stream& stream) {
  figures::FrontendCells& cells = context_.figures.frontend(frontend_);
  const bool is_newest = stream.version() == "TLSv1.3";
  cells.tls_handshakes[is_newest ? 1 : 0].add();
  if (stream.is_resumed()) cells.tls_resumptions.add();
  cells.tls_connections_now.add(1);
}

void Acceptor::handshake_failed(std::string_view reason) {
  figures::FrontendCells& cells = context_.figures.frontend(frontend_);
  (reason.empty() ? cells.tls_aborts : cells.tls_failures).add();
  if (!reason.empty()) log::debug("Proxy {}: TLS handshake failed: {}", frontend().name, reason);
}

void Acceptor::encrypted_connection_closed() {
  context_.figures.frontend(frontend_).tls_connections_now.add(-1);
}

void Acceptor::connection_closed() {
  give_place_back();
  context_.figures.frontend(frontend_).connections_now.add(-1);
  context_.figures.worker().connections_now.add(-1);
  if (is_full_ && is_open()) {
    is_full_ = false;
    context_.poller.again(*this);
  }
}

void Acceptor::pause(Duration how_long) {
  context_.wheel.set(*this, context_.loop.now() + how_long);
}

void Acceptor::on_deadline() {
  is_full_ = false;
  if (is_open()) on_ready();
}

}  // namespace tandem::lb::proxy
