// The host of a request as rules see it, and how it meets the hosts of a rule: without port,
// without the dot of the root, without regard to case. Nothing here copies a byte. Pure.
#pragma once

#include <string_view>

namespace tandem::lb::route {

/// The part of an authority (RFC 3986 section 3.2) that names the host: user information, port and
/// one trailing dot removed, brackets of an IPv6 literal kept. Not lower-cased. Any bytes may come
/// in; what is no valid authority gives some part of itself.
[[nodiscard]] std::string_view host_of(std::string_view authority) noexcept;

/// True for "*.example.org" and the like.
[[nodiscard]] bool is_wildcard(std::string_view pattern) noexcept;

/// Whether `host` (as host_of() gives it, any case) is named by `pattern` (lower case). "*.x"
/// stands for every name under x, at any depth, and not for x itself.
[[nodiscard]] bool host_matches(std::string_view pattern, std::string_view host) noexcept;

}  // namespace tandem::lb::route
