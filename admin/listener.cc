#include "admin/listener.h"

#include "common/file_descriptor.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <memory>

namespace tandem::admin {
namespace {

constexpr int kBacklog = 128;

std::unexpected<Error> system_failure(std::string_view what, const SocketAddress& address) {
  return fail(fmt::format("cannot {} {}: {}", what, address.text(), std::strerror(errno)));
}

}  // namespace

Result<void> Listener::bind(const SocketAddress& address) {
  FileDescriptor fd(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return system_failure("open a socket for", address);
  if (address.is_unix()) {
    auto file = UnixSocketFile::listen(fd.get(), address, {.backlog = kBacklog});
    if (!file) return std::unexpected(file.error());
    file_ = std::move(*file);
  } else {
    const int on = 1;
    ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (::bind(fd.get(), address.data(), address.size()) != 0 || ::listen(fd.get(), kBacklog) != 0)
      return system_failure("bind", address);
  }
  attach(fd.release());
  if (!watch()) return system_failure("watch", address);
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

void Listener::on_ready() {
  while (is_open() && connections_.has_room()) {
    FileDescriptor peer(::accept4(fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!peer && errno == EINTR) continue;
    // EAGAIN: nobody waits. No descriptor left: the next client or the next end tries again.
    if (!peer) return;
    auto connection = std::make_unique<Connection>(poller(), connections_, endpoints_);
    Connection& begun = *connection;
    connections_.add(std::move(connection));
    begun.begin(peer.release());
  }
}

}  // namespace tandem::admin
