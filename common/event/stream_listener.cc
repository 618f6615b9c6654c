#include "common/event/stream_listener.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace tandem::event {
namespace {

std::unexpected<Error> system_failure(std::string_view what, const SocketAddress& address) {
  return fail(fmt::format("cannot {} {}: {}", what, address.text(), std::strerror(errno)));
}

Result<void> listen_inet(int fd, const SocketAddress& address, int backlog) {
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(fd, address.data(), address.size()) != 0 || ::listen(fd, backlog) != 0)
    return system_failure("bind", address);
  return {};
}

}  // namespace

StreamListener::StreamListener(Poller& poller, const SocketSet& connections,
                               std::function<void(FileDescriptor)> on_client)
    : Socket(poller), connections_(connections), on_client_(std::move(on_client)) {}

Result<void> StreamListener::bind(const SocketAddress& address,
                                  const UnixSocketFile::Options& options) {
  FileDescriptor fd(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return system_failure("open a socket for", address);
  if (address.is_unix()) {
    auto file = UnixSocketFile::listen(fd.get(), address, options);
    if (!file) return std::unexpected(file.error());
    file_ = std::move(*file);
  } else if (auto listens = listen_inet(fd.get(), address, options.backlog); !listens) {
    return listens;
  }
  attach(fd.release());
  if (!watch()) return system_failure("watch", address);
  return {};
}

SocketAddress StreamListener::address() const {
  if (!file_.path().empty())
    return SocketAddress::parse("unix:" + file_.path()).value_or(SocketAddress());
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  ::getsockname(fd(), reinterpret_cast<sockaddr*>(&storage), &length);
  return {reinterpret_cast<const sockaddr*>(&storage), length};
}

void StreamListener::on_ready() {
  while (is_open() && connections_.has_room()) {
    FileDescriptor client(::accept4(fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!client && errno == EINTR) continue;
    // EAGAIN: nobody waits. No descriptor left: the next client or the next end tries again.
    if (!client) return;
    on_client_(std::move(client));
  }
}

}  // namespace tandem::event
