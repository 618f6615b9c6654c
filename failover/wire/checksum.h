// The Internet checksum (RFC 1071) and the pseudo-headers that it may begin with. Any thread.
#pragma once

#include "common/ip_address.h"
#include "failover/wire/bytes.h"

#include <cstddef>
#include <cstdint>

namespace tandem::failover::wire {

/// Adds up pieces in turn. Each piece but the last must have an even length. A sum of 64 KiB and
/// its pseudo-header is far from the end of the accumulator.
class Checksum {
 public:
  Checksum& add(ByteView piece) noexcept;
  /// Source, destination, protocol and length as they enter the checksum of a transport: RFC 8200
  /// section 8.1 for IPv6, RFC 9293 section 3.1 for IPv4. Both addresses are of one family.
  Checksum& add_pseudo_header(const IpAddress& source, const IpAddress& destination,
                              std::uint8_t protocol, std::size_t length) noexcept;

  /// What to write into the field, which counted as zero.
  [[nodiscard]] std::uint16_t value() const noexcept;
  /// Whether everything added, the field too, came over whole.
  [[nodiscard]] bool is_right() const noexcept { return value() == 0; }

 private:
  std::uint64_t sum_ = 0;
};

}  // namespace tandem::failover::wire
