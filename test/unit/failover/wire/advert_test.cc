#include "failover/wire/advert.h"

#include "test/unit/failover/wire/captures.h"

#include <catch2/catch.hpp>

namespace tandem::failover::wire {
namespace {

TEST_CASE("An advert is written byte for byte as keepalived writes it") {
  for (const Capture& capture : all_captures()) {
    INFO(capture.name);
    CHECK(to_hex(encode(capture.advert, capture.envelope, capture.form())) ==
          plain_hex(capture.payload));
  }
}

TEST_CASE("Without a pseudo-header the checksum does not depend on the addresses") {
  const Capture capture = ipv4_multicast();
  const Form form{.has_pseudo_header = false};
  CHECK(to_hex(encode(capture.advert, capture.envelope, form)) ==
        plain_hex("31336401 00146006 0a4d0064"));  // RFC 9568 section 5.2.8
  CHECK(encode(capture.advert, capture.envelope, form) ==
        encode(capture.advert, ipv4_unicast().envelope, form));
}

TEST_CASE("Over IPv6 the pseudo-header cannot be left out") {
  const Capture capture = ipv6_multicast();
  CHECK(to_hex(encode(capture.advert, capture.envelope, {.has_pseudo_header = false})) ==
        plain_hex(capture.payload));
}

TEST_CASE("The longest interval and the most addresses fit") {
  Advert advert = ipv4_multicast().advert;
  advert.interval = kIntervalMax;
  advert.addresses.assign(kAddressesMax, ip("10.77.0.100"));
  const Bytes bytes = encode(advert, ipv4_multicast().envelope);
  CHECK(bytes.size() == 8 + 4 * kAddressesMax);
  CHECK(bytes[kCountAt] == 255);
  CHECK(get_u16(bytes, kIntervalAt) == 4095);
}

TEST_CASE("Version 2 carries whole seconds and a place for a password even when there is none") {
  Advert advert = version2_plain().advert;
  advert.interval = kIntervalMaxVersion2;
  const Bytes bytes = encode(advert, version2_plain().envelope);
  CHECK(bytes.size() == 8 + 4 + 8);
  CHECK(bytes[kAuthTypeAt] == kAuthNone);
  CHECK(bytes[kIntervalSecondsAt] == 255);
}

TEST_CASE("A password is cut after eight bytes") {
  const Capture capture = version2_password();
  CHECK(encode(capture.advert, capture.envelope, {.password = "12345678"}) ==
        encode(capture.advert, capture.envelope, {.password = "123456789"}));
}

TEST_CASE("A checksum over an odd number of bytes counts the last as the higher half") {
  // RFC 1071 section 3 sums 0001 f203 f4f5 f6f7 to ddf2.
  CHECK(Checksum().add(from_hex("0001f203f4f5f6f7")).value() ==
        static_cast<std::uint16_t>(~0xddf2));
  CHECK(Checksum().add(from_hex("0001f2")).value() == static_cast<std::uint16_t>(~0xf201));
}

}  // namespace
}  // namespace tandem::failover::wire
