#include "common/command/listener.h"

#include "common/file_descriptor.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

namespace tandem::command {
namespace {

constexpr int kBacklog = 64;

std::unexpected<Error> system_failure(std::string_view what, const SocketAddress& address) {
  return fail(fmt::format("cannot {} {}: {}", what, address.text(), std::strerror(errno)));
}

/// Whether somebody listens at `address` now; a file that a dead process left behind does not.
bool is_in_use(const SocketAddress& address) {
  const FileDescriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!probe) return false;
  if (::connect(probe.get(), address.data(), address.size()) == 0) return true;
  return errno == EAGAIN;  // its queue is full
}

}  // namespace

Listener::Listener(event::Poller& poller, event::SocketSet& connections, const CommandTable& table,
                   Level level)
    : Socket(poller), connections_(connections), table_(table), level_(level) {}

Listener::~Listener() {
  struct stat now{};
  if (path_.empty() || ::lstat(path_.c_str(), &now) != 0) return;
  // A process that has taken over has put its own socket there.
  if (now.st_ino == identity_.st_ino && now.st_dev == identity_.st_dev) ::unlink(path_.c_str());
}

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

/// Binds beside the wanted path and moves the socket there once it listens: no peer ever sees a
/// file that refuses, nor one with the wrong mode.
Result<void> Listener::bind_unix(int fd, const Endpoint& endpoint) {
  if (is_in_use(endpoint.address)) {
    errno = EADDRINUSE;
    return system_failure("bind", endpoint.address);
  }
  const std::string path = endpoint.address.host();
  const std::string beside = fmt::format("{}.{}", path, ::getpid());
  const Result<SocketAddress> temporary = SocketAddress::parse("unix:" + beside);
  if (!temporary) return fail(fmt::format("cannot bind {}: {}", path, temporary.error().message));
  ::unlink(beside.c_str());
  const bool ready = ::bind(fd, temporary->data(), temporary->size()) == 0 &&
                     ::lchown(beside.c_str(), endpoint.owner, endpoint.group) == 0 &&
                     ::chmod(beside.c_str(), endpoint.mode) == 0 && ::listen(fd, kBacklog) == 0 &&
                     ::lstat(beside.c_str(), &identity_) == 0 &&
                     std::rename(beside.c_str(), path.c_str()) == 0;
  if (!ready) {
    const int error = errno;
    ::unlink(beside.c_str());
    errno = error;
    return system_failure("bind", endpoint.address);
  }
  path_ = path;
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
  if (!path_.empty()) return SocketAddress::parse("unix:" + path_).value_or(SocketAddress());
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
