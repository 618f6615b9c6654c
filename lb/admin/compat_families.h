// The haproxy_* families, for the dashboards and alerts that people have: the very rows of
// `show stat` and fields of `show info`, under the names of HAProxy's exporter. Like those, and
// unlike tandem_*, they follow `clear counters`.
#pragma once

#include "lb/admin/sample.h"
#include "lb/control/info.h"
#include "lb/control/stat_table.h"
#include "lb/health/result.h"

#include <prometheus/metric_family.h>

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace tandem::lb::admin {

/// How many servers of a backend are what.
struct ServerCounts {
  std::array<std::uint32_t, static_cast<std::size_t>(ServerWord::kCount)> by_state{};
  std::array<std::uint32_t, std::to_underlying(health::Status::kProcOk) + 1> by_check{};
};

/// One row of `show stat`, as far as numbers matter.
struct CompatRow {
  control::RowType type = control::RowType::kFrontend;
  std::string proxy;
  std::string server;                             // servers only
  std::array<double, control::kColumns> numbers;  // NaN: none
  ServerWord state = ServerWord::kUp;             // kUp or kDown of frontends and backends
  bool is_checked = false;
  health::Status check = health::Status::kUnknown;  // of checked servers
  ServerCounts servers;                             // of backends
};

struct CompatSample {
  std::vector<control::InfoField> info;
  std::vector<CompatRow> rows;
};

/// Copies what the families that `query` asks for need. Thread: control.
[[nodiscard]] CompatSample take_compat_sample(const Source& source, const MetricsQuery& query = {});

/// In HAProxy's order: process, frontends, backends, servers. Thread: any.
[[nodiscard]] std::vector<prometheus::MetricFamily> compat_families(const CompatSample& sample);

}  // namespace tandem::lb::admin
