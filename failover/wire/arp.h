// Gratuitous ARP: tells every neighbour that an IPv4 address now lives at this interface (RFC 9568
// section 6.4.1, RFC 5227 section 3, RFC 5944 section 4.6). Builds the frame; how often and through
// what it is sent is failover/system's. Pure, any thread.
#pragma once

#include "common/ip_address.h"
#include "failover/wire/bytes.h"
#include "failover/wire/ethernet.h"

namespace tandem::failover::wire {

enum class ArpForm : std::uint8_t {
  kRequest,  // what RFC 5227 recommends and keepalived sends
  kReply,    // for the few neighbours that learn from replies alone
};

/// A broadcast frame of 42 bytes; the driver pads it. `address` must be IPv4.
[[nodiscard]] Bytes gratuitous_arp(const IpAddress& address, const MacAddress& mac,
                                   ArpForm form = ArpForm::kRequest);

}  // namespace tandem::failover::wire
