#include "lb/proxy_protocol/header.h"
#include "test/unit/lb/proxy_protocol/wire_text.h"

#include <catch2/catch.hpp>

#include <array>

namespace tandem::lb::proxy_protocol {
namespace {

SocketAddress at(std::string_view text) { return *SocketAddress::parse(text); }

/// As accept(2) tells of a client that has bound no path.
SocketAddress nameless() {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  return {reinterpret_cast<const sockaddr*>(&address), sizeof(sa_family_t)};
}

Header from_to(std::string_view source, std::string_view destination,
               Version version = Version::kV2) {
  return {
      .version = version, .is_local = false, .source = at(source), .destination = at(destination)};
}

std::string encoded(const Header& header) {
  std::string out(kHeaderBytesMax, '\0');
  const auto size = encode(out, header);
  REQUIRE(size.has_value());
  return out.substr(0, *size);
}

TEST_CASE("Version 1 is written as the specification shows it") {
  const auto line = [](std::string_view source, std::string_view destination) {
    return encoded(from_to(source, destination, Version::kV1));
  };
  CHECK(line("192.168.0.1:56324", "192.168.0.11:443") ==
        "PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n");
  CHECK(line("[2001:db8::7]:1", "[::1]:65535") == "PROXY TCP6 2001:db8::7 ::1 1 65535\r\n");
  CHECK(line("255.255.255.255:65535", "0.0.0.0:0") ==
        "PROXY TCP4 255.255.255.255 0.0.0.0 65535 0\r\n");
  // A socket for both families shows IPv4 clients as v4-mapped.
  CHECK(line("[::ffff:192.0.2.7]:1", "[::ffff:192.0.2.1]:2") ==
        "PROXY TCP4 192.0.2.7 192.0.2.1 1 2\r\n");
  CHECK(line("192.0.2.7:1", "[2001:db8::1]:2") ==
        "PROXY TCP6 ::ffff:192.0.2.7 2001:db8::1 1 2\r\n");
  CHECK(line("unix:/run/a", "unix:/run/b") == "PROXY UNKNOWN\r\n");
  CHECK(line("unix:/run/a", "192.0.2.1:2") == "PROXY UNKNOWN\r\n");
  CHECK(encoded({.version = Version::kV1}) == "PROXY UNKNOWN\r\n");
}

TEST_CASE("Version 2 is written as the specification shows it") {
  CHECK(encoded(from_to("192.0.2.7:56324", "198.51.100.1:443")) == v2(0x21, 0x11, inet_block()));
  CHECK(encoded(from_to("[2001:db8::7]:56324", "[2001:db8::1]:443")) ==
        v2(0x21, 0x21, inet6_block()));
  CHECK(encoded(from_to("[::ffff:192.0.2.7]:56324", "[::ffff:198.51.100.1]:443")) ==
        v2(0x21, 0x11, inet_block()));
  CHECK(encoded(from_to("unix:/run/a", "unix:/run/b")) ==
        v2(0x21, 0x31, unix_block("/run/a", "/run/b")));
  CHECK(encoded(from_to("unix:/run/a", "192.0.2.1:2")) == v2(0x21, 0x00, ""));
  CHECK(encoded({}) == v2(0x20, 0x00, ""));
  Header header = from_to("192.0.2.7:1", "[2001:db8::1]:2");
  CHECK(verdict(encoded(header)) == "v2 52 bytes: 192.0.2.7:1 to [2001:db8::1]:2");
  header.source = nameless();
  header.destination = at("unix:/run/b");
  CHECK(encoded(header) == v2(0x21, 0x31, unix_block("", "/run/b")));
}

TEST_CASE("What else version 2 can say is written, and reads back the same") {
  Header header = from_to("192.0.2.7:56324", "198.51.100.1:443");
  header.extras = {.alpn = "h2",
                   .authority = "www.example.org",
                   .unique_id = "7F000001:C822",
                   .tls = Tls{.has_certificate_here = true,
                              .has_certificate = true,
                              .verify = 0,
                              .version = "TLSv1.3",
                              .common_name = "client.example",
                              .cipher = "TLS_AES_128_GCM_SHA256",
                              .signature_algorithm = "SHA256",
                              .key_algorithm = "RSA2048"},
                   .is_sealed = true};
  const std::string bytes = encoded(header);
  const auto decoded = decode(bytes);
  REQUIRE(decoded);
  REQUIRE(*decoded);
  CHECK((*decoded)->extras == header.extras);
  CHECK((*decoded)->source == header.source);
  CHECK((*decoded)->destination == header.destination);
  CHECK((*decoded)->bytes == bytes.size());
  CHECK(bytes == sealed(0x11, inet_block() + tlv(0x01, "h2") + tlv(0x02, "www.example.org") +
                                  tlv(0x05, "7F000001:C822") +
                                  tlv(0x20, hex("07 00000000") + tlv(0x21, "TLSv1.3") +
                                                tlv(0x22, "client.example") +
                                                tlv(0x23, "TLS_AES_128_GCM_SHA256") +
                                                tlv(0x24, "SHA256") + tlv(0x25, "RSA2048"))));
}

TEST_CASE("TLS without a certificate says no more than it knows") {
  Header header = from_to("192.0.2.7:56324", "198.51.100.1:443");
  header.extras.tls = Tls{.version = "TLSv1.2", .cipher = "ECDHE-RSA-AES128-GCM-SHA256"};
  CHECK(encoded(header) ==
        v2(0x21, 0x11,
           inet_block() + tlv(0x20, hex("01 00000001") + tlv(0x21, "TLSv1.2") +
                                        tlv(0x23, "ECDHE-RSA-AES128-GCM-SHA256"))));
}

TEST_CASE("A header that finds no room is not begun") {
  const Header header = from_to("192.0.2.7:56324", "198.51.100.1:443");
  std::array<char, 64> out{};
  CHECK(encode(std::span(out).first(28), header) == 28);
  for (std::size_t size = 0; size < 28; ++size)
    CHECK_FALSE(encode(std::span(out).first(size), header));
  Header line = from_to("192.0.2.7:56324", "198.51.100.1:443", Version::kV1);
  CHECK_FALSE(encode(std::span(out).first(44), line));
  CHECK(encode(std::span(out).first(45), line) == 45);
}

TEST_CASE("A header longer than is taken is not written") {
  std::string out(65'536, '\0');
  Header header = from_to("192.0.2.7:56324", "198.51.100.1:443");
  const std::string most(kV2BytesMax - 28 - 3, 'a');
  header.extras.authority = most;
  CHECK(encode(out, header) == kV2BytesMax);
  const std::string more = most + "a";
  header.extras.authority = more;
  CHECK_FALSE(encode(out, header));
  const std::string id(kUniqueIdBytesMax + 1, 'u');
  header.extras = {.unique_id = id};
  CHECK_FALSE(encode(out, header));
}

TEST_CASE("Every header without extras finds room where it is promised") {
  std::array<char, kPlainBytesMax> out{};
  const std::string path = "unix:/" + std::string(106, 'p');
  for (const Version version : {Version::kV1, Version::kV2}) {
    CHECK(encode(out, from_to(path, path, version)));
    CHECK(encode(out, from_to("[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
                              "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535", version)));
  }
}

}  // namespace
}  // namespace tandem::lb::proxy_protocol
