#include "lb/upstream/connection.h"

#include "lb/upstream/local_server.h"
#include "lb/upstream/tcp_acknowledged.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstddef>
#include <memory>
#include <utility>

namespace tandem::lb::upstream {

int Connection::connect(const SocketAddress& address) noexcept {
  const int fd = ::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return errno;
  attach(fd);
  is_tcp_ = !address.is_unix();
  if (is_tcp_) {
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  int error = ::connect(fd, address.data(), address.size()) == 0 ? 0 : errno;
  if (error == EINPROGRESS) error = 0;
  if (error == 0 && !watch()) error = errno;
  if (error != 0) close();
  set_readable(false);
  set_writable(false);
  return error;
}

int Connection::finish_connect() noexcept {
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(fd(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
  return error;
}

event::Transfer Connection::secure() {
  if (!server_.config().ssl) return {.status = event::Transfer::Status::kDone};
  if (is_plain()) {
    tls::SslPointer ssl = server_.config().ssl->context->begin(
        server_.config().proto == config::Proto::kH2 ? "h2" : "");
    if (!ssl) return {.status = event::Transfer::Status::kFailed, .error = ENOMEM};
    set_layer(std::make_unique<tls::Stream>(std::move(ssl), *this, &server_));
  }
  return static_cast<tls::Stream*>(layer())->handshake(*this);
}

bool Connection::is_quiet() noexcept {
  char byte = 0;
  // Tickets that come behind an answer are not for us to see.
  if (!is_plain()) return read({&byte, 1}).status == event::Transfer::Status::kBlocked;
  const ssize_t count = ::recv(fd(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (count < 0 && errno == EAGAIN) {
    set_readable(false);
    return true;
  }
  return false;
}

bool Connection::request_surely_unread() const noexcept {
  // Of what was encrypted nobody here knows how many bytes it became.
  if (!is_tcp_ || !is_open() || !is_plain()) return false;
  const auto acknowledged = tcp_bytes_acknowledged(fd());
  // The SYN counts as one byte.
  return acknowledged && *acknowledged <= bytes_before_request_ + 1;
}

void Connection::on_ready() {
  if (user_ != nullptr) {
    server_.expect_answer();
    user_->on_connection_ready();
    return;
  }
  // Nobody asked for anything: it was closed, or the server speaks unasked. Either way it is spent.
  // Unless the event was for what its last user has read in this very turn.
  if (is_spent()) server_.drop_idle(*this);
}

void Connection::on_deadline() {
  if (user_ == nullptr) server_.drop_idle(*this);
}

}  // namespace tandem::lb::upstream
