// Connected pairs of sockets for tests of what moves bytes: one end is the code's, the other the
// test's, and the kernel's buffers are as small as it allows where a test wants to fill them.
#pragma once

#include "common/event/poller.h"
#include "common/file_descriptor.h"

#include <catch2/catch.hpp>
#include <sys/socket.h>

#include <array>
#include <csignal>
#include <string>
#include <string_view>

namespace tandem::lb::proxy {

class TestSocket final : public event::Socket {
 public:
  TestSocket(event::Poller& poller, int fd) : Socket(poller) { attach(fd); }
  void on_ready() override { ++events; }
  int events = 0;
};

/// `ours` is non-blocking; `theirs` as well, so that a test that reads too much fails and does not
/// hang.
struct Pair {
  explicit Pair(event::Poller& poller, int buffer_bytes = 0) : ours(poller, make()) {
    if (buffer_bytes == 0) return;
    for (const int fd : {ours.fd(), theirs.get()}) {
      REQUIRE(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer_bytes, sizeof buffer_bytes) == 0);
    }
  }

  /// What has arrived on the test's end.
  std::string receive(std::size_t most = 4U << 20) {
    std::string all;
    std::array<char, 65536> block;
    while (all.size() < most) {
      const std::size_t want = std::min(block.size(), most - all.size());
      const ssize_t count = ::recv(theirs.get(), block.data(), want, 0);
      if (count <= 0) break;
      all.append(block.data(), static_cast<std::size_t>(count));
    }
    return all;
  }
  /// Puts bytes in front of the code's end. @return how many there was room for.
  std::size_t give(std::string_view bytes) {
    const ssize_t count = ::send(theirs.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    return count < 0 ? 0 : static_cast<std::size_t>(count);
  }
  void finish() { ::shutdown(theirs.get(), SHUT_WR); }

 private:
  FileDescriptor made_;  // set before `ours`: see make()
  int make() {
    std::signal(SIGPIPE, SIG_IGN);  // as the program does: splice(2) has no MSG_NOSIGNAL
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) == 0);
    made_.reset(ends[1]);
    return ends[0];
  }

 public:
  TestSocket ours;
  FileDescriptor theirs{std::move(made_)};
};

/// Bytes that differ from their neighbours, so that a lost or repeated one shows.
inline std::string pattern(std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>('a' + (i * 7 + i / 251) % 26);
  return bytes;
}

}  // namespace tandem::lb::proxy
