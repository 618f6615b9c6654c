#include "lb/admin/metric_families.h"

#include "admin_harness.h"
#include "metrics/exposition.h"

#include <catch2/catch.hpp>

#include <fstream>
#include <map>
#include <set>
#include <string>

namespace tandem::lb::admin {
namespace {

using testing::World;

std::string type_word(prometheus::MetricType type) {
  switch (type) {
    case prometheus::MetricType::Counter:
      return "counter";
    case prometheus::MetricType::Gauge:
      return "gauge";
    case prometheus::MetricType::Histogram:
      return "histogram";
    default:
      return "?";
  }
}

/// The row of docs/METRICS.md that a family must have.
std::string documented_row(const FamilyInfo& info) {
  std::string row = "| `" + std::string(info.name) + "` | " + type_word(info.type) + " | ";
  bool first = true;
  for (const std::string_view label : info.labels) {
    if (label.empty()) continue;
    row += std::string(first ? "`" : ", `") + std::string(label) + "`";
    first = false;
  }
  return row + " | " + std::string(info.help) + " |";
}

std::string exposed(const World& world) {
  return metrics::expose(FamiliesCollectable(take_sample(world.source)).Collect());
}

bool contains(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

}  // namespace

TEST_CASE("METRICS.md has a row for each family, and no other", "[metrics]") {
  std::ifstream document(TANDEM_SOURCE_DIR "/docs/METRICS.md");
  REQUIRE(document);
  std::set<std::string> documented;
  for (std::string line; std::getline(document, line);)
    if (line.starts_with("| `tandem_")) documented.insert(line);
  std::set<std::string> existing;
  for (const FamilyInfo& info : metric_families()) existing.insert(documented_row(info));
  CHECK(documented == existing);
  CHECK(existing.size() == metric_families().size());
}

TEST_CASE("Names follow Prometheus' conventions", "[metrics]") {
  for (const FamilyInfo& info : metric_families()) {
    CAPTURE(info.name);
    CHECK(info.name.starts_with("tandem_"));
    CHECK(info.name.ends_with("_total") == (info.type == prometheus::MetricType::Counter));
    CHECK(info.help.ends_with('.'));
  }
}

TEST_CASE("Families come in the order of the table and fit its labels", "[metrics]") {
  const World world;
  const auto families = FamiliesCollectable(take_sample(world.source)).Collect();
  REQUIRE(families.size() == metric_families().size());
  for (std::size_t i = 0; i < families.size(); ++i) {
    const FamilyInfo& info = metric_families()[i];
    CHECK(families[i].name == info.name);
    const auto labels = static_cast<std::size_t>(
        std::ranges::count_if(info.labels, [](std::string_view label) { return !label.empty(); }));
    for (const prometheus::ClientMetric& metric : families[i].metric) {
      CAPTURE(info.name);
      CHECK(metric.label.size() == labels);
    }
  }
}

TEST_CASE("Counters of all workers are added up", "[metrics]") {
  World world;
  world.figures.of(0).frontend(0).requests.add(3);
  world.figures.of(1).frontend(0).requests.add(4);
  world.figures.of(1).frontend(0).responses[2].add(6);
  world.figures.of(0).frontend(0).responses[0].add(1);
  world.figures.of(0).backend(0).connect_errors.add(2);
  world.figures.of(1).server(0, 1).bytes_in.add(1'000'000'000'000);
  world.figures.of(0).server(0, 1).client_aborts.add();
  world.figures.of(0).worker().log_dropped.add(5);
  world.process.log_lost = 2;
  world.shared.servers[0][1].load = 9;
  const std::string text = exposed(world);
  CHECK(contains(text, "tandem_frontend_requests_total{frontend=\"www\"} 7"));
  CHECK(contains(text, "tandem_frontend_requests_total{frontend=\"api\"} 0"));
  CHECK(contains(text, "tandem_frontend_responses_total{frontend=\"www\",code=\"2xx\"} 6"));
  CHECK(contains(text, "tandem_frontend_responses_total{frontend=\"www\",code=\"other\"} 1"));
  CHECK(contains(text, "tandem_backend_errors_total{backend=\"app\",kind=\"connect\"} 2"));
  CHECK(contains(text,
                 "tandem_server_bytes_sent_total{backend=\"app\",server=\"web2\"} "
                 "1000000000000"));
  CHECK(contains(text,
                 "tandem_server_errors_total{backend=\"app\",server=\"web2\","
                 "kind=\"client_abort\"} 1"));
  CHECK(contains(text, "tandem_server_current_requests{backend=\"app\",server=\"web2\"} 9"));
  CHECK(contains(text, "tandem_log_dropped_total 7"));
  CHECK(contains(text, "tandem_config_info{hash=\"c0ffee\"} 1"));
}

TEST_CASE("Each certificate's end is told by the path of its file", "[metrics]") {
  const auto snapshot = testing::example();
  snapshot->certificates = {
      {.path = "/certs/a.pem", .names = {"a.example"}, .expires_at = 1'800'000'000},
      {.path = "/certs/b.pem", .names = {}, .expires_at = 1'900'000'000}};
  const std::string text = exposed(World(snapshot));
  const std::string name = "tandem_certificate_expiry_timestamp_seconds";
  CHECK(contains(text, name + "{name=\"/certs/a.pem\"} 1800000000"));
  CHECK(contains(text, name + "{name=\"/certs/b.pem\"} 1900000000"));
}

TEST_CASE("A TCP proxy has series of sessions, and none of what only requests have", "[metrics]") {
  const auto snapshot = testing::example();
  snapshot->frontends[1].mode = config::Mode::kTcp;
  snapshot->backends[0].mode = config::Mode::kTcp;
  const World world(snapshot);
  const std::string text = exposed(world);
  CHECK(contains(text, "tandem_frontend_connections_total{frontend=\"api\"} 0"));
  CHECK(contains(text, "tandem_backend_requests_total{backend=\"app\"} 0"));
  CHECK(contains(text, "tandem_frontend_requests_total{frontend=\"www\"} 0"));
  for (const char* series : {"tandem_frontend_requests_total{frontend=\"api\"",
                             "tandem_backend_responses_total{backend=\"app\"",
                             "tandem_frontend_responses_total{frontend=\"api\"",
                             "tandem_server_responses_total{backend=\"app\"",
                             "tandem_frontend_request_errors_total{frontend=\"api\"",
                             "tandem_server_time_to_first_byte_seconds_count{backend=\"app\""})
    CHECK(text.find(series) == std::string::npos);
}

TEST_CASE("Histograms are cumulative, in seconds, over all workers", "[metrics]") {
  World world;
  world.figures.of(0).server(0, 0).first_byte_duration.observe(Milliseconds(3));
  world.figures.of(1).server(0, 0).first_byte_duration.observe(Milliseconds(200));
  world.figures.of(1).server(0, 0).first_byte_duration.observe(std::chrono::seconds(60));
  const std::string text = exposed(world);
  const std::string name = "tandem_server_time_to_first_byte_seconds";
  const std::string labels = "backend=\"app\",server=\"web1\"";
  CHECK(contains(text, name + "_bucket{" + labels + ",le=\"0.005\"} 1"));
  CHECK(contains(text, name + "_bucket{" + labels + ",le=\"0.1\"} 1"));
  CHECK(contains(text, name + "_bucket{" + labels + ",le=\"0.25\"} 2"));
  CHECK(contains(text, name + "_bucket{" + labels + ",le=\"10\"} 2"));
  CHECK(contains(text, name + "_bucket{" + labels + ",le=\"+Inf\"} 3"));
  CHECK(contains(text, name + "_count{" + labels + "} 3"));
  CHECK(contains(text, name + "_sum{" + labels + "} 60.203"));
}

TEST_CASE("Ends of requests are there from the start if usual, else once they happened",
          "[metrics]") {
  World world;
  const std::string series = "tandem_frontend_termination_total{frontend=\"www\",code=\"";
  CHECK(contains(exposed(world), series + "--\"} 0"));
  CHECK(contains(exposed(world), series + "SH\"} 0"));
  CHECK(exposed(world).find(series + "DL\"}") == std::string::npos);
  const auto count = [&world](std::uint32_t worker, char cause, char phase) {
    world.figures.of(worker)
        .frontend(0)
        .terminations[figures::termination_index(cause, phase)]
        .add();
  };
  count(0, '-', '-');
  count(1, '-', '-');
  count(1, 'S', 'H');
  count(0, 'D', 'L');
  CHECK(contains(exposed(world), series + "--\"} 2"));
  CHECK(contains(exposed(world), series + "SH\"} 1"));
  CHECK(contains(exposed(world), series + "DL\"} 1"));
}

TEST_CASE("Open descriptors are left out where the system does not tell them", "[metrics]") {
  const World world;
  Sample sample = take_sample(world.source);
  CHECK(exposed(world).find("\ntandem_fds_open") == std::string::npos);
  sample.process.descriptors_open = 42;
  CHECK(contains(metrics::expose(FamiliesCollectable(sample).Collect()), "tandem_fds_open 42"));
}

TEST_CASE("The state of a server is exactly one of the words", "[metrics]") {
  World world;
  struct Row {
    upstream::AdminState asked;
    health::State health;
    std::string word;
  };
  for (const Row& row : {Row{upstream::AdminState::kReady, health::State::kUp, "up"},
                         Row{upstream::AdminState::kReady, health::State::kDown, "down"},
                         Row{upstream::AdminState::kDrain, health::State::kUp, "drain"},
                         Row{upstream::AdminState::kMaint, health::State::kUp, "maint"}}) {
    world.fleet->set_state({0, 0}, upstream::AdminState::kReady);
    world.fleet->set_health({0, 0}, row.health);
    world.fleet->set_state({0, 0}, row.asked);
    const std::string text = exposed(world);
    int ones = 0;
    for (const std::string word : {"up", "down", "nolb", "drain", "maint"}) {
      const std::string series =
          "tandem_server_state{backend=\"app\",server=\"web1\",state=\"" + word + "\"} ";
      const bool is_one = contains(text, series + "1");
      CAPTURE(word, row.word);
      CHECK(is_one == (word == row.word));
      CHECK(is_one != contains(text, series + "0"));
      ones += is_one ? 1 : 0;
    }
    CHECK(ones == 1);
  }
}

}  // namespace tandem::lb::admin
