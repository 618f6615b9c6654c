// Keys: what source, uri and hash look at, as the number that PickRequest carries. Pure. The
// numbers are the same on every worker, node and version, so that a key finds its server
// everywhere.
#pragma once

#include "common/address.h"

#include <cstdint>
#include <optional>
#include <string_view>

namespace tandem::lb::balance {

/// The client's address without its port; IPv4 and v4-mapped IPv6 are the same client. nullopt for
/// Unix sockets: they have no address (PickRequest::has_key false).
[[nodiscard]] std::optional<std::uint64_t> source_key(const SocketAddress& client) noexcept;

/// The request target up to its "?", or all of it with `whole`.
[[nodiscard]] std::uint64_t uri_key(std::string_view target, bool whole) noexcept;

/// A header, cookie or parameter value.
[[nodiscard]] std::uint64_t text_key(std::string_view value) noexcept;

}  // namespace tandem::lb::balance
