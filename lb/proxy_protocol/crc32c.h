// CRC32C (Castagnoli), as the PROXY protocol seals a header with it. Pure. Thread: any.
#pragma once

#include <cstdint>
#include <string_view>

namespace tandem::lb::proxy_protocol {

/// RFC 3720 appendix B.4. `before`: what came out for the bytes in front of these, to go on from.
[[nodiscard]] std::uint32_t crc32c(std::string_view bytes, std::uint32_t before = 0) noexcept;

}  // namespace tandem::lb::proxy_protocol
