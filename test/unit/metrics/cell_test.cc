#include "metrics/cell.h"

#include <catch2/catch.hpp>

namespace tandem::metrics {

TEST_CASE("A duration is counted in the first bucket whose bound it does not exceed", "[metrics]") {
  struct Row {
    std::int64_t microseconds;
    std::size_t bucket;
  };
  for (const Row& row : {Row{0, 0}, Row{5'000, 0}, Row{5'001, 1}, Row{10'000, 1}, Row{999'999, 7},
                         Row{10'000'000, 10}, Row{10'000'001, 11}, Row{-5, 0}}) {
    DurationHistogram histogram;
    histogram.observe(std::chrono::microseconds(row.microseconds));
    CAPTURE(row.microseconds);
    CHECK(histogram.bucket(row.bucket) == 1);
    CHECK(histogram.sum_microseconds() ==
          static_cast<std::uint64_t>(row.microseconds > 0 ? row.microseconds : 0));
  }
}

TEST_CASE("The sliding average of equal durations approaches them", "[metrics]") {
  DurationHistogram histogram;
  for (int i = 0; i < 5'000; ++i) histogram.observe(std::chrono::milliseconds(20));
  const std::int64_t average = histogram.average_scaled() / DurationHistogram::kWindow;
  CHECK(average > 19'000);
  CHECK(average <= 20'000);
  CHECK(histogram.largest_microseconds() == 20'000);
}

TEST_CASE("A gauge is raised, and never lowered, by raise_to", "[metrics]") {
  Gauge gauge;
  gauge.raise_to(5);
  gauge.raise_to(3);
  CHECK(gauge.value() == 5);
  gauge.add(-7);
  CHECK(gauge.value() == -2);
}

}  // namespace tandem::metrics
