#include "lb/admin/compat_families.h"

#include "admin_harness.h"
#include "lb/admin/compat_table.h"
#include "lb/admin/metric_families.h"
#include "metrics/exposition.h"

#include <catch2/catch.hpp>

#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>

namespace tandem::lb::admin {
namespace {

using testing::World;

/// What HAProxy 2.6 serves: each line a family, its type and its labels.
std::map<std::string, std::string> haproxy_families() {
  std::ifstream file(TANDEM_SOURCE_DIR "/test/unit/lb/admin/haproxy_2_6_families.txt");
  std::map<std::string, std::string> families;
  for (std::string line; std::getline(file, line);) {
    const std::size_t space = line.find(' ');
    families[line.substr(0, space)] = line.substr(space + 1);
  }
  return families;
}

/// The same words for a family of ours.
std::string words_of(const prometheus::MetricFamily& family) {
  std::string words = family.type == prometheus::MetricType::Counter ? "counter" : "gauge";
  for (const auto& label : family.metric.front().label) words += " " + label.name;
  return words;
}

/// A world whose only checked server is app/web1, with a last check that failed.
std::shared_ptr<config::Snapshot> checked_example() {
  auto snapshot = testing::example();
  snapshot->backends[0].servers[0].check = true;
  snapshot->backends[0].servers[0].maxconn = 50;
  return snapshot;
}

std::string exposed(const World& world) {
  return metrics::expose(compat_families(take_compat_sample(world.source)));
}

bool contains(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

}  // namespace

TEST_CASE("Names, types and labels are those of HAProxy's exporter", "[compat]") {
  const World world(checked_example());
  const auto theirs = haproxy_families();
  REQUIRE(theirs.size() == 187);
  std::set<std::string> served;
  for (const auto& family : compat_families(take_compat_sample(world.source))) {
    CAPTURE(family.name);
    REQUIRE_FALSE(family.metric.empty());
    REQUIRE(theirs.contains(family.name));
    CHECK(words_of(family) == theirs.at(family.name));
    CHECK_FALSE(family.help.empty());
    CHECK(served.insert(family.name).second);
  }
  CHECK(served.size() == theirs.size() - 3);
}

TEST_CASE("METRICS.md names each family of HAProxy's that is not served", "[compat]") {
  std::ifstream document(TANDEM_SOURCE_DIR "/docs/METRICS.md");
  std::stringstream text;
  text << document.rdbuf();
  const World world(checked_example());
  std::set<std::string> served;
  for (const auto& family : compat_families(take_compat_sample(world.source)))
    served.insert(family.name);
  for (const auto& [name, words] : haproxy_families()) {
    if (served.contains(name)) continue;
    CAPTURE(name);
    CHECK(text.str().find("`" + name + "`") != std::string::npos);
  }
}

TEST_CASE("Each field of show info that a family needs is there", "[compat]") {
  const World world;
  const auto fields = control::make_info(world.source.stat, world.source.process);
  for (const CompatInfoFamily& info : compat_info_families()) {
    CAPTURE(info.name, info.key);
    CHECK(std::ranges::count(fields, info.key, &control::InfoField::key) == 1);
  }
}

TEST_CASE("Values are those of show stat, times in seconds", "[compat]") {
  World world(checked_example());
  world.figures.of(0).frontend(0).connections.add(3);
  world.figures.of(1).frontend(0).responses[2].add(6);
  world.figures.of(0).frontend(0).responses[0].add(1);
  world.figures.of(1).server(0, 1).bytes_in.add(1'000'000'000'000);
  world.figures.of(0).server(0, 1).responses[5].add(4);
  world.figures.of(0).server(0, 1).total_duration.observe(Milliseconds(1500));
  world.figures.of(0).backend(0).connect_errors.add(2);
  world.figures.of(0).worker().requests.add(11);
  const std::string text = exposed(world);
  CHECK(contains(text, "haproxy_frontend_sessions_total{proxy=\"www\"} 3"));
  CHECK(contains(text, "haproxy_frontend_sessions_total{proxy=\"api\"} 0"));
  CHECK(contains(text, "haproxy_frontend_http_responses_total{proxy=\"www\",code=\"2xx\"} 6"));
  CHECK(contains(text, "haproxy_frontend_http_responses_total{proxy=\"www\",code=\"other\"} 1"));
  CHECK(
      contains(text, "haproxy_server_bytes_in_total{proxy=\"app\",server=\"web2\"} 1000000000000"));
  CHECK(contains(text,
                 "haproxy_server_http_responses_total{proxy=\"app\",server=\"web2\","
                 "code=\"5xx\"} 4"));
  CHECK(contains(text, "haproxy_server_max_total_time_seconds{proxy=\"app\",server=\"web2\"} 1.5"));
  CHECK(contains(text, "haproxy_backend_max_total_time_seconds{proxy=\"app\"} 1.5"));
  CHECK(contains(text, "haproxy_backend_connection_errors_total{proxy=\"app\"} 2"));
  CHECK(contains(text, "haproxy_backend_active_servers{proxy=\"empty\"} 1"));
  CHECK(contains(text, "haproxy_server_limit_sessions{proxy=\"app\",server=\"web1\"} 50"));
  CHECK(contains(text, "haproxy_server_limit_sessions{proxy=\"app\",server=\"web2\"} Nan"));
  CHECK(contains(text, "haproxy_server_last_session_seconds{proxy=\"app\",server=\"web1\"} -1"));
  CHECK(contains(text, "haproxy_process_requests_total 11"));
  CHECK(contains(text, "haproxy_process_uptime_seconds 319"));
  CHECK(contains(text, "haproxy_process_build_info{version=\"2.8.0\"} 1"));
}

TEST_CASE("clear counters all is a reset of the haproxy_ counters alone", "[compat]") {
  World world;
  world.figures.of(0).frontend(0).requests.add(7);
  world.totals.clear_all();
  world.figures.of(0).frontend(0).requests.add(2);
  CHECK(contains(exposed(world), "haproxy_frontend_http_requests_total{proxy=\"www\"} 2"));
  const std::string own = metrics::expose(FamiliesCollectable(take_sample(world.source)).Collect());
  CHECK(contains(own, "tandem_frontend_requests_total{frontend=\"www\"} 9"));
}

TEST_CASE("A server has one HAProxy state, and its backend counts it", "[compat]") {
  World world(checked_example());
  struct Row {
    upstream::AdminState asked;
    health::State health;
    std::string word;
  };
  for (const Row& row : {Row{upstream::AdminState::kReady, health::State::kUp, "UP"},
                         Row{upstream::AdminState::kReady, health::State::kDown, "DOWN"},
                         Row{upstream::AdminState::kReady, health::State::kStopping, "NOLB"},
                         Row{upstream::AdminState::kDrain, health::State::kUp, "DRAIN"},
                         Row{upstream::AdminState::kMaint, health::State::kUp, "MAINT"}}) {
    world.fleet->set_state({1, 0}, upstream::AdminState::kReady);
    world.fleet->set_health({1, 0}, row.health);
    world.fleet->set_state({1, 0}, row.asked);
    const std::string text = exposed(world);
    for (const std::string word : {"UP", "DOWN", "NOLB", "DRAIN", "MAINT"}) {
      CAPTURE(word, row.word);
      const std::string value = word == row.word ? "1" : "0";
      CHECK(contains(text, "haproxy_server_status{proxy=\"empty\",server=\"old\",state=\"" + word +
                               "\"} " + value));
      CHECK(contains(text, "haproxy_backend_agg_server_status{proxy=\"empty\",state=\"" + word +
                               "\"} " + value));
    }
    const bool is_up = world.fleet->backend(1).is_up;
    const std::string status = "haproxy_backend_status{proxy=\"empty\",state=\"";
    CHECK(contains(text, status + (is_up ? "UP" : "DOWN") + "\"} 1"));
    CHECK(contains(text, status + (is_up ? "DOWN" : "UP") + "\"} 0"));
  }
  CHECK(contains(exposed(world),
                 "haproxy_backend_agg_server_status{proxy=\"app\",state=\"DOWN\"} 1"));
}

TEST_CASE("A frontend is up until the process stops", "[compat]") {
  World world;
  CHECK(contains(exposed(world), "haproxy_frontend_status{proxy=\"www\",state=\"UP\"} 1"));
  world.shared.process.stopping = true;
  CHECK(contains(exposed(world), "haproxy_frontend_status{proxy=\"www\",state=\"UP\"} 0"));
  CHECK(contains(exposed(world), "haproxy_frontend_status{proxy=\"www\",state=\"DOWN\"} 1"));
}

TEST_CASE("Only servers that are checked have results of checks", "[compat]") {
  const World world(checked_example());
  const std::string text = exposed(world);
  for (const std::string name : {"check_status", "check_code", "check_duration_seconds"}) {
    CAPTURE(name);
    const std::string series = "haproxy_server_" + name + "{proxy=\"app\",server=\"";
    CHECK(text.find(series + "web1\"") != std::string::npos);
    CHECK(text.find(series + "web2\"") == std::string::npos);
  }
  CHECK(contains(text, "haproxy_server_check_code{proxy=\"app\",server=\"web1\"} 0"));
  CHECK(contains(text, "haproxy_backend_agg_check_status{proxy=\"app\",state=\"L7OK\"} 0"));
}

}  // namespace tandem::lb::admin
