// Digests, for those who speak with servers that want them. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

namespace tandem::lb::tls {

/// MD5 (RFC 1321) as 32 hexadecimal digits, lower case: for PostgreSQL's older way of logging in
/// alone. Protects nothing by itself. Empty where OpenSSL was told to do without it (FIPS).
[[nodiscard]] std::string md5_hex(std::string_view text);

}  // namespace tandem::lb::tls
