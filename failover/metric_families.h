// The daemon's figures as Prometheus' metric families; the names are CONVENTIONS'. Thread: the
// loop's; a few hundred series at most.
#pragma once

#include <prometheus/metric_family.h>

#include <vector>

namespace tandem::failover {

class Daemon;

[[nodiscard]] std::vector<prometheus::MetricFamily> metric_families(const Daemon& daemon);

}  // namespace tandem::failover
