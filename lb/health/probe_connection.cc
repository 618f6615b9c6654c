#include "lb/health/probe_connection.h"

#include "common/check.h"
#include "common/daemon.h"
#include "lb/proxy_protocol/header.h"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace tandem::lb::health {
namespace {

int pending_error(int fd) noexcept {
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
  return error;
}

}  // namespace

Status connect_failure(int error) noexcept {
  return daemon::is_own_shortage(error) ? Status::kSockErr : Status::kL4Con;
}

ProbeConnection::ProbeConnection(event::Poller& poller, const ProbeTarget& target, ProbeDone done)
    : Socket(poller),
      target_(target),
      done_(std::move(done)),
      started_(Clock::now()),
      timer_(poller.loop(), [this] { on_timer(); }) {}

void ProbeConnection::begin() {
  early_error_ = connect_now();
  timer_.start(early_error_ != 0 ? Milliseconds::zero() : target_.timeout);
}

int ProbeConnection::connect_now() {
  const SocketAddress& address = target_.address;
  const int fd = ::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return errno;
  attach(fd);
  if (!address.is_unix()) {
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  if (::connect(fd, address.data(), address.size()) != 0 && errno != EINPROGRESS) return errno;
  // Watched only now: the kernel calls a socket that was never connected "hung up".
  return watch() ? 0 : errno;
}

/// "It is I": before any other byte, and in plain text whatever follows.
bool ProbeConnection::introduce() {
  using proxy_protocol::Version;
  if (target_.send_proxy == config::SendProxy::kNone) return true;
  const bool is_v1 = target_.send_proxy == config::SendProxy::kV1;
  std::array<char, proxy_protocol::kPlainBytesMax> bytes;
  const auto size = proxy_protocol::encode(bytes, {.version = is_v1 ? Version::kV1 : Version::kV2});
  TANDEM_CHECK(size.has_value());
  const iovec piece{.iov_base = bytes.data(), .iov_len = *size};
  return write({&piece, 1}).bytes == *size;  // a fresh connection has room for it
}

void ProbeConnection::abandon() noexcept {
  done_ = nullptr;
  timer_.stop();
  close();
}

void ProbeConnection::on_ready() {
  if (is_finished() || early_error_ != 0) return;
  switch (phase_) {
    case Phase::kConnecting:
      return on_connect_ready();
    case Phase::kHandshake:
      return shake_hands();
    case Phase::kTalking:
      return on_progress();
  }
}

void ProbeConnection::on_connect_ready() {
  if (const int error = pending_error(fd()); error != 0)
    return finish_with_error(connect_failure(error), error);
  if (!writable()) return;
  if (!introduce()) return finish_with_error(Status::kL4Con, EPIPE);
  phase_ = Phase::kHandshake;
  if (target_.tls) {
    tls::SslPointer ssl = target_.tls->begin(target_.protocol);
    if (!ssl) return finish_with_error(Status::kSockErr, ENOMEM);
    set_layer(std::make_unique<tls::Stream>(std::move(ssl), *this, nullptr));
  }
  shake_hands();
}

void ProbeConnection::shake_hands() {
  if (auto* stream = static_cast<tls::Stream*>(layer())) {
    const event::Transfer step = stream->handshake(*this);
    if (step.status == event::Transfer::Status::kBlocked) return;
    if (step.status == event::Transfer::Status::kFailed) {
      const std::string why = stream->trouble();
      return why.empty() ? finish_with_error(Status::kL6Rsp, step.error)
                         : finish(Status::kL6Rsp, 0, why);
    }
    if (!target_.protocol.empty() && stream->protocol() != target_.protocol)
      return finish(Status::kL6Rsp, 0,
                    "the server did not choose " + std::string(target_.protocol));
  }
  phase_ = Phase::kTalking;
  on_connected();
}

void ProbeConnection::on_timer() {
  if (is_finished()) return;
  if (early_error_ != 0) return finish_with_error(connect_failure(early_error_), early_error_);
  if (phase_ == Phase::kConnecting) return finish(Status::kL4Tout, 0, "");
  if (phase_ == Phase::kHandshake) return finish(Status::kL6Tout, 0, "TLS handshake");
  finish(late_status(), 0, late_description());
}

void ProbeConnection::finish(Status status, int code, std::string_view description) {
  finish({.status = status, .code = code, .description = std::string(description)});
}

void ProbeConnection::finish(Result result) {
  ProbeDone done = std::exchange(done_, nullptr);
  timer_.stop();
  close();
  const Duration passed = Clock::now() - started_;
  result.duration = std::chrono::duration_cast<Milliseconds>(passed);
  result.description = clean_description(result.description);
  done(std::move(result));
}

void ProbeConnection::finish_with_error(Status status, int error) {
  finish(status, 0, std::generic_category().message(error));
}

}  // namespace tandem::lb::health
