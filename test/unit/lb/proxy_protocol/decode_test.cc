// What good headers mean: the vectors of the specification and those of its senders, each of them
// whole, byte by byte and with a request behind it. Sections are those of proxy-protocol.txt.
#include "lb/proxy_protocol/header.h"
#include "test/unit/lb/proxy_protocol/wire_text.h"

#include <catch2/catch.hpp>

#include <vector>

namespace tandem::lb::proxy_protocol {
namespace {

struct Row {
  std::string_view what;
  std::string bytes;
  std::string meaning;
};

const std::string kLongV6 = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";

std::vector<Row> good_v1() {
  return {
      {"the example of section 2.1", "PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n",
       "v1 47 bytes: 192.168.0.1:56324 to 192.168.0.11:443"},
      {"the longest TCP4 (2.1): 56 bytes",
       "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n",
       "v1 56 bytes: 255.255.255.255:65535 to 255.255.255.255:65535"},
      {"the longest TCP6 (2.1): 104 bytes",
       "PROXY TCP6 " + kLongV6 + " " + kLongV6 + " 65535 65535\r\n",
       "v1 104 bytes: [" + kLongV6 + "]:65535 to [" + kLongV6 + "]:65535"},
      {"the shortest (2.1): 15 bytes", "PROXY UNKNOWN\r\n", "v1 15 bytes: local"},
      {"the longest of all (2.1): 107 bytes",
       "PROXY UNKNOWN " + kLongV6 + " " + kLongV6 + " 65535 65535\r\n", "v1 107 bytes: local"},
      {"anything may stand behind UNKNOWN (2.1)", "PROXY UNKNOWN \n \r and more\r\n",
       "v1 28 bytes: local"},
      {"port 0", "PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n", "v1 32 bytes: 0.0.0.0:0 to 0.0.0.0:0"},
      {"a shortened address, digits of both cases", "PROXY TCP6 2001:DB8::a ::1 1 65535\r\n",
       "v1 36 bytes: [2001:db8::a]:1 to [::1]:65535"},
      {"a v4-mapped address, as a sender writes mixed families",
       "PROXY TCP6 ::ffff:192.0.2.7 2001:db8::1 1 2\r\n",
       "v1 45 bytes: 192.0.2.7:1 to [2001:db8::1]:2"},
  };
}

const std::string kV4 = "192.0.2.7:56324 to 198.51.100.1:443";
const std::string kV6 = "[2001:db8::7]:56324 to [2001:db8::1]:443";

std::string tls_value() {
  return hex("07 00000000") + tlv(0x21, "TLSv1.3") + tlv(0x22, "client.example") +
         tlv(0x23, "TLS_AES_128_GCM_SHA256") + tlv(0x24, "SHA256") + tlv(0x25, "RSA2048") +
         tlv(0x26, "unknown to us");
}

std::vector<Row> good_v2() {
  return {
      {"TCP over IPv4", v2(0x21, 0x11, inet_block()), "v2 28 bytes: " + kV4},
      {"UDP over IPv4", v2(0x21, 0x12, inet_block()), "v2 28 bytes: " + kV4},
      {"TCP over IPv6", v2(0x21, 0x21, inet6_block()), "v2 52 bytes: " + kV6},
      {"UDP over IPv6", v2(0x21, 0x22, inet6_block()), "v2 52 bytes: " + kV6},
      {"a Unix stream", v2(0x21, 0x31, unix_block("/run/a", "/run/b")),
       "v2 232 bytes: unix:/run/a to unix:/run/b"},
      {"Unix datagrams, and a client without a name", v2(0x21, 0x32, unix_block("", "/run/b")),
       "v2 232 bytes: unix: to unix:/run/b"},
      {"the longest paths", v2(0x21, 0x31, unix_block("/" + std::string(106, 'a'), "/b")),
       "v2 232 bytes: unix:/" + std::string(106, 'a') + " to unix:/b"},
      {"an unknown family: the connection's own", v2(0x21, 0x00, ""), "v2 16 bytes: local"},
      {"the same with something behind it", v2(0x21, 0x00, "\x01\x02"), "v2 18 bytes: local"},
      {"LOCAL", v2(0x20, 0x00, ""), "v2 16 bytes: local"},
      {"LOCAL: the block is discarded", v2(0x20, 0x11, inet_block()), "v2 28 bytes: local"},
      {"LOCAL: with the family, whatever it is", v2(0x20, 0xFF, "zz"), "v2 18 bytes: local"},
      {"a TLV that means nothing (2.2.4)",
       v2(0x21, 0x11, inet_block() + tlv(0x04, "padding") + tlv(0x04, "")), "v2 41 bytes: " + kV4},
      {"TLVs of others: a network's name space, a cloud's own",
       v2(0x21, 0x11, inet_block() + tlv(0x30, "blue") + tlv(0xEA, "\x01vpce-1") + tlv(0xFF, "")),
       "v2 48 bytes: " + kV4},
      {"ALPN (2.2.1)", v2(0x21, 0x11, inet_block() + tlv(0x01, "h2")),
       "v2 33 bytes: " + kV4 + ", alpn h2"},
      {"AUTHORITY (2.2.2)", v2(0x21, 0x21, inet6_block() + tlv(0x02, "www.example.org")),
       "v2 70 bytes: " + kV6 + ", authority www.example.org"},
      {"UNIQUE_ID (2.2.5)", v2(0x21, 0x11, inet_block() + tlv(0x05, std::string(128, 'u'))),
       "v2 159 bytes: " + kV4 + ", id " + std::string(128, 'u')},
      {"SSL (2.2.6)", v2(0x21, 0x11, inet_block() + tlv(0x20, tls_value())),
       "v2 123 bytes: " + kV4 +
           ", tls ecs verify 0 "
           "[TLSv1.3|client.example|TLS_AES_128_GCM_SHA256|SHA256|RSA2048]"},
      {"SSL without anything inside", v2(0x21, 0x11, inet_block() + tlv(0x20, hex("00 00000001"))),
       "v2 36 bytes: " + kV4 + ", tls --- verify 1 [||||]"},
      {"CRC32C (2.2.3)", sealed(0x11, inet_block()), "v2 35 bytes: " + kV4 + ", sealed"},
      {"CRC32C over other TLVs", sealed(0x21, inet6_block() + tlv(0x01, "h2")),
       "v2 64 bytes: " + kV6 + ", alpn h2, sealed"},
      {"as long as is taken", v2(0x21, 0x11, inet_block() + tlv(0xEE, std::string(4065, 'x'))),
       "v2 4096 bytes: " + kV4},
  };
}

void check(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    INFO(row.what);
    CHECK(verdict(row.bytes) == row.meaning);
    CHECK(verdict(row.bytes + "GET / HTTP/1.1\r\n\r\n") == row.meaning);
    CHECK(verdict(row.bytes + row.bytes) == row.meaning);
    for (std::size_t size = 0; size < row.bytes.size(); ++size)
      if (verdict(std::string_view(row.bytes).substr(0, size)) != "more")
        FAIL("not to be continued after " << size << " bytes");
  }
}

TEST_CASE("Headers of version 1 say whose connection it is") { check(good_v1()); }

TEST_CASE("Headers of version 2 say whose connection it is") { check(good_v2()); }

TEST_CASE("A header in the middle of a buffer is sealed by its own bytes") {
  const std::string header = sealed(0x11, inet_block());
  const std::string buffer = "before" + header + "after";
  CHECK(verdict(std::string_view(buffer).substr(6)) == verdict(header));
}

TEST_CASE("A real header of HAProxy 2.6 with proxy-v2-options ssl,crc32c,unique-id is understood") {
  // Addresses 127.0.0.1:51234 to 127.0.0.1:8443, as its manual's TLVs stand one behind the other.
  const std::string tls = hex("01 00000001") + tlv(0x21, "TLSv1.3");
  const std::string body =
      hex("7f000001 7f000001 c822 20fb") + tlv(0x05, "7F000001:C822") + tlv(0x20, tls);
  CHECK(verdict(sealed(0x11, body)) ==
        "v2 69 bytes: 127.0.0.1:51234 to 127.0.0.1:8443, id 7F000001:C822, "
        "tls e-- verify 1 [TLSv1.3||||], sealed");
}

}  // namespace
}  // namespace tandem::lb::proxy_protocol
