#include "lb/control/names.h"

#include "common/text.h"

#include <vector>

namespace tandem::lb::control {
namespace {

/// Index of what has that name, or that id after a "#".
template <class Thing>
std::optional<std::uint32_t> find(const std::vector<Thing>& things, std::string_view name) {
  const bool by_id = name.starts_with('#');
  const auto id = by_id ? parse_decimal(name.substr(1)) : std::nullopt;
  for (std::size_t i = 0; i < things.size(); ++i)
    if (things[i].name == name || (id && things[i].id == *id)) return static_cast<std::uint32_t>(i);
  return std::nullopt;
}

}  // namespace

std::optional<config::BackendIndex> find_backend(const config::Snapshot& snapshot,
                                                 std::string_view name) {
  return find(snapshot.backends, name);
}

std::optional<config::FrontendIndex> find_frontend(const config::Snapshot& snapshot,
                                                   std::string_view name) {
  return find(snapshot.frontends, name);
}

std::optional<std::uint32_t> find_proxy_id(const config::Snapshot& snapshot,
                                           std::string_view name) {
  if (const auto f = find_frontend(snapshot, name)) return snapshot.frontends[*f].id;
  if (const auto b = find_backend(snapshot, name)) return snapshot.backends[*b].id;
  return std::nullopt;
}

std::expected<upstream::ServerId, std::string_view> find_server(const config::Snapshot& snapshot,
                                                                std::string_view name) {
  const std::size_t slash = name.find('/');
  if (slash == std::string_view::npos) return std::unexpected("Require 'backend/server'.");
  const auto backend = find_backend(snapshot, name.substr(0, slash));
  if (!backend) return std::unexpected("No such backend.");
  const auto server = find(snapshot.backends[*backend].servers, name.substr(slash + 1));
  if (!server) return std::unexpected("No such server.");
  return upstream::ServerId{*backend, *server};
}

}  // namespace tandem::lb::control
