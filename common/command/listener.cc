#include "common/command/listener.h"

#include "common/file_descriptor.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace tandem::command {
namespace {

constexpr int kBacklog = 64;

std::unexpected<Error> system_failure(std::string_view what, const SocketAddress& address) {
  return fail(fmt::format("cannot {} {}: {}", what, address.text(), std::strerror(errno)));
}

}  // namespace

Listener::Listener(event::Poller& poller, event::SocketSet& connections, const CommandTable& table,
                   Level level)
    : Socket(poller), connections_(connections), table_(table), level_(level) {}

Result<void> Listener::bind(const Endpoint& endpoint) {
  const int family = endpoint.address.family();
  FileDescriptor fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return system_failure("open a socket for", endpoint.address);
  Result<void> bound =
      endpoint.address.is_unix() ? bind_unix(fd.get(), endpoint) : bind_inet(fd.get(), endpoint);
  if (!bound) return bound;
  attach(fd.release());
  if (!watch()) return system_failure("watch", endpoint.address);
  return {};
}

Result<void> Listener::bind_unix(int fd, const Endpoint& endpoint) {
  auto file = UnixSocketFile::listen(fd, endpoint.address,
                                     {.backlog = kBacklog,
                                      .mode = endpoint.mode,
                                      .owner = endpoint.owner,
                                      .group = endpoint.group});
  if (!file) return std::unexpected(file.error());
  file_ = std::move(*file);
  return {};
}

Result<void> Listener::bind_inet(int fd, const Endpoint& endpoint) {
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(fd, endpoint.address.data(), endpoint.address.size()) != 0 ||
      ::listen(fd, kBacklog) != 0)
    return system_failure("bind", endpoint.address);
  return {};
}

SocketAddress Listener::address() const {
  if (!file_.path().empty())
    return SocketAddress::parse("unix:" + file_.path()).value_or(SocketAddress());
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  ::getsockname(fd(), reinterpret_cast<sockaddr*>(&storage), &length);
  return {reinterpret_cast<const sockaddr*>(&storage), length};
}

void Listener::accept_all() {
  while (is_open() && connections_.has_room()) {
    FileDescriptor peer(::accept4(fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!peer && errno == EINTR) continue;
    // EAGAIN: nobody waits. No descriptor left: the next peer or the next end tries again.
    if (!peer) return;
    auto connection = std::make_unique<Connection>(poller(), connections_, table_, level_);
    Connection& begun = *connection;
    connections_.add(std::move(connection));
    begun.begin(peer.release());
  }
}

}  // namespace tandem::command
