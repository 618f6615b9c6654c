#include "lb/admin/metrics_query.h"

#include "admin_harness.h"
#include "lb/admin/endpoints.h"

#include <catch2/catch.hpp>

#include <string>

namespace tandem::lb::admin {
namespace {

using testing::World;

/// "gfbs", with "-" for each scope that is left out, and "m" if maintenance is hidden.
std::string letters(std::string_view text) {
  const auto query = parse_metrics_query(text);
  if (!query) return query.error().message;
  std::string letters;
  for (std::size_t i = 0; i < query->scopes.size(); ++i)
    letters += query->scopes[i] ? "gfbs"[i] : '-';
  return letters + (query->hide_maint ? "m" : "");
}

std::string scraped(const World& world, std::string_view query) {
  const config::Admin settings;
  Reply reply = Endpoints(settings, world.source).answer({.path = "/metrics", .query = query});
  REQUIRE(reply.status == 200);
  return reply.later();
}

bool has(const std::string& text, std::string_view series) {
  return ("\n" + text).find("\n" + std::string(series)) != std::string::npos;
}

}  // namespace

TEST_CASE("The scopes of a query are HAProxy's", "[metrics]") {
  struct Row {
    std::string_view query;
    std::string_view letters;
  };
  for (const Row& row : {
           Row{"", "gfbs"},
           Row{"scope=global", "g---"},
           Row{"scope=frontend&scope=server", "-f-s"},
           Row{"scope=frontend,backend", "-fb-"},
           Row{"scope=frontend%2cbackend%2Cserver", "-fbs"},
           Row{"sc%6fpe=backend", "--b-"},
           Row{"scope=*", "gfbs"},
           Row{"scope=", "----"},
           Row{"scope=global&scope=&scope=server", "---s"},
           Row{"no-maint", "gfbsm"},
           Row{"no-maint=", "gfbsm"},
           Row{"scope=server&no-maint", "---sm"},
           Row{"&&a=b&scope=server&", "---s"},
           Row{"scopes=server", "gfbs"},
       }) {
    CAPTURE(row.query);
    CHECK(letters(row.query) == row.letters);
  }
}

TEST_CASE("A scope that does not exist is refused in words", "[metrics]") {
  for (const std::string_view query :
       {"scope=servers", "scope=Server", "scope=listener", "scope=frontend,x", "scope=%00",
        "scope=server%2", "scope=%"}) {
    CAPTURE(query);
    CHECK(letters(query) ==
          "unknown " + std::string(query) + ": a scope is global, frontend, backend, server or *");
  }
  CHECK(letters("scope") == "scope needs a value: scope=frontend");
  const World world;
  const config::Admin settings;
  const Reply reply =
      Endpoints(settings, world.source).answer({.path = "/metrics", .query = "scope=all"});
  CHECK(reply.status == 400);
  CHECK(reply.body == "unknown scope=all: a scope is global, frontend, backend, server or *\n");
}

TEST_CASE("A scope has its families, both ours and HAProxy's, and no others", "[metrics]") {
  const World world;
  for (const std::string scope : {"global", "frontend", "backend", "server"}) {
    const std::string text = scraped(world, "scope=" + scope);
    CAPTURE(scope);
    CHECK(has(text, "tandem_build_info{") == (scope == "global"));
    CHECK(has(text, "tandem_event_loop_busy_ratio{") == (scope == "global"));
    CHECK(has(text, "haproxy_process_nbthread ") == (scope == "global"));
    for (const std::string other : {"frontend", "backend", "server"}) {
      CAPTURE(other);
      CHECK(has(text, "tandem_" + other + "_") == (scope == other));
      CHECK(has(text, "haproxy_" + other + "_") == (scope == other));
    }
  }
  CHECK(scraped(world, "scope=").empty());
}

TEST_CASE("Servers in maintenance can be left out, and their backend still counts them",
          "[metrics]") {
  World world;
  world.fleet->set_state({0, 1}, upstream::AdminState::kMaint);
  for (const bool hides : {false, true}) {
    const std::string text = scraped(world, hides ? "no-maint" : "");
    CAPTURE(hides);
    for (const std::string series :
         {"tandem_server_requests_total{backend=\"app\",server=\"web2\"}",
          "haproxy_server_status{proxy=\"app\",server=\"web2\",state=\"MAINT\"}"})
      CHECK(has(text, series) == !hides);
    CHECK(has(text, "tandem_server_requests_total{backend=\"app\",server=\"web1\"}"));
    CHECK(has(text, "haproxy_server_weight{proxy=\"app\",server=\"web1\"}"));
    CHECK(has(text, "haproxy_backend_agg_server_status{proxy=\"app\",state=\"MAINT\"} 1"));
  }
  CHECK(has(scraped(world, "scope=backend"),
            "haproxy_backend_agg_server_status{proxy=\"app\",state=\"MAINT\"} 1"));
}

}  // namespace tandem::lb::admin
