#include "failover/wire/ip_header.h"

#include "common/check.h"
#include "failover/wire/checksum.h"

#include <algorithm>

namespace tandem::failover::wire {
namespace {

constexpr std::size_t kTotalLengthAt = 2;
constexpr std::size_t kIdentificationAt = 4;
constexpr std::size_t kFragmentAt = 6;
constexpr std::size_t kHopLimitAt = 8;
constexpr std::size_t kProtocolAt = 9;
constexpr std::size_t kChecksumAt = 10;
constexpr std::size_t kSourceAt = 12;
constexpr std::size_t kDestinationAt = 16;
constexpr std::uint16_t kFragmentMask = 0x3fff;  // more fragments, and the offset

}  // namespace

std::array<std::uint8_t, kIpv4HeaderBytes> ipv4_header(const Envelope& envelope,
                                                       std::size_t payload_bytes,
                                                       std::uint16_t identification) {
  TANDEM_CHECK(!envelope.source.is_v6() && !envelope.destination.is_v6());
  TANDEM_CHECK(payload_bytes <= 0xffff - kIpv4HeaderBytes);
  std::array<std::uint8_t, kIpv4HeaderBytes> header{};
  header[0] = 0x45;  // version 4, five words
  header[1] = kTrafficClass;
  put_u16(header, kTotalLengthAt, static_cast<std::uint16_t>(kIpv4HeaderBytes + payload_bytes));
  put_u16(header, kIdentificationAt, identification);
  header[kHopLimitAt] = envelope.hop_limit;
  header[kProtocolAt] = kProtocolVrrp;
  std::ranges::copy(envelope.source.bytes(), header.begin() + kSourceAt);
  std::ranges::copy(envelope.destination.bytes(), header.begin() + kDestinationAt);
  put_u16(header, kChecksumAt, Checksum().add(header).value());
  return header;
}

std::expected<Ipv4Packet, Refusal> read_ipv4(ByteView packet) noexcept {
  if (packet.size() < kIpv4HeaderBytes || packet[0] >> 4 != 4)
    return std::unexpected(Refusal::kIpHeader);
  const std::size_t header_bytes = std::size_t{4} * (packet[0] & 0x0f);
  const std::size_t total_bytes = get_u16(packet, kTotalLengthAt);
  const bool is_whole = header_bytes >= kIpv4HeaderBytes && header_bytes <= total_bytes &&
                        total_bytes <= packet.size() &&
                        (get_u16(packet, kFragmentAt) & kFragmentMask) == 0;
  if (!is_whole || packet[kProtocolAt] != kProtocolVrrp) return std::unexpected(Refusal::kIpHeader);
  return Ipv4Packet{.envelope = {.source = IpAddress::of(packet.subspan(kSourceAt, 4)),
                                 .destination = IpAddress::of(packet.subspan(kDestinationAt, 4)),
                                 .hop_limit = packet[kHopLimitAt]},
                    .payload = packet.subspan(header_bytes, total_bytes - header_bytes)};
}

}  // namespace tandem::failover::wire
