// The IPv4 header around an advert: built for a raw socket that sends headers too, and read from
// one, which always delivers them. IPv6 needs neither: its raw sockets speak of headers in
// ancillary data. Pure, any thread.
#pragma once

#include "failover/wire/bytes.h"
#include "failover/wire/envelope.h"
#include "failover/wire/refusal.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>

namespace tandem::failover::wire {

inline constexpr std::size_t kIpv4HeaderBytes = 20;

/// A header without options, checksum and all, byte for byte as keepalived sends it: DSCP CS6, may
/// be fragmented. Both addresses must be IPv4, `payload_bytes` at most 65515.
[[nodiscard]] std::array<std::uint8_t, kIpv4HeaderBytes> ipv4_header(const Envelope& envelope,
                                                                     std::size_t payload_bytes,
                                                                     std::uint16_t identification);

struct Ipv4Packet {
  Envelope envelope;
  ByteView payload;  // lies within the bytes that were read
};

/// Splits what a raw socket delivered. Options are skipped, and what follows the packet's own
/// length (padding of short Ethernet frames) is left out. The header checksum is not looked at: the
/// kernel has done so. Error: kIpHeader.
[[nodiscard]] std::expected<Ipv4Packet, Refusal> read_ipv4(ByteView packet) noexcept;

}  // namespace tandem::failover::wire
