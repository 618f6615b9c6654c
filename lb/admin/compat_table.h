// The haproxy_* families: which columns of `show stat` and fields of `show info` are served under
// the names that HAProxy's own exporter gives them. Constant data; how they are filled stands in
// compat_families.cc. Any thread.
#pragma once

#include "lb/control/stat_table.h"

#include <prometheus/metric_type.h>

#include <cstdint>
#include <span>
#include <string_view>

namespace tandem::lb::admin {

/// How a column of one row becomes series.
enum class CompatShape : std::uint8_t {
  kNumber,             // as it is; NaN where the row has none, as HAProxy
  kMilliseconds,       // in seconds
  kCodes,              // six columns from this one on, label code
  kState,              // label state: 1 for the one that holds
  kCheckState,         // the same of the last check; checked servers only
  kCheckNumber,        // checked servers only; 0 where there is no code
  kCheckMilliseconds,  // checked servers only; in seconds, 0 where it was not measured
  kServersByState,     // label state: how many servers of the backend are in it
  kServersByChecks,    // label state: how many servers had this as the result of the last check
};

/// One family for each bit of `rows`: haproxy_frontend_<name>, haproxy_backend_<name> …
struct CompatStatFamily {
  std::string_view name;
  control::Column column;
  prometheus::MetricType type;
  std::uint8_t rows;  // bits 1 << control::RowType
  CompatShape shape = CompatShape::kNumber;
  std::string_view help = {};  // empty: the description of the column
};

/// One field of `show info`: haproxy_process_<name>.
struct CompatInfoFamily {
  std::string_view name;
  std::string_view key;
  prometheus::MetricType type;
  std::string_view help;
};

/// In HAProxy's order.
[[nodiscard]] std::span<const CompatStatFamily> compat_stat_families() noexcept;
[[nodiscard]] std::span<const CompatInfoFamily> compat_info_families() noexcept;

/// "haproxy_frontend_".
[[nodiscard]] std::string_view compat_prefix(control::RowType type) noexcept;
inline constexpr std::string_view kCompatProcessPrefix = "haproxy_process_";

}  // namespace tandem::lb::admin
