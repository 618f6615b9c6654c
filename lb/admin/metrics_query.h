// MetricsQuery: which part of the metrics one scrape asks for, with the parameters of HAProxy's
// exporter: "scope=frontend&scope=backend&no-maint". A value. Any thread.
#pragma once

#include "common/result.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

namespace tandem::lb::admin {

enum class Scope : std::uint8_t { kGlobal, kFrontend, kBackend, kServer, kCount };

struct MetricsQuery {
  std::array<bool, static_cast<std::size_t>(Scope::kCount)> scopes{true, true, true, true};
  bool hide_maint = false;  // no series of servers in maintenance

  [[nodiscard]] bool has(Scope scope) const noexcept { return scopes[std::to_underlying(scope)]; }
  friend bool operator==(const MetricsQuery&, const MetricsQuery&) = default;
};

/// Reads what follows the "?" of a target. "scope" may be repeated and may list several with
/// commas; "*" is all of them, an empty one forgets those before it, and without any everything is
/// asked for. Other parameters mean nothing here. Errors: a scope that does not exist, in words.
[[nodiscard]] Result<MetricsQuery> parse_metrics_query(std::string_view query);

}  // namespace tandem::lb::admin
