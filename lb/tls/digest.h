// Digests, for those who speak with servers that want them. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

namespace tandem::lb::tls {

/// MD5 (RFC 1321) as 32 hexadecimal digits, lower case: for PostgreSQL's older way of logging in
/// alone. Protects nothing by itself. Empty where OpenSSL was told to do without it (FIPS).
[[nodiscard]] std::string md5_hex(std::string_view text);

/// What a server answers to a WebSocket's key (RFC 6455 section 4.2.2), in base64.
[[nodiscard]] std::string websocket_accept(std::string_view key);

}  // namespace tandem::lb::tls
