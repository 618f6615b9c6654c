// Envelope: what the IP header says about a packet, and the few numbers of VRRP that belong to the
// IP layer. Not the header's bytes: those are in ip_header.h. Value type, any thread.
#pragma once

#include "common/ip_address.h"

#include <array>
#include <cstdint>

namespace tandem::failover::wire {

/// Protocol number of VRRP (RFC 9568 section 5.1.1.4).
inline constexpr std::uint8_t kProtocolVrrp = 112;
/// What the sender writes, so that a packet that was forwarded gives itself away (5.1.1.3).
inline constexpr std::uint8_t kHopLimit = 255;
/// Class of service of network control, DSCP CS6: adverts must not queue behind what they guard.
inline constexpr std::uint8_t kTrafficClass = 0xc0;

/// 224.0.0.18 (RFC 9568 section 5.1.1.2).
inline constexpr IpAddress kGroupV4{std::array<std::uint8_t, 4>{224, 0, 0, 18}};
/// ff02::12 (RFC 9568 section 5.1.2.2).
inline constexpr IpAddress kGroupV6{
    std::array<std::uint8_t, 16>{0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x12}};

/// Both addresses are of one family.
struct Envelope {
  IpAddress source;
  IpAddress destination;
  std::uint8_t hop_limit = kHopLimit;
};

}  // namespace tandem::failover::wire
