#include "failover/peer/tcp.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

namespace tandem::failover::peer {
namespace {

constexpr int kBacklog = 16;
// What lies in the kernel cannot be overtaken by a let-go, and is not counted by our own bound.
constexpr int kSendBufferBytes = 128 * 1024;
// A first retransmission may take 200 ms, and is no reason to give up yet: silence has its own
// watch, this one ends what is only sent to.
constexpr Milliseconds kUnacknowledgedMin{1'000};

std::unexpected<Error> failure(std::string_view what, const SocketAddress& address) {
  return fail(fmt::format("cannot {} {}: {}", what, address.text(), std::strerror(errno)));
}

SocketAddress socket_address(const IpAddress& address, std::uint16_t port) {
  return SocketAddress::parse_host(address.text(), port).value_or(SocketAddress());
}

FileDescriptor open_socket(const SocketAddress& address) {
  return FileDescriptor(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

void set(int fd, int level, int option, int value) {
  ::setsockopt(fd, level, option, &value, sizeof value);
}

}  // namespace

Result<FileDescriptor> listen_on(const IpAddress& address, std::uint16_t port) {
  const SocketAddress bound = socket_address(address, port);
  FileDescriptor fd = open_socket(bound);
  if (!fd) return failure("open a socket for", bound);
  set(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (address.is_v6())
    set(fd.get(), IPPROTO_IPV6, IPV6_FREEBIND, 1);
  else
    set(fd.get(), IPPROTO_IP, IP_FREEBIND, 1);
  if (::bind(fd.get(), bound.data(), bound.size()) != 0 || ::listen(fd.get(), kBacklog) != 0)
    return failure("listen on", bound);
  return fd;
}

Result<FileDescriptor> dial(const IpAddress& from, const IpAddress& to, std::uint16_t port) {
  const SocketAddress local = socket_address(from, 0);
  const SocketAddress remote = socket_address(to, port);
  FileDescriptor fd = open_socket(remote);
  if (!fd) return failure("open a socket for", remote);
  // The other node knows us by this address; which port it is, the kernel decides when it knows
  // both ends.
  set(fd.get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
  if (::bind(fd.get(), local.data(), local.size()) != 0) return failure("use", local);
  if (::connect(fd.get(), remote.data(), remote.size()) != 0 && errno != EINPROGRESS)
    return failure("connect to", remote);
  return fd;
}

void tune(int fd, Duration silence) {
  set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT,
      static_cast<int>(to_milliseconds(std::max<Duration>(2 * silence, kUnacknowledgedMin))));
  set(fd, SOL_SOCKET, SO_SNDBUF, kSendBufferBytes);
}

std::optional<Accepted> accept_one(int listener) {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  for (;;) {
    FileDescriptor fd(::accept4(listener, reinterpret_cast<sockaddr*>(&storage), &length,
                                SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!fd && (errno == EINTR || errno == ECONNABORTED)) continue;
    if (!fd) return std::nullopt;
    const SocketAddress from(reinterpret_cast<const sockaddr*>(&storage), length);
    const std::string_view bytes = from.ip_bytes();
    return Accepted{
        .fd = std::move(fd),
        .from = IpAddress::of({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()})};
  }
}

SocketAddress local_address(int fd) {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &length);
  return {reinterpret_cast<const sockaddr*>(&storage), length};
}

int connect_result(int fd) {
  int error = 0;
  socklen_t length = sizeof error;
  if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0) return errno;
  if (error != 0) return error;
  sockaddr_storage peer{};
  socklen_t peer_length = sizeof peer;
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &peer_length) == 0) return 0;
  return errno == ENOTCONN ? EINPROGRESS : errno;
}

}  // namespace tandem::failover::peer
