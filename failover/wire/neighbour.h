// Unsolicited neighbour advertisement: tells every node of the link that an IPv6 address now lives
// at this interface (RFC 4861 sections 4.4 and 7.2.6, RFC 9568 section 6.4.1). Builds the frame;
// how often and through what it is sent is failover/system's. Pure, any thread.
#pragma once

#include "common/ip_address.h"
#include "failover/wire/bytes.h"
#include "failover/wire/ethernet.h"

namespace tandem::failover::wire {

/// A frame of 86 bytes to ff02::1 with the override flag, so that neighbours forget the other node.
/// `address` must be IPv6; it is the source too, as it is being assigned to the interface.
/// `is_router`: whether this node forwards IPv6. Said wrongly it changes neighbours' default
/// routes.
[[nodiscard]] Bytes neighbour_advertisement(const IpAddress& address, const MacAddress& mac,
                                            bool is_router);

}  // namespace tandem::failover::wire
