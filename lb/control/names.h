// How commands name things: "backend/server", "frontend", or "#id" in place of a name.
#pragma once

#include "lb/config/snapshot.h"
#include "lb/upstream/fleet.h"

#include <expected>
#include <optional>
#include <string_view>

namespace tandem::lb::control {

[[nodiscard]] std::optional<config::BackendIndex> find_backend(const config::Snapshot& snapshot,
                                                               std::string_view name);
[[nodiscard]] std::optional<config::FrontendIndex> find_frontend(const config::Snapshot& snapshot,
                                                                 std::string_view name);
/// The id of the frontend or backend of that name; the name of either.
[[nodiscard]] std::optional<std::uint32_t> find_proxy_id(const config::Snapshot& snapshot,
                                                         std::string_view name);

/// Reads "backend/server". Errors: HAProxy's words, which clients look for: "Require
/// 'backend/server'.", "No such backend.", "No such server.".
[[nodiscard]] std::expected<upstream::ServerId, std::string_view> find_server(
    const config::Snapshot& snapshot, std::string_view name);

}  // namespace tandem::lb::control
