// The metric families of tandem-lb: one table with the name, type, help and labels of each, and how
// they are filled from a Sample. docs/METRICS.md is the same table for people; a test holds the two
// to each other.
#pragma once

#include "lb/admin/sample.h"

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace tandem::lb::admin {

/// One row of the table.
struct FamilyInfo {
  std::string_view name;
  prometheus::MetricType type;
  std::string_view help;
  std::array<std::string_view, 3> labels;  // in order; empty: none. Histograms have "le" besides
};

/// In the order of the exposition.
[[nodiscard]] std::span<const FamilyInfo> metric_families() noexcept;

/// Renders one Sample. Thread: any; the sample belongs to it.
class FamiliesCollectable final : public prometheus::Collectable {
 public:
  explicit FamiliesCollectable(Sample sample) : sample_(std::move(sample)) {}
  /// A family for each row of the table, in its order; some may have no metric.
  [[nodiscard]] std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  Sample sample_;
};

}  // namespace tandem::lb::admin
