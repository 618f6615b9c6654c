#include "lb/proxy/arrival.h"

#include "common/check.h"
#include "common/ip_address.h"
#include "lb/proxy/acceptor.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <span>

namespace tandem::lb::proxy {
namespace {

using figures::ProxyHeaderError;

ProxyHeaderError error_of(proxy_protocol::Refusal refusal) noexcept {
  using proxy_protocol::Refusal;
  static_assert(static_cast<int>(Refusal::kMissing) ==
                static_cast<int>(ProxyHeaderError::kMissing));
  static_assert(static_cast<int>(Refusal::kChecksum) ==
                static_cast<int>(ProxyHeaderError::kChecksum));
  static_assert(static_cast<int>(Refusal::kCount) == static_cast<int>(ProxyHeaderError::kTimeout));
  return static_cast<ProxyHeaderError>(refusal);
}

}  // namespace

bool expects_header(const config::AcceptProxy& accept, const SocketAddress& peer) noexcept {
  if (accept.from_everybody) return true;
  const std::string_view ip = peer.ip_bytes();
  if (accept.networks.empty() || ip.empty()) return false;
  std::array<std::uint8_t, 16> bytes{};
  std::ranges::copy(ip, bytes.begin());
  const IpAddress address = IpAddress::of(std::span(bytes).first(ip.size()));
  return std::ranges::any_of(
      accept.networks, [&address](const IpPrefix& network) { return network.contains(address); });
}

Arrival::Arrival(Context& context, Acceptor& acceptor, int fd, const SocketAddress& peer)
    : ClientConnection(context.poller), context_(context), acceptor_(acceptor), peer_(peer) {
  attach(fd);
}

void Arrival::start() {
  const config::Timeouts& timeouts = acceptor_.frontend().timeouts;
  set_deadline(std::min(timeouts.client, timeouts.http_request));
  look();
}

void Arrival::look() {
  if (!is_open()) return;
  // Left in the socket until it is known where the header ends.
  std::array<char, proxy_protocol::kHeaderBytesMax> bytes;
  const ssize_t count = ::recv(fd(), bytes.data(), bytes.size(), MSG_PEEK | MSG_DONTWAIT);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return wait_for_more(true);
  if (count <= 0) return refuse(ProxyHeaderError::kAborted, {});
  const auto decoded = proxy_protocol::decode({bytes.data(), static_cast<std::size_t>(count)});
  if (!decoded) return refuse(error_of(decoded.error().refusal), decoded.error().words);
  if (!*decoded) return wait_for_more(false);
  take(**decoded);
}

void Arrival::wait_for_more(bool is_empty) {
  if (peer_closed() || hung_up())
    return refuse(ProxyHeaderError::kAborted, is_empty ? "" : "it ends within its PROXY header");
  // Bytes that stay in the socket are no reason for an event; further ones are.
  set_readable(false);
  if (!watch()) refuse(ProxyHeaderError::kAborted, "no memory to wait for its PROXY header");
}

void Arrival::take(const proxy_protocol::Header& header) {
  std::array<char, proxy_protocol::kHeaderBytesMax> bytes;
  const ssize_t count = ::recv(fd(), bytes.data(), header.bytes, MSG_DONTWAIT);
  // They were there: nobody else reads from this socket.
  if (count != static_cast<ssize_t>(header.bytes)) return refuse(ProxyHeaderError::kAborted, {});
  clear();
  ListLink<InWorkerList>::unlink();
  const int fd = detach();
  context_.poller.retire(std::unique_ptr<event::Socket>(this));
  if (header.is_local) {
    acceptor_.begin_session(fd, peer_);
  } else {
    acceptor_.begin_session(fd, header.source, &header.destination);
  }
}

void Arrival::refuse(ProxyHeaderError error, std::string_view words) {
  acceptor_.count_refused_header(error, peer_, words);
  leave();
}

void Arrival::on_deadline() { refuse(ProxyHeaderError::kTimeout, "no whole PROXY header in time"); }

void Arrival::stop_now() {
  if (is_open()) leave();
}

void Arrival::leave() {
  clear();
  close();
  ListLink<InWorkerList>::unlink();
  acceptor_.connection_closed();
  context_.poller.retire(std::unique_ptr<event::Socket>(this));
}

}  // namespace tandem::lb::proxy
