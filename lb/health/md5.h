// MD5 (RFC 1321), for PostgreSQL's older way of logging in alone. Protects nothing by itself.
#pragma once

#include <string>
#include <string_view>

namespace tandem::lb::health {

/// 32 hexadecimal digits, lower case. Pure.
[[nodiscard]] std::string md5_hex(std::string_view text);

}  // namespace tandem::lb::health
