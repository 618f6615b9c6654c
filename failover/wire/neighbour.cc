#include "failover/wire/neighbour.h"

#include "common/check.h"
#include "failover/wire/checksum.h"
#include "failover/wire/envelope.h"

namespace tandem::failover::wire {
namespace {

constexpr IpAddress kAllNodes{
    std::array<std::uint8_t, 16>{0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
constexpr MacAddress kAllNodesMac{0x33, 0x33, 0, 0, 0, 1};  // RFC 2464 section 7
constexpr std::uint8_t kProtocolIcmp6 = 58;
constexpr std::uint8_t kTypeNeighbourAdvertisement = 136;
constexpr std::uint8_t kFlagRouter = 0x80;
constexpr std::uint8_t kFlagOverride = 0x20;
constexpr std::uint8_t kOptionTargetLinkLayer = 2;
constexpr std::size_t kIcmpChecksumAt = 2;

Bytes advertisement(const IpAddress& address, const MacAddress& mac, bool is_router) {
  const int flags = kFlagOverride | (is_router ? kFlagRouter : 0);
  Bytes message{kTypeNeighbourAdvertisement, 0, 0, 0, static_cast<std::uint8_t>(flags), 0, 0, 0};
  append(message, address.bytes());
  append(message, std::array<std::uint8_t, 2>{kOptionTargetLinkLayer, 1});  // one unit of 8 bytes
  append(message, mac);
  Checksum checksum;
  checksum.add(message).add_pseudo_header(address, kAllNodes, kProtocolIcmp6, message.size());
  put_u16(message, kIcmpChecksumAt, checksum.value());
  return message;
}

}  // namespace

Bytes neighbour_advertisement(const IpAddress& address, const MacAddress& mac, bool is_router) {
  TANDEM_CHECK(address.is_v6());
  const Bytes message = advertisement(address, mac, is_router);
  Bytes frame;
  append(frame, ethernet_header(kAllNodesMac, mac, kEthertypeIpv6));
  append(frame, std::array<std::uint8_t, 8>{0x60, 0, 0, 0,  // version 6, no class, no flow
                                            0, static_cast<std::uint8_t>(message.size()),
                                            kProtocolIcmp6, kHopLimit});  // RFC 4861 section 7.1.2
  append(frame, address.bytes());
  append(frame, kAllNodes.bytes());
  append(frame, message);
  return frame;
}

}  // namespace tandem::failover::wire
