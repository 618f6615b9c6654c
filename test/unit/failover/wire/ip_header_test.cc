#include "failover/wire/ip_header.h"

#include "test/unit/failover/wire/captures.h"

#include <catch2/catch.hpp>

namespace tandem::failover::wire {
namespace {

struct HeaderCase {
  std::string_view header;
  Capture capture;
  std::uint16_t identification;
};

const std::vector<HeaderCase>& header_cases() {
  static const std::vector<HeaderCase> kCases{
      {"45c0002000010000ff70d0420a4d000be0000012", ipv4_multicast(), 1},
      {"45c0002000060000ff70d03d0a4d000be0000012", ipv4_farewell(), 6},
      {"45c0002000010000ff70a5fc0a4d000b0a4d000c", ipv4_unicast(), 1}};
  return kCases;
}

TEST_CASE("The IPv4 header is byte for byte that of keepalived") {
  for (const HeaderCase& row : header_cases()) {
    INFO(row.capture.name);
    CHECK(to_hex(ipv4_header(row.capture.envelope, row.capture.bytes().size(),
                             row.identification)) == row.header);
  }
}

TEST_CASE("A packet from a raw socket is split into envelope and payload") {
  for (const HeaderCase& row : header_cases()) {
    INFO(row.capture.name);
    Bytes packet = from_hex(row.header);
    append(packet, row.capture.bytes());
    const auto read = read_ipv4(packet);
    REQUIRE(read);
    CHECK(read->envelope.source == row.capture.envelope.source);
    CHECK(read->envelope.destination == row.capture.envelope.destination);
    CHECK(read->envelope.hop_limit == 255);
    CHECK(to_hex(read->payload) == plain_hex(row.capture.payload));
  }
}

TEST_CASE("Options before the payload and padding behind it are left out") {
  Bytes packet = from_hex("46c0002400010000ff7000000a4d000be0000012 01010100");
  append(packet, ipv4_multicast().bytes());
  append(packet, from_hex("00000000 0000"));
  const auto read = read_ipv4(packet);
  REQUIRE(read);
  CHECK(to_hex(read->payload) == plain_hex(ipv4_multicast().payload));
}

TEST_CASE("What is not a whole IPv4 packet of VRRP is refused (RFC 791 section 3.1)") {
  struct Row {
    std::string_view what;
    std::string_view packet;
  };
  const std::vector<Row> rows{
      {"nothing", ""},
      {"a byte less than a header", "45c0001400010000ff7000000a4d000be00000"},
      {"IPv6", "65c0001400010000ff7000000a4d000be0000012"},
      {"a header of four words", "44c0001400010000ff7000000a4d000be0000012"},
      {"options beyond the end", "4fc0001400010000ff7000000a4d000be0000012"},
      {"a total shorter than the header", "45c0001300010000ff7000000a4d000be0000012"},
      {"a total beyond the end", "45c0001500010000ff7000000a4d000be0000012"},
      {"a first fragment", "45c0001400012000ff7000000a4d000be0000012"},
      {"a later fragment", "45c0001400010001ff7000000a4d000be0000012"},
      {"another protocol", "45c0001400010000ff1100000a4d000be0000012"}};
  for (const Row& row : rows) {
    INFO(row.what);
    CHECK(verdict(read_ipv4(from_hex(row.packet))) == "ip_header");
  }
  CHECK(verdict(read_ipv4(from_hex("45c0001400014000ff7000000a4d000be0000012"))) == "ok");  // DF
}

}  // namespace
}  // namespace tandem::failover::wire
