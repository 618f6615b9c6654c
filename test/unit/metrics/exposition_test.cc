#include "metrics/exposition.h"

#include <catch2/catch.hpp>

namespace tandem::metrics {
namespace {

prometheus::MetricFamily family(std::string name, std::string help, double value) {
  prometheus::ClientMetric metric;
  metric.counter.value = value;
  metric.label = {{"frontend", "a\"b\\c\nd"}};
  return {std::move(name), std::move(help), prometheus::MetricType::Counter, {metric}};
}

}  // namespace

TEST_CASE("A family is written with help, type and escaped labels", "[metrics]") {
  CHECK(expose({family("tandem_things_total", "Things.", 3)}) ==
        "# HELP tandem_things_total Things.\n"
        "# TYPE tandem_things_total counter\n"
        "tandem_things_total{frontend=\"a\\\"b\\\\c\\nd\"} 3\n");
}

TEST_CASE("Help texts cannot break out of their line", "[metrics]") {
  CHECK(escape_help("a\\b\nc") == "a\\\\b\\nc");
  CHECK(expose({family("x_total", "one\ntwo", 1)}).starts_with("# HELP x_total one\\ntwo\n# TYPE"));
}

TEST_CASE("Families without a metric leave no trace", "[metrics]") {
  CHECK(expose({{"empty_total", "Nothing.", prometheus::MetricType::Counter, {}}}).empty());
}

}  // namespace tandem::metrics
