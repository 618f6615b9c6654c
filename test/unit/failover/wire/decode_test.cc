// What is taken. What is refused stands in decode_refusal_test.cc.
#include "failover/wire/decode.h"

#include "test/unit/failover/wire/captures.h"

#include <catch2/catch.hpp>

#include <algorithm>

namespace tandem::failover::wire {
namespace {

TEST_CASE("What keepalived sends is read as it was meant") {
  for (const Capture& capture : all_captures()) {
    INFO(capture.name);
    const auto advert = decode(capture.bytes(), capture.envelope, capture.expectation());
    REQUIRE(verdict(advert) == "ok");
    CHECK(*advert == capture.advert);
  }
}

TEST_CASE("Version 3 over IPv4 is taken with every checksum that is in use") {
  struct Row {
    std::string_view what;
    Capture capture;
    std::string_view payload;
    std::string_view verdict;
  };
  const std::vector<Row> rows{
      {"with a pseudo-header (RFC 5798)", ipv4_multicast(), "31336401 0014751f 0a4d0064", "ok"},
      {"without (RFC 9568 5.2.8)", ipv4_multicast(), "31336401 00146006 0a4d0064", "ok"},
      {"unicast, without (RFC 9568 5.2.8)", ipv4_unicast(), "31336401 00146006 0a4d0064", "ok"},
      {"unicast, as if to the group", ipv4_unicast(), "31336401 0014751f 0a4d0064", "ok"},
      {"multicast, as if to a node", ipv4_multicast(), "31336401 00144ad9 0a4d0064", "checksum"}};
  for (const Row& row : rows) {
    INFO(row.what);
    CHECK(verdict(decode(from_hex(row.payload), row.capture.envelope, row.capture.expectation())) ==
          row.verdict);
  }
}

TEST_CASE("The reserved bits are not looked at (RFC 9568 section 5.2.6)") {
  const Capture capture = ipv4_multicast();
  const auto advert =
      decode(changed(capture, {{kIntervalAt, 0xf0}}), capture.envelope, capture.expectation());
  REQUIRE(advert);
  CHECK(*advert == capture.advert);
}

TEST_CASE("Another interval than our own is taken in version 3 (RFC 9568 section 7.1)") {
  const Capture capture = ipv4_multicast();
  Expectation expectation = capture.expectation();
  expectation.interval = Centiseconds(100);
  const auto advert = decode(capture.bytes(), capture.envelope, expectation);
  REQUIRE(advert);
  CHECK(advert->interval == Centiseconds(20));
}

TEST_CASE("The addresses may come in another order") {
  Capture capture = ipv4_multicast();
  capture.advert.addresses = {ip("10.77.0.102"), ip("10.77.0.100"), ip("10.77.0.101")};
  Expectation expectation = capture.expectation();
  std::ranges::sort(expectation.addresses);
  const auto advert =
      decode(encode(capture.advert, capture.envelope), capture.envelope, expectation);
  REQUIRE(advert);
  CHECK(advert->addresses == capture.advert.addresses);
}

TEST_CASE("Where no link-local address is configured none has to come first") {
  Capture capture = ipv6_unicast();
  capture.advert.addresses = {ip("fd77::100"), ip("fd77::101")};
  CHECK(verdict(decode(encode(capture.advert, capture.envelope), capture.envelope,
                       capture.expectation())) == "ok");
}

TEST_CASE("Over unicast any hop limit will do") {
  for (Capture capture : {ipv4_unicast(), ipv6_unicast()}) {
    INFO(capture.name);
    capture.envelope.hop_limit = 1;
    CHECK(verdict(decode(capture.bytes(), capture.envelope, capture.expectation())) == "ok");
  }
}

TEST_CASE("Every priority is read, in both versions") {
  for (Capture capture : {ipv4_multicast(), version2_plain()})
    for (int priority = 0; priority <= 255; ++priority) {
      INFO(capture.name << " " << priority);
      capture.advert.priority = static_cast<std::uint8_t>(priority);
      const auto advert =
          decode(encode(capture.advert, capture.envelope), capture.envelope, capture.expectation());
      REQUIRE(advert);
      CHECK(advert->priority == priority);
    }
}

TEST_CASE("A payload says which virtual router to ask") {
  CHECK(peek_vrid(ipv4_multicast().bytes()) == 51);
  CHECK(peek_vrid(from_hex("3107")) == 7);
  CHECK(!peek_vrid(from_hex("31")));
  CHECK(!peek_vrid({}));
}

}  // namespace
}  // namespace tandem::failover::wire
