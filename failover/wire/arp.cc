#include "failover/wire/arp.h"

#include "common/check.h"

namespace tandem::failover::wire {

Bytes gratuitous_arp(const IpAddress& address, const MacAddress& mac, ArpForm form) {
  TANDEM_CHECK(!address.is_v6());
  const bool is_request = form == ArpForm::kRequest;
  Bytes frame;
  append(frame, ethernet_header(kBroadcast, mac, kEthertypeArp));
  append(frame, std::array<std::uint8_t, 8>{0, 1,        // hardware: Ethernet
                                            0x08, 0x00,  // protocol: IPv4
                                            6, 4,        // lengths of their addresses
                                            0, static_cast<std::uint8_t>(is_request ? 1 : 2)});
  append(frame, mac);
  append(frame, address.bytes());
  // Nobody reads it in a request. In a reply it is the owner once more (RFC 5944 section 4.6).
  append(frame, is_request ? kBroadcast : mac);
  append(frame, address.bytes());
  return frame;
}

}  // namespace tandem::failover::wire
