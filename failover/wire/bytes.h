// Numbers in network byte order, as every format of this room writes them. Not a buffer class: the
// formats are short and of known length. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace tandem::failover::wire {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;

/// `at` + 1 must lie within `bytes`.
[[nodiscard]] inline std::uint16_t get_u16(ByteView bytes, std::size_t at) noexcept {
  return static_cast<std::uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}

/// `at` + 1 must lie within `bytes`.
inline void put_u16(std::span<std::uint8_t> bytes, std::size_t at, std::uint16_t value) noexcept {
  bytes[at] = static_cast<std::uint8_t>(value >> 8);
  bytes[at + 1] = static_cast<std::uint8_t>(value & 0xff);
}

inline void append(Bytes& bytes, ByteView more) {
  bytes.insert(bytes.end(), more.begin(), more.end());
}

inline void append_u64(Bytes& bytes, std::uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8)
    bytes.push_back(static_cast<std::uint8_t>(value >> shift & 0xff));
}

/// `at` + 7 must lie within `bytes`.
[[nodiscard]] inline std::uint64_t get_u64(ByteView bytes, std::size_t at) noexcept {
  std::uint64_t value = 0;
  for (const std::uint8_t byte : bytes.subspan(at, 8)) value = value << 8 | byte;
  return value;
}

}  // namespace tandem::failover::wire
