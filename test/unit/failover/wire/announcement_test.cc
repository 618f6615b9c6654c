#include "failover/wire/arp.h"
#include "failover/wire/checksum.h"
#include "failover/wire/neighbour.h"
#include "test/unit/failover/wire/captures.h"

#include <catch2/catch.hpp>

namespace tandem::failover::wire {
namespace {

constexpr MacAddress kMac{0x02, 0, 0, 0x77, 0, 0x0b};
constexpr std::size_t kIpv6At = kEthernetHeaderBytes;
constexpr std::size_t kIcmpAt = kIpv6At + 40;

TEST_CASE("A gratuitous ARP request is what keepalived sends") {
  CHECK(to_hex(gratuitous_arp(ip("10.77.0.100"), kMac)) ==
        plain_hex("ffffffffffff 02000077000b 0806"
                  "0001 0800 06 04 0001"
                  "02000077000b 0a4d0064 ffffffffffff 0a4d0064"));
}

TEST_CASE("A gratuitous ARP reply names the owner twice (RFC 5944 section 4.6)") {
  CHECK(to_hex(gratuitous_arp(ip("10.77.0.100"), kMac, ArpForm::kReply)) ==
        plain_hex("ffffffffffff 02000077000b 0806"
                  "0001 0800 06 04 0002"
                  "02000077000b 0a4d0064 02000077000b 0a4d0064"));
}

TEST_CASE("A neighbour advertisement is what keepalived sends: to all nodes, overriding") {
  CHECK(to_hex(neighbour_advertisement(ip("fd77::100"), kMac, false)) ==
        plain_hex("333300000001 02000077000b 86dd"
                  "60000000 0020 3a ff"
                  "fd770000000000000000000000000100 ff020000000000000000000000000001"
                  "88 00 572e 20000000 fd770000000000000000000000000100"
                  "02 01 02000077000b"));
}

TEST_CASE("The checksum of a neighbour advertisement covers its pseudo-header (RFC 4443 2.3)") {
  // The pseudo-header written out, so that the sum does not rest on the code that made it.
  const Bytes pseudo_header = from_hex(
      "fd770000000000000000000000000100 ff020000000000000000000000000001 00000020 0000003a");
  for (const bool is_router : {false, true}) {
    const Bytes frame = neighbour_advertisement(ip("fd77::100"), kMac, is_router);
    CHECK(Checksum().add(pseudo_header).add(ByteView(frame).subspan(kIcmpAt)).is_right());
  }
}

TEST_CASE("A neighbour advertisement says that this is a router only if it is one") {
  CHECK(neighbour_advertisement(ip("fe80::100"), kMac, false)[kIcmpAt + 4] == 0x20);
  CHECK(neighbour_advertisement(ip("fe80::100"), kMac, true)[kIcmpAt + 4] == 0xa0);
}

}  // namespace
}  // namespace tandem::failover::wire
