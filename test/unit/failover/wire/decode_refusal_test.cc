// Every reason for which an advert is refused, each with the section that asks for it. Seals have
// their own in seal_test.cc.
#include "failover/wire/decode.h"
#include "test/unit/failover/wire/captures.h"

#include <catch2/catch.hpp>

namespace tandem::failover::wire {
namespace {

struct PayloadCase {
  std::string_view what;  // with the section of RFC 9568 where no other is named
  Capture capture;
  std::vector<std::pair<std::size_t, std::uint8_t>> changes;
  std::string_view refusal;
};

const std::vector<PayloadCase>& payload_cases() {
  static const std::vector<PayloadCase> kCases{
      {"version 2 for 3 (7.1)", ipv4_multicast(), {{0, 0x21}}, "version"},
      {"version 3 for 2 (RFC 3768 7.1)", version2_plain(), {{0, 0x31}}, "version"},
      {"version 0 (7.1)", ipv4_multicast(), {{0, 0x01}}, "version"},
      {"version 4 (7.1)", ipv6_multicast(), {{0, 0x41}}, "version"},
      {"type 0 (7.1)", ipv4_multicast(), {{0, 0x30}}, "type"},
      {"type 2 (7.1)", ipv6_multicast(), {{0, 0x32}}, "type"},
      {"type 2 (RFC 3768 7.1)", version2_plain(), {{0, 0x22}}, "type"},
      {"another VRID (7.1)", ipv4_multicast(), {{1, 52}}, "vrid"},
      {"VRID 0 (7.1)", ipv6_multicast(), {{1, 0}}, "vrid"},
      {"no address (7.1, errata)", ipv4_multicast(), {{3, 0}}, "count"},
      {"no address (7.1, errata)", ipv6_multicast(), {{3, 0}}, "count"},
      {"more addresses than bytes (7.1)", ipv4_multicast(), {{3, 2}}, "truncated"},
      {"255 addresses (7.1)", ipv6_multicast(), {{3, 255}}, "truncated"},
      {"more bytes than addresses", ipv6_multicast(), {{3, 1}}, "length"},
      {"interval 0 (erratum 8301)", ipv4_multicast(), {{4, 0}, {5, 0}}, "interval"},
      {"interval 0 beside reserved bits (erratum 8301)",
       ipv6_multicast(),
       {{4, 0xf0}, {5, 0}},
       "interval"},
      {"another interval (RFC 3768 7.1)", version2_plain(), {{5, 2}}, "interval"},
      {"interval 0 (RFC 3768 7.1)", version2_plain(), {{5, 0}}, "interval"},
      {"a password nobody asked for (RFC 3768 7.1)", version2_plain(), {{4, 1}}, "auth_type"},
      {"no authentication (RFC 3768 7.1)", version2_password(), {{4, 0}}, "auth_type"},
      {"IPsec (RFC 2338 5.3.6)", version2_password(), {{4, 2}}, "auth_type"},
      {"another password (RFC 3768 7.1)", version2_password(), {{12, 'S'}}, "password"},
      {"a longer password (RFC 3768 7.1)", version2_password(), {{19, 'x'}}, "password"},
      {"another address (7.1)", ipv4_multicast(), {{11, 0x65}}, "addresses"},
      {"another address (7.1)", ipv6_multicast(), {{39, 0x01}}, "addresses"},
      {"another address (RFC 3768 7.1)", version2_plain(), {{11, 0x65}}, "addresses"}};
  return kCases;
}

TEST_CASE("An advert with a right checksum and a wrong field is refused") {
  for (const PayloadCase& row : payload_cases()) {
    INFO(row.capture.name << ": " << row.what);
    CHECK(verdict(decode(changed(row.capture, row.changes), row.capture.envelope,
                         row.capture.expectation())) == row.refusal);
  }
}

TEST_CASE("Every single wrong bit is found by the checksum or by a field (section 7.1)") {
  for (const Capture& capture : all_captures())
    for (std::size_t bit = 0; bit < 8 * capture.bytes().size(); ++bit) {
      Bytes bytes = capture.bytes();
      bytes[bit / 8] ^= static_cast<std::uint8_t>(1U << bit % 8);
      INFO(capture.name << ", bit " << bit);
      CHECK(verdict(decode(bytes, capture.envelope, capture.expectation())) != "ok");
    }
}

TEST_CASE("A wrong checksum is refused (section 7.1)") {
  for (const Capture& capture : all_captures()) {
    INFO(capture.name);
    Bytes bytes = capture.bytes();
    bytes[kChecksumAt] ^= 0x01;
    CHECK(verdict(decode(bytes, capture.envelope, capture.expectation())) == "checksum");
  }
}

TEST_CASE("Over IPv6 a checksum without a pseudo-header is refused (section 5.2.8)") {
  const Capture capture = ipv6_multicast();
  Bytes bytes = capture.bytes();
  put_u16(bytes, kChecksumAt, 0);
  put_u16(bytes, kChecksumAt, Checksum().add(bytes).value());
  CHECK(verdict(decode(bytes, capture.envelope, capture.expectation())) == "checksum");
}

TEST_CASE("In version 2 a checksum with a pseudo-header is refused (RFC 3768 section 5.3.8)") {
  const Capture capture = version2_plain();
  Bytes bytes = capture.bytes();
  put_u16(bytes, kChecksumAt, 0);
  Checksum checksum;
  checksum.add(bytes).add_pseudo_header(capture.envelope.source, capture.envelope.destination,
                                        kProtocolVrrp, bytes.size());
  put_u16(bytes, kChecksumAt, checksum.value());
  CHECK(verdict(decode(bytes, capture.envelope, capture.expectation())) == "checksum");
}

TEST_CASE("An advert that was cut off anywhere is refused (section 7.1)") {
  for (const Capture& capture : all_captures())
    for (std::size_t size = 0; size < capture.bytes().size(); ++size) {
      INFO(capture.name << ", " << size << " bytes");
      CHECK(verdict(decode(ByteView(capture.bytes()).first(size), capture.envelope,
                           capture.expectation())) == "truncated");
    }
}

TEST_CASE("Bytes behind an advert are refused, even those of a seal that nobody asked for") {
  for (const Capture& capture : all_captures())
    for (const std::size_t more : {1U, 4U, 28U}) {
      INFO(capture.name << ", " << more << " bytes more");
      Bytes bytes = capture.bytes();
      bytes.resize(bytes.size() + more);
      CHECK(verdict(decode(bytes, capture.envelope, capture.expectation())) == "length");
    }
}

struct EnvelopeCase {
  std::string_view what;
  Capture capture;
  Envelope envelope;
  std::string_view refusal;
};

TEST_CASE("An advert that came another way than it should is refused") {
  const std::vector<EnvelopeCase> rows{
      {"through a router (7.1)", ipv4_multicast(), {ip("10.77.0.11"), kGroupV4, 254}, "hop_limit"},
      {"hop limit 0 (7.1)", ipv6_multicast(), {ip("fe80::ff:fe77:b"), kGroupV6, 0}, "hop_limit"},
      {"through a router (RFC 3768 7.1)",
       version2_plain(),
       {ip("10.77.0.11"), kGroupV4, 1},
       "hop_limit"},
      {"to us alone, with any hop limit (7.1)",
       ipv4_multicast(),
       {ip("10.77.0.11"), ip("10.77.0.12"), 64},
       "hop_limit"},
      {"to us alone (5.1.1.2)",
       ipv4_multicast(),
       {ip("10.77.0.11"), ip("10.77.0.12"), 255},
       "destination"},
      {"to another group (5.1.2.2)",
       ipv6_multicast(),
       {ip("fe80::ff:fe77:b"), ip("ff02::1"), 255},
       "destination"},
      {"to the group, where unicast is spoken",
       ipv4_unicast(),
       {ip("10.77.0.11"), kGroupV4, 255},
       "destination"},
      {"to the group, where unicast is spoken",
       ipv6_unicast(),
       {ip("fd77::11"), kGroupV6, 255},
       "destination"},
      {"from a node that is no peer",
       ipv4_unicast(),
       {ip("10.77.0.13"), ip("10.77.0.12"), 255},
       "source"},
      {"from a node that is no peer",
       ipv6_unicast(),
       {ip("fd77::13"), ip("fd77::12"), 64},
       "source"},
      {"from ourselves", ipv4_unicast(), {ip("10.77.0.12"), ip("10.77.0.12"), 255}, "own"}};
  for (const EnvelopeCase& row : rows) {
    INFO(row.capture.name << ": " << row.what);
    // With a checksum that fits the envelope, so that it is not what is refused.
    const Bytes bytes = encode(row.capture.advert, row.envelope, row.capture.form());
    CHECK(verdict(decode(bytes, row.envelope, row.capture.expectation())) == row.refusal);
  }
}

TEST_CASE("Our own advert that the network sends back is refused") {
  for (const Capture& capture : all_captures()) {
    INFO(capture.name);
    Expectation expectation = capture.expectation();
    expectation.own = capture.envelope.source;
    CHECK(verdict(decode(capture.bytes(), capture.envelope, expectation)) == "own");
  }
}

TEST_CASE("A list of addresses with others, more, fewer or one twice is refused (section 7.1)") {
  const Capture capture = ipv4_multicast();
  Expectation expectation = capture.expectation();
  expectation.addresses = {ip("10.77.0.100"), ip("10.77.0.101")};
  const std::vector<std::vector<IpAddress>> lists{
      {ip("10.77.0.100")},
      {ip("10.77.0.100"), ip("10.77.0.100")},
      {ip("10.77.0.100"), ip("10.77.0.102")},
      {ip("10.77.0.100"), ip("10.77.0.101"), ip("10.77.0.101")},
      {ip("10.77.0.100"), ip("10.77.0.101"), ip("10.77.0.102")}};
  for (const auto& list : lists) {
    Advert advert = capture.advert;
    advert.addresses = list;
    CHECK(verdict(decode(encode(advert, capture.envelope), capture.envelope, expectation)) ==
          "addresses");
  }
}

TEST_CASE("A global address before the link-local one is refused (section 5.2.9)") {
  Capture capture = ipv6_multicast();
  const Expectation expectation = capture.expectation();
  std::swap(capture.advert.addresses[0], capture.advert.addresses[1]);
  CHECK(verdict(decode(encode(capture.advert, capture.envelope), capture.envelope, expectation)) ==
        "address_order");
}

TEST_CASE("Version 2 does not exist over IPv6 (RFC 3768 section 1)") {
  Capture capture = ipv6_multicast();
  Expectation expectation = capture.expectation();
  expectation.version = kVersion2;
  CHECK(verdict(decode(changed(capture, {{0, 0x21}}), capture.envelope, expectation)) == "version");
}

TEST_CASE("An advert of one family is nothing for the addresses of the other") {
  const Capture capture = ipv6_multicast();
  Expectation expectation = capture.expectation();
  expectation.addresses = {ip("254.128.0.0"), ip("0.0.0.0")};
  CHECK(verdict(decode(capture.bytes(), capture.envelope, expectation)) == "addresses");
}

}  // namespace
}  // namespace tandem::failover::wire
