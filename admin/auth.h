// Basic authentication (RFC 7617) of the statistics page and the metrics. Pure.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace tandem::admin {

/// Whether the value of an Authorization field names one of `users` with its password. The time it
/// takes depends on what the client sent and on the number of users, not on what is right about it.
[[nodiscard]] bool is_authorized(const std::map<std::string, std::string>& users,
                                 std::string_view authorization);

/// Takes as long for a difference in the first byte as for one in the last.
[[nodiscard]] bool equal_in_constant_time(std::string_view given, std::string_view wanted) noexcept;

/// RFC 4648 section 4, with or without padding. Empty: it is no Base64.
[[nodiscard]] std::string decode_base64(std::string_view text);

}  // namespace tandem::admin
