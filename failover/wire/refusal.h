// Refusal: why a packet was thrown away. Each reason has a name that is a metric label and a word
// in the log; whatever a network can bring ends in one of them and in nothing else. Any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tandem::failover::wire {

/// In the order in which a packet is looked at. Sections are those of RFC 9568 unless said.
enum class Refusal : std::uint8_t {
  kIpHeader,       // not a whole, unfragmented IPv4 packet of protocol 112
  kWrongHopLimit,  // multicast, and not 255: it came through a router (7.1)
  kDestination,    // multicast where unicast is spoken, or the other way round (5.1.1.2)
  kOwn,            // our own advert, sent back by the network
  kSource,         // unicast, from a node that is not one of the peers
  kTruncated,      // shorter than it says (7.1)
  kVersion,        // not the version of this virtual router (7.1)
  kType,           // not an advertisement (7.1)
  kVrid,           // another virtual router (7.1)
  kCount,          // no address (7.1 with its errata)
  kLength,         // longer than it says
  kSealMissing,    // plain, where a seal is demanded
  kSealForm,       // a seal of another scheme
  kSealKey,        // a seal with a key that is not known here
  kSealStale,      // a seal from too far in the past or the future
  kSeal,           // a seal that does not fit the message, or was made with another secret
  kChecksum,       // damaged (7.1)
  kAuthType,       // VRRPv2: not the authentication that is configured (RFC 3768 section 7.1)
  kPassword,       // VRRPv2: another password (RFC 3768 section 7.1)
  kInterval,       // zero (erratum 8301); VRRPv2: not the one that is configured (RFC 3768)
  kAddresses,      // not the addresses that are configured (7.1)
  kAddressOrder,   // IPv6: the first is not the link-local one (5.2.9)
  kReplay,         // a sealed advert that was seen before, or is older than one that was
};

inline constexpr std::size_t kRefusalCount = static_cast<std::size_t>(Refusal::kReplay) + 1;

/// "hop_limit", "checksum" …: stable, for metric labels and the log.
[[nodiscard]] std::string_view refusal_name(Refusal refusal) noexcept;

/// Every reason once, in order: a metric shows them all from the beginning.
[[nodiscard]] constexpr std::array<Refusal, kRefusalCount> all_refusals() noexcept {
  std::array<Refusal, kRefusalCount> all{};
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<Refusal>(i);
  return all;
}

}  // namespace tandem::failover::wire
