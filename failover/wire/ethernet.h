// What the frames of this room have in common: they go out through a packet socket, because the
// kernel sends none of them for an address of its own accord. Any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace tandem::failover::wire {

using MacAddress = std::array<std::uint8_t, 6>;

inline constexpr MacAddress kBroadcast{0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

inline constexpr std::size_t kEthernetHeaderBytes = 14;
inline constexpr std::uint16_t kEthertypeArp = 0x0806;
inline constexpr std::uint16_t kEthertypeIpv6 = 0x86dd;

/// Destination, source, type.
[[nodiscard]] constexpr std::array<std::uint8_t, kEthernetHeaderBytes> ethernet_header(
    const MacAddress& destination, const MacAddress& source, std::uint16_t type) noexcept {
  std::array<std::uint8_t, kEthernetHeaderBytes> header{};
  for (std::size_t i = 0; i < destination.size(); ++i) {
    header[i] = destination[i];
    header[destination.size() + i] = source[i];
  }
  header[12] = static_cast<std::uint8_t>(type >> 8);
  header[13] = static_cast<std::uint8_t>(type & 0xff);
  return header;
}

}  // namespace tandem::failover::wire
