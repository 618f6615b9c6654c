// Exposition: metric families as Prometheus' text format 0.0.4. prometheus-cpp writes it, except
// where it is wrong: HELP texts are escaped here, and the content type names the version. Pure;
// tens of milliseconds for tens of thousands of series, so never on a worker. Thread: any.
#pragma once

#include <prometheus/metric_family.h>

#include <string>
#include <string_view>
#include <vector>

namespace tandem::metrics {

inline constexpr std::string_view kExpositionContentType =
    "text/plain; version=0.0.4; charset=utf-8";

/// Families without a metric are left out. `families` are in the order they shall appear.
[[nodiscard]] std::string expose(std::vector<prometheus::MetricFamily> families);

/// Backslash and line break as the format demands in a HELP line.
[[nodiscard]] std::string escape_help(std::string_view help);

}  // namespace tandem::metrics
