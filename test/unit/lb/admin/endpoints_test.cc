#include "lb/admin/endpoints.h"

#include "admin_harness.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace tandem::lb::admin {
namespace {

using testing::World;

Reply get(const World& world, std::string_view path, const config::Admin& settings = {}) {
  return Endpoints(settings, world.source).answer({.path = path, .authorization = {}});
}

}  // namespace

TEST_CASE("Each path has its answer", "[endpoints]") {
  const World world;
  struct Row {
    std::string_view path;
    int status;
    std::string_view content_type;
  };
  for (const Row& row : {
           Row{"/live", 200, "text/plain; charset=utf-8"},
           Row{"/ready", 200, "text/plain; charset=utf-8"},
           Row{"/stats", 200, "text/html; charset=utf-8"},
           Row{"/stats/", 200, "text/html; charset=utf-8"},
           Row{"/stats;norefresh", 200, "text/html; charset=utf-8"},
           Row{"/stats;csv", 200, "text/plain; charset=utf-8"},
           Row{"/stats;csv;norefresh", 200, "text/plain; charset=utf-8"},
           Row{"/stats/;csv;norefresh", 200, "text/plain; charset=utf-8"},
           Row{"/stats;typed", 200, "text/plain; charset=utf-8"},
           Row{"/stats;json", 200, "application/json"},
           Row{"/metrics", 200, "text/plain; version=0.0.4; charset=utf-8"},
           Row{"/", 302, "text/plain; charset=utf-8"},
           Row{"/statsx", 404, "text/plain; charset=utf-8"},
           Row{"/stats/x", 404, "text/plain; charset=utf-8"},
           Row{"/metrics/", 404, "text/plain; charset=utf-8"},
           Row{"", 404, "text/plain; charset=utf-8"},
       }) {
    CAPTURE(row.path);
    const Reply reply = get(world, row.path);
    CHECK(reply.status == row.status);
    CHECK(reply.content_type == row.content_type);
  }
}

TEST_CASE("Other paths can be configured", "[endpoints]") {
  const World world;
  config::Admin settings;
  settings.stats_uri = "/";
  settings.metrics_uri = "/m";
  CHECK(get(world, "/", settings).content_type.starts_with("text/html"));
  CHECK(get(world, "/;csv", settings).body.starts_with("# pxname,"));
  CHECK(get(world, "/m", settings).later);
  CHECK(get(world, "/metrics", settings).status == 404);
}

TEST_CASE("HAProxy's names can be switched off", "[endpoints]") {
  const auto snapshot = testing::example();
  const World world(snapshot);
  CHECK(get(world, "/metrics").later().find("\nhaproxy_") != std::string::npos);
  snapshot->metrics_compat = false;
  CHECK(get(world, "/metrics").later().find("haproxy_") == std::string::npos);
}

TEST_CASE("Whoever wants to change something is refused", "[endpoints]") {
  const World world;
  const config::Admin settings;
  CHECK(Endpoints(settings, world.source)
            .answer({.is_get = false, .path = "/stats", .authorization = {}})
            .status == 405);
}

TEST_CASE("A password covers statistics and metrics, and leaves probes alone", "[endpoints]") {
  const World world;
  config::Admin settings;
  settings.auth = {{"ops", "secret"}};
  for (const std::string_view path : {"/stats", "/stats;csv", "/metrics"}) {
    CAPTURE(path);
    CHECK(get(world, path, settings).status == 401);
    CHECK(Endpoints(settings, world.source)
              .answer({.path = path, .authorization = "Basic b3BzOnNlY3JldA=="})
              .status == 200);
  }
  CHECK(get(world, "/live", settings).status == 200);
  CHECK(get(world, "/ready", settings).status == 200);
}

TEST_CASE("Readiness says what is missing", "[endpoints]") {
  World world;
  CHECK(get(world, "/ready").body == "ready\n");
  SECTION("the process stops") {
    world.process.stopping = true;
    CHECK(get(world, "/ready").status == 503);
    CHECK(get(world, "/ready").body == "stopping\n");
  }
  SECTION("no frontend listens") {
    world.facts.frontends_listening = 0;
    CHECK(get(world, "/ready").body == "no frontend listens\n");
  }
  SECTION("a default backend has lost every server") {
    for (std::uint32_t s = 0; s < 3; ++s)
      world.fleet->set_state({0, s}, upstream::AdminState::kMaint);
    CHECK(get(world, "/ready").status == 503);
    CHECK(get(world, "/ready").body == "backend app has no usable server\n");
  }
  SECTION("a backend that is nobody's default does not count") {
    world.fleet->set_state({1, 0}, upstream::AdminState::kMaint);
    CHECK(get(world, "/ready").status == 200);
  }
  CHECK(get(world, "/live").status == 200);
}

TEST_CASE("The CSV is rectangular and in HAProxy's order of rows", "[endpoints]") {
  const World world;
  const std::string csv = get(world, "/stats;csv;norefresh").body;
  std::vector<std::string> names;
  std::size_t begin = 0;
  std::ptrdiff_t commas = 0;
  for (std::size_t end = 0; (end = csv.find('\n', begin)) != std::string::npos; begin = end + 1) {
    const std::string line = csv.substr(begin, end - begin);
    if (line.empty()) continue;
    const auto here = std::ranges::count(line, ',');
    if (commas == 0) commas = here;
    CHECK(here == commas);
    names.push_back(line.substr(0, line.find(',', line.find(',') + 1)));
  }
  CHECK(names == std::vector<std::string>{"# pxname,svname", "www,FRONTEND", "api,FRONTEND",
                                          "app,web1", "app,web2", "app,spare", "app,BACKEND",
                                          "empty,old", "empty,BACKEND"});
}

TEST_CASE("The JSON form has a member for each row", "[endpoints]") {
  const World world;
  CHECK(nlohmann::json::parse(get(world, "/stats;json").body).size() == 8);
}

TEST_CASE("Rows can be left out", "[endpoints]") {
  World world;
  world.fleet->set_state({0, 0}, upstream::AdminState::kMaint);
  CHECK(get(world, "/stats;csv").body.find("app,web1,") != std::string::npos);
  CHECK(get(world, "/stats;csv;no-maint").body.find("app,web1,") == std::string::npos);
  CHECK(get(world, "/stats;no-maint").body.find(">web1<") == std::string::npos);
}

}  // namespace tandem::lb::admin
