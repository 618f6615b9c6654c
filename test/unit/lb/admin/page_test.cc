#include "lb/admin/page.h"

#include "admin_harness.h"

#include <catch2/catch.hpp>

#include <regex>

namespace tandem::lb::admin {
namespace {

using testing::World;

bool has(const std::string& page, const std::string& text) {
  return page.find(text) != std::string::npos;
}

}  // namespace

TEST_CASE("The page has what monitoring templates look for", "[page]") {
  const World world;
  const std::string page = write_page(world.source, {});
  std::smatch found;
  REQUIRE(
      std::regex_search(page, found, std::regex(R"(HAProxy version (\d+\.\d+[^,]*), released)")));
  CHECK(std::regex_search(page, std::regex(R"(uptime = </b> 0d 0h05m19s)")));
  CHECK(std::regex_search(page, std::regex(R"(idle = \d+ %)")));
}

TEST_CASE("Without compatibility the page is tandem's alone", "[page]") {
  const World world([] {
    auto snapshot = testing::example();
    snapshot->runtime_compat = false;
    return snapshot;
  }());
  const std::string page = write_page(world.source, {});
  CHECK_FALSE(has(page, "HAProxy version"));
  CHECK(has(page, "<h1>tandem 0.1.0</h1>"));
}

TEST_CASE("Every server stands in its row, with its state as a word and a colour", "[page]") {
  World world;
  world.fleet->set_state({0, 0}, upstream::AdminState::kDrain);
  world.fleet->set_state({0, 1}, upstream::AdminState::kMaint);
  const std::string page = write_page(world.source, {});
  const auto row = [&page](const std::string& name) {
    const std::size_t at = page.find(">" + name + "</th>");
    REQUIRE(at != std::string::npos);
    const std::size_t begin = page.rfind("<tr", at);
    return page.substr(begin, page.find("</tr>", at) - begin);
  };
  CHECK(row("web1").starts_with("<tr class=\"active drain\">"));
  CHECK(has(row("web1"), "DRAIN</td>"));
  CHECK(row("web2").starts_with("<tr class=\"active maint\">"));
  CHECK(has(row("web2"), "MAINT</td>"));
  CHECK(row("spare").starts_with("<tr class=\"backup no_check\">"));
  CHECK(has(row("spare"), "no check</td>"));
  CHECK(row("BACKEND").starts_with("<tr class=\"proxy\">"));
}

TEST_CASE("There is one frame for each proxy, and nothing to fetch or run", "[page]") {
  const World world;
  const std::string page = write_page(world.source, {});
  for (const std::string id : {"frontend-www", "frontend-api", "backend-app", "backend-empty"})
    CHECK(has(page, "<section id=\"" + id + "\">"));
  CHECK_FALSE(has(page, "<script"));
  CHECK_FALSE(has(page, "http://"));
  CHECK_FALSE(has(page, "https://"));
  CHECK_FALSE(has(page, "http-equiv=\"refresh\""));
  CHECK(has(write_page(world.source, {.refreshes = true}), "http-equiv=\"refresh\""));
}

TEST_CASE("Names cannot become markup", "[page]") {
  const World world([] {
    auto snapshot = testing::example();
    snapshot->global.node = "<script>alert(1)</script>";
    snapshot->global.description = "a\"b'c&d";
    snapshot->frontends[0].name = "<b>\"x\"";
    return snapshot;
  }());
  const std::string page = write_page(world.source, {});
  CHECK_FALSE(has(page, "<script"));
  CHECK_FALSE(has(page, "<b>\"x"));
  CHECK(has(page, "&lt;script&gt;alert(1)&lt;/script&gt;"));
  CHECK(has(page, "a&quot;b&#39;c&amp;d"));
}

TEST_CASE("A node that is not ready says so on the page", "[page]") {
  World world;
  CHECK_FALSE(has(write_page(world.source, {}), "Not ready"));
  world.process.stopping = true;
  CHECK(has(write_page(world.source, {}), "Not ready: stopping"));
}

TEST_CASE("States have the class of their colour", "[page]") {
  struct Row {
    std::string_view status;
    std::string_view css;
  };
  for (const Row& row : {Row{"UP", "up"}, Row{"UP 1/3", "going_down"}, Row{"DOWN", "down"},
                         Row{"DOWN 1/2", "going_up"}, Row{"NOLB", "nolb"}, Row{"DRAIN", "drain"},
                         Row{"MAINT", "maint"}, Row{"MAINT (via a/b)", "maint"},
                         Row{"no check", "no_check"}, Row{"", "no_check"}}) {
    CAPTURE(row.status);
    CHECK(state_class(row.status) == row.css);
  }
}

TEST_CASE("Numbers are grouped and times have two units", "[page]") {
  CHECK(grouped(0) == "0");
  CHECK(grouped(999) == "999");
  CHECK(grouped(1000) == "1\u202f000");
  CHECK(grouped(1234567) == "1\u202f234\u202f567");
  CHECK(grouped(-1234) == "-1\u202f234");
  CHECK(short_time(0) == "0s");
  CHECK(short_time(319) == "5m19s");
  CHECK(short_time(3600) == "1h0m");
  CHECK(short_time(180'000) == "2d2h");
  CHECK(short_time(-1) == "?");
}

}  // namespace tandem::lb::admin
