#include "common/unix_socket_file.h"

#include "common/file_descriptor.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

namespace tandem {
namespace {

std::unexpected<Error> cannot_bind(std::string_view path, int error) {
  return fail(fmt::format("cannot bind unix:{}: {}", path, std::strerror(error)));
}

/// Whether somebody listens at `address` now; a file that a dead process left behind does not.
bool is_in_use(const SocketAddress& address, int type) {
  const FileDescriptor probe(::socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!probe) return false;
  if (::connect(probe.get(), address.data(), address.size()) == 0) return true;
  // Its queue is full; or it listens for connections of another type.
  return errno == EAGAIN || errno == EPROTOTYPE;
}

/// SOCK_STREAM, SOCK_SEQPACKET …
int type_of(int fd) {
  int type = SOCK_STREAM;
  socklen_t size = sizeof type;
  ::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size);
  return type;
}

bool is_another_kind(const std::string& path) {
  struct stat there{};
  return ::lstat(path.c_str(), &there) == 0 && !S_ISSOCK(there.st_mode);
}

}  // namespace

UnixSocketFile& UnixSocketFile::operator=(UnixSocketFile&& other) noexcept {
  if (this != &other) {
    remove();
    path_ = std::exchange(other.path_, {});
    identity_ = other.identity_;
  }
  return *this;
}

// Binds beside the wanted path and moves the socket there once it listens: no peer ever sees a file
// that refuses, nor one with the wrong mode.
Result<UnixSocketFile> UnixSocketFile::listen(int fd, const SocketAddress& address,
                                              const Options& options) {
  const std::string path = address.host();
  if (is_in_use(address, type_of(fd))) return cannot_bind(path, EADDRINUSE);
  if (is_another_kind(path)) return cannot_bind(path, EEXIST);
  const std::string beside = fmt::format("{}.{}", path, ::getpid());
  const Result<SocketAddress> temporary = SocketAddress::parse("unix:" + beside);
  if (!temporary) return fail(fmt::format("cannot bind {}: {}", path, temporary.error().message));
  ::unlink(beside.c_str());
  UnixSocketFile file;
  const bool ready = ::bind(fd, temporary->data(), temporary->size()) == 0 &&
                     ::lchown(beside.c_str(), options.owner, options.group) == 0 &&
                     (!options.mode || ::chmod(beside.c_str(), *options.mode) == 0) &&
                     ::listen(fd, options.backlog) == 0 &&
                     ::lstat(beside.c_str(), &file.identity_) == 0 &&
                     std::rename(beside.c_str(), path.c_str()) == 0;
  if (!ready) {
    const int error = errno;
    ::unlink(beside.c_str());
    return cannot_bind(path, error);
  }
  file.path_ = path;
  return file;
}

void UnixSocketFile::remove() noexcept {
  struct stat now{};
  if (path_.empty() || ::lstat(path_.c_str(), &now) != 0) return;
  // A process that has taken over has put its own socket there.
  if (now.st_ino == identity_.st_ino && now.st_dev == identity_.st_dev) ::unlink(path_.c_str());
  path_.clear();
}

}  // namespace tandem
