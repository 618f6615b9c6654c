#include "common/address.h"

#include <catch2/catch.hpp>

#include <string>

namespace tandem {
namespace {

std::string error_of(std::string_view text) {
  const auto address = SocketAddress::parse(text);
  return address ? "read as " + address->text() : address.error().message;
}

TEST_CASE("The forms of an address are read and written back") {
  struct Row {
    std::string_view text;
    std::string_view written;
    int family;
    std::uint16_t port;
  };
  const Row row = GENERATE(
      Row{"192.0.2.1:80", "192.0.2.1:80", AF_INET, 80}, Row{"0.0.0.0:0", "0.0.0.0:0", AF_INET, 0},
      Row{":80", "[::]:80", AF_INET6, 80}, Row{"*:65535", "[::]:65535", AF_INET6, 65535},
      Row{"[2001:db8::1]:443", "[2001:db8::1]:443", AF_INET6, 443},
      Row{"[::ffff:192.0.2.1]:80", "192.0.2.1:80", AF_INET6, 80},
      Row{"unix:/run/x.sock", "unix:/run/x.sock", AF_UNIX, 0});
  const auto address = SocketAddress::parse(row.text);
  REQUIRE(address.has_value());
  CHECK(address->text() == row.written);
  CHECK(address->family() == row.family);
  CHECK(address->port() == row.port);
  CHECK(address->is_unix() == (row.family == AF_UNIX));
}

TEST_CASE("What is no address is refused with a reason") {
  CHECK(error_of("192.0.2.1") == "a port is missing (\"host:port\")");
  CHECK(error_of("") == "a port is missing (\"host:port\")");
  CHECK(error_of("192.0.2.1:") == "the port is not a number from 0 to 65535");
  CHECK(error_of("192.0.2.1:65536") == "the port is not a number from 0 to 65535");
  CHECK(error_of("192.0.2.1:http") == "the port is not a number from 0 to 65535");
  CHECK(error_of("192.0.2.1:-1") == "the port is not a number from 0 to 65535");
  CHECK(error_of("::1:80") == "an IPv6 address stands in brackets: \"[::1]:80\"");
  CHECK(error_of("[::1:80") == "\"]\" is missing after the IPv6 address");
  CHECK(error_of("[x]:80") == "not an IP address");
  CHECK(error_of("192.0.2.256:80") == "not an IP address");
  CHECK(error_of("example.org:80") == "not an IP address");
  CHECK(error_of("unix:") == "a path is missing after \"unix:\"");
}

TEST_CASE("A Unix path has room for 107 bytes") {
  CHECK(SocketAddress::parse("unix:" + std::string(107, 'a'))->host() == std::string(107, 'a'));
  CHECK(error_of("unix:" + std::string(108, 'a')) ==
        "the path of a Unix socket has at most 107 bytes");
}

TEST_CASE("Only the addresses of every interface are wildcards") {
  CHECK(SocketAddress::parse(":80")->is_wildcard());
  CHECK(SocketAddress::parse("0.0.0.0:80")->is_wildcard());
  CHECK_FALSE(SocketAddress::parse("127.0.0.1:80")->is_wildcard());
  CHECK_FALSE(SocketAddress::parse("[::1]:80")->is_wildcard());
  CHECK_FALSE(SocketAddress::parse("unix:/x")->is_wildcard());
}

TEST_CASE("A mapped IPv4 address counts by its four bytes") {
  const auto mapped = SocketAddress::parse("[::ffff:192.0.2.1]:1");
  const auto plain = SocketAddress::parse("192.0.2.1:1");
  CHECK(mapped->ip_bytes() == plain->ip_bytes());
  CHECK(mapped->host() == "192.0.2.1");
  CHECK(SocketAddress::parse("[::1]:1")->ip_bytes().size() == 16);
  CHECK(SocketAddress::parse("unix:/x")->ip_bytes().empty());
}

TEST_CASE("Equality is of family, host and port") {
  const auto a = SocketAddress::parse("192.0.2.1:80").value();
  CHECK(a == SocketAddress::parse("192.0.2.1:80").value());
  CHECK_FALSE(a == SocketAddress::parse("192.0.2.1:81").value());
  CHECK_FALSE(a == SocketAddress::parse("192.0.2.2:80").value());
  CHECK_FALSE(a == SocketAddress::parse("unix:/x").value());
  auto moved = a;
  moved.set_port(81);
  CHECK(moved == SocketAddress::parse("192.0.2.1:81").value());
  CHECK(SocketAddress(a.data(), a.size()) == a);
}

TEST_CASE("A host alone takes its port beside it") {
  CHECK(SocketAddress::parse_host("2001:db8::1", 80)->text() == "[2001:db8::1]:80");
  CHECK_FALSE(SocketAddress::parse_host("", 80));
  CHECK_FALSE(SocketAddress::parse_host("example.org", 80));
}

TEST_CASE("The loopback's name resolves without a network") {
  const auto address = SocketAddress::parse("localhost:80", true);
  REQUIRE(address.has_value());
  CHECK(address->port() == 80);
  CHECK((address->host() == "127.0.0.1" || address->host() == "::1"));
}

}  // namespace
}  // namespace tandem
