// How far a TCP peer has acknowledged what it was sent. A file of its own, because the kernel's
// <linux/tcp.h>, which alone knows the field, cannot stand beside <netinet/tcp.h>.
#pragma once

#include <cstdint>
#include <optional>

namespace tandem::lb::upstream {

/// Bytes the peer's kernel has acknowledged on this connection, its SYN counted as one. Also after
/// the connection broke. nullopt: not TCP, or a kernel that does not say. One system call.
[[nodiscard]] std::optional<std::uint64_t> tcp_bytes_acknowledged(int fd) noexcept;

}  // namespace tandem::lb::upstream
