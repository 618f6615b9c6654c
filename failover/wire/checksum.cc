#include "failover/wire/checksum.h"

namespace tandem::failover::wire {

Checksum& Checksum::add(ByteView piece) noexcept {
  std::size_t at = 0;
  for (; at + 1 < piece.size(); at += 2) sum_ += get_u16(piece, at);
  if (at < piece.size()) sum_ += static_cast<std::uint64_t>(piece[at]) << 8;
  return *this;
}

Checksum& Checksum::add_pseudo_header(const IpAddress& source, const IpAddress& destination,
                                      std::uint8_t protocol, std::size_t length) noexcept {
  // The families order and pad these numbers differently; to a sum it is all the same.
  add(source.bytes()).add(destination.bytes());
  sum_ += protocol;
  sum_ += length;
  return *this;
}

std::uint16_t Checksum::value() const noexcept {
  std::uint64_t folded = sum_;
  while (folded > 0xffff) folded = (folded & 0xffff) + (folded >> 16);
  return static_cast<std::uint16_t>(~folded & 0xffff);
}

}  // namespace tandem::failover::wire
