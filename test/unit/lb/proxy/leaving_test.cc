// Which connections came in on an address that moves; on real sockets, because the kernel says so.
#include "lb/proxy/leaving.h"

#include "common/address.h"
#include "common/file_descriptor.h"

#include <catch2/catch.hpp>
#include <sys/socket.h>

#include <array>
#include <string>

namespace tandem::lb::proxy {
namespace {

IpAddress ip(std::string_view text) { return IpAddress::parse(text).value(); }

/// The accepted end of a connection to `to` at a listener that is bound to `bound`.
struct Accepted {
  Accepted(const std::string& bound, const std::string& to) {
    const auto at = SocketAddress::parse_host(bound, 0).value();
    const FileDescriptor listener(::socket(at.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int off = 0;
    if (at.family() == AF_INET6)
      REQUIRE(::setsockopt(listener.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) == 0);
    REQUIRE(::bind(listener.get(), at.data(), at.size()) == 0);
    REQUIRE(::listen(listener.get(), 1) == 0);
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    REQUIRE(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&storage), &size) == 0);
    const SocketAddress named(reinterpret_cast<sockaddr*>(&storage), size);
    const auto target = SocketAddress::parse_host(to, named.port()).value();
    client.reset(::socket(target.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(::connect(client.get(), target.data(), target.size()) == 0);
    fd.reset(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    REQUIRE(fd);
  }

  FileDescriptor client;
  FileDescriptor fd;
};

bool leaves(const std::vector<IpAddress>& addresses, int fd) {
  return Leaving(addresses).holds_local_address_of(fd);
}

}  // namespace

TEST_CASE("a connection leaves with the address that it came in on, not with its client's") {
  const Accepted accepted("0.0.0.0", "127.0.0.2");
  CHECK(leaves({ip("127.0.0.2")}, accepted.fd.get()));
  CHECK(leaves({ip("10.0.0.1"), ip("127.0.0.2"), ip("::1")}, accepted.fd.get()));
  CHECK_FALSE(leaves({ip("127.0.0.1")}, accepted.fd.get()));
  CHECK_FALSE(leaves({ip("127.0.0.1"), ip("127.0.0.3"), ip("::1")}, accepted.fd.get()));
}

TEST_CASE("IPv4 is IPv4 at a listener for both families") {
  const Accepted accepted("::", "127.0.0.2");
  CHECK(leaves({ip("127.0.0.2")}, accepted.fd.get()));
  CHECK_FALSE(leaves({ip("127.0.0.1")}, accepted.fd.get()));
}

TEST_CASE("IPv6 addresses leave too") {
  const Accepted accepted("::", "::1");
  CHECK(leaves({ip("127.0.0.1"), ip("::1")}, accepted.fd.get()));
  CHECK_FALSE(leaves({ip("::2")}, accepted.fd.get()));
}

TEST_CASE("a Unix socket is on no address that could leave") {
  std::array<int, 2> ends{};
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
  const FileDescriptor one(ends[0]);
  const FileDescriptor two(ends[1]);
  CHECK_FALSE(leaves({ip("0.0.0.0"), ip("127.0.0.1")}, one.get()));
}

}  // namespace tandem::lb::proxy
