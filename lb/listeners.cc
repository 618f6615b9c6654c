#include "lb/listeners.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

namespace tandem::lb {
namespace {

// A connection that says nothing for this long is handed to us all the same.
constexpr int kDeferAcceptSeconds = 1;

bool set_option(int fd, int level, int name, int value) {
  return ::setsockopt(fd, level, name, &value, sizeof value) == 0;
}

/// 0, or errno.
int prepare_tcp(int fd, const config::Bind& bind) {
  if (!set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1)) return errno;
  if (!set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1)) return errno;
  if (!set_option(fd, IPPROTO_IP, IP_FREEBIND, 1)) return errno;
  // Accepted sockets inherit it: one call for each listener in place of one for each connection.
  if (!set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1)) return errno;
  if (bind.defer_accept && !set_option(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, kDeferAcceptSeconds))
    return errno;
  if (bind.address.family() != AF_INET6) return 0;
  const bool any = bind.address.is_wildcard();
  return set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, any ? 0 : 1) ? 0 : errno;
}

/// Without SO_REUSEPORT the kernel says whether anybody else listens there.
int probe_taken(const config::Bind& bind) {
  const FileDescriptor probe(::socket(bind.address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!probe) return errno;
  set_option(probe.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  set_option(probe.get(), IPPROTO_IP, IP_FREEBIND, 1);
  if (bind.address.family() == AF_INET6)
    set_option(probe.get(), IPPROTO_IPV6, IPV6_V6ONLY, bind.address.is_wildcard() ? 0 : 1);
  return ::bind(probe.get(), bind.address.data(), bind.address.size()) == 0 ? 0 : errno;
}

int remove_stale_socket(const std::string& path) {
  struct stat status{};
  if (::lstat(path.c_str(), &status) != 0) return 0;
  if (!S_ISSOCK(status.st_mode)) return EEXIST;
  const FileDescriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  auto address = SocketAddress::parse("unix:" + path);
  if (probe && address && ::connect(probe.get(), address->data(), address->size()) == 0)
    return EADDRINUSE;
  return ::unlink(path.c_str()) == 0 ? 0 : errno;
}

/// `error` is errno when the result is empty.
FileDescriptor open_socket(const config::Bind& bind, int& error) {
  FileDescriptor socket(
      ::socket(bind.address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  error = socket ? 0 : errno;
  if (error == 0 && !bind.address.is_unix()) error = prepare_tcp(socket.get(), bind);
  if (error == 0 && ::bind(socket.get(), bind.address.data(), bind.address.size()) != 0)
    error = errno;
  if (error == 0 && ::listen(socket.get(), static_cast<int>(bind.backlog)) != 0) error = errno;
  if (error != 0) socket.reset();
  return socket;
}

}  // namespace

Result<std::vector<std::vector<ListeningSocket>>> open_listeners(const config::Snapshot& snapshot,
                                                                 std::uint32_t workers) {
  std::vector<std::vector<ListeningSocket>> sockets(workers);
  for (config::FrontendIndex f = 0; f < snapshot.frontends.size(); ++f) {
    const std::vector<config::Bind>& binds = snapshot.frontends[f].binds;
    for (std::uint32_t b = 0; b < binds.size(); ++b) {
      const config::Bind& bind = binds[b];
      std::shared_ptr<const tls::ServerContext> encryption;
      if (bind.ssl) {
        auto made = tls::ServerContext::make(*bind.ssl);
        if (!made) {
          return fail(fmt::format("/frontends/{}/bind: \"{}\": {}", snapshot.frontends[f].name,
                                  bind.text, made.error().message));
        }
        encryption = std::move(*made);
      }
      const bool is_unix = bind.address.is_unix();
      int error = is_unix ? remove_stale_socket(bind.address.host()) : probe_taken(bind);
      for (std::uint32_t w = 0; w < workers && error == 0; ++w) {
        FileDescriptor socket;
        if (is_unix && w > 0) {
          socket.reset(::fcntl(sockets[0].back().socket.get(), F_DUPFD_CLOEXEC, 0));
          if (!socket) error = errno;
        } else {
          socket = open_socket(bind, error);
        }
        if (error == 0) sockets[w].push_back({f, b, std::move(socket), encryption});
      }
      if (error != 0) {
        return fail(fmt::format("/frontends/{}/bind: cannot listen on \"{}\": {}",
                                snapshot.frontends[f].name, bind.text, std::strerror(error)));
      }
    }
  }
  return sockets;
}

}  // namespace tandem::lb
