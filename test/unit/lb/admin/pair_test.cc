#include "lb/admin/pair.h"

#include "admin_harness.h"
#include "lb/admin/page.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <limits>

namespace tandem::lb::admin {
namespace {

using testing::World;

constexpr Instant kNow = Instant{} + std::chrono::hours(1);  // the World's

PairPicture::Time ago(std::chrono::seconds time) {
  return std::chrono::floor<Milliseconds>(std::chrono::system_clock::now()) - time -
         Milliseconds(500);
}

PairPicture::Router router(std::string state, std::uint8_t priority, std::string why) {
  return {.name = "main",
          .addresses = {"10.0.0.100/24"},
          .state = std::move(state),
          .priority = priority,
          .why = std::move(why),
          .since = ago(std::chrono::seconds(319))};
}

/// Node one is active, node two its backup.
PairPicture two_nodes() {
  PairPicture picture;
  picture.nodes = {{.name = "one",
                    .is_self = true,
                    .is_up = true,
                    .trouble = {},
                    .version = "0.1.0",
                    .config_hash = "c0ffee",
                    .started_at = ago(std::chrono::hours(50)),
                    .routers = {router("active", 150, "150")}},
                   {.name = "two",
                    .is_up = true,
                    .trouble = {},
                    .version = "0.1.1",
                    .config_hash = "c0ffee",
                    .started_at = ago(std::chrono::hours(1)),
                    .round_trip = std::chrono::microseconds(310),
                    .routers = {router("backup", 90, "150 - 60 (script gw failed) = 90")}}};
  picture.nodes[0].routers[0].taken_at = ago(std::chrono::seconds(319));
  picture.nodes[0].routers[0].takeover = std::chrono::microseconds(870);
  return picture;
}

std::string json_of(const PairPicture& picture) {
  return encode(picture, std::numeric_limits<std::size_t>::max()).value();
}

std::string strip(const PairPicture& picture, Instant now = kNow) {
  Pair pair;
  pair.take(json_of(picture), kNow);
  std::string out;
  append_pair(out, pair, now);
  return out;
}

/// The markup of the first row of a node.
std::string row(const std::string& strip, const std::string& node) {
  const std::size_t at = strip.find(">" + node + "</th>");
  REQUIRE(at != std::string::npos);
  const std::size_t begin = strip.rfind("<tr", at);
  return strip.substr(begin, strip.find("</tr>", at) - begin);
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("The page shows no pair before tandem-failover has said anything", "[pair]") {
  World world;
  CHECK_FALSE(has(write_page(world.source, {}), "id=\"pair\""));
  world.pair.take("nonsense", kNow);
  CHECK_FALSE(has(write_page(world.source, {}), "id=\"pair\""));
  world.pair.take(json_of(two_nodes()), kNow);
  CHECK(has(write_page(world.source, {}), "<section id=\"pair\">"));
}

TEST_CASE("Each node of the pair has a row that says all in words", "[pair]") {
  const std::string page = strip(two_nodes());
  const std::string one = row(page, "one");
  for (const std::string part :
       {"<tr class=\"active up\">", "active for 5m19s<", "10.0.0.100/24<", ">150<",
        " UTC (5m19s ago), took 0.9 ms<", ">this node<", ">c0ffee<", ">2d2h<", ">0.1.0<"}) {
    CAPTURE(part);
    CHECK(has(one, part));
  }
  const std::string two = row(page, "two");
  for (const std::string part :
       {"<tr class=\"backup up\">", "backup for 5m19s<", ">90: 150 - 60 (script gw failed) = 90<",
        ">none known<", ">up, there and back in 0.3 ms<", ">the same<", ">1h0m<", ">0.1.1<"}) {
    CAPTURE(part);
    CHECK(has(two, part));
  }
  CHECK_FALSE(has(page, "notready"));
}

TEST_CASE("A node that is not heard is shown with the reason", "[pair]") {
  PairPicture picture = two_nodes();
  picture.nodes[1] = {.name = "two", .trouble = "connection refused", .routers = {}};
  const std::string two = row(strip(picture), "two");
  CHECK(two.starts_with("<tr class=\"active down\">"));
  CHECK(has(two, "colspan=\"5\">unknown<"));
  CHECK(has(two, ">down: connection refused<"));
}

TEST_CASE("What is wrong with the pair is said above its table", "[pair]") {
  PairPicture picture = two_nodes();
  SECTION("another configuration") {
    picture.nodes[1].config_hash = "bad";
    CHECK(has(strip(picture), "two runs another configuration than one</p>"));
    CHECK(has(row(strip(picture), "two"), ">ANOTHER: bad<"));
  }
  SECTION("both active") {
    picture.nodes[1].routers[0].state = "active";
    CHECK(has(strip(picture), "main is active on one and two</p>"));
  }
  SECTION("none active") {
    picture.nodes[0].routers[0].state = "backup";
    CHECK(has(strip(picture), "main is active on no node</p>"));
    picture.nodes[1].is_up = false;  // and may well be
    CHECK_FALSE(has(strip(picture), "on no node"));
  }
  SECTION("no right") {
    picture.nodes[1].routers[0] = router("initialize", 0, "none: data plane has died");
    CHECK(row(strip(picture), "two").starts_with("<tr class=\"active down\">"));
    CHECK(has(row(strip(picture), "two"), ">0: none: data plane has died<"));
  }
}

TEST_CASE("A picture that nobody renews is shown as what it was", "[pair]") {
  const auto is_stale = [](const std::string& page) {
    return has(page, "tandem-failover does not answer since ") && has(page, ">was active<") &&
           !has(page, "active up") && !has(page, "backup up");
  };
  CHECK_FALSE(is_stale(strip(two_nodes(), kNow + Pair::kFreshFor)));
  const std::string old = strip(two_nodes(), kNow + std::chrono::seconds(42));
  CHECK(is_stale(old));
  CHECK(has(old, " UTC (42s ago)"));
  Pair pair;
  pair.take(json_of(two_nodes()), kNow);
  pair.lose();
  CHECK(pair.is_stale(kNow));
  pair.take(json_of(two_nodes()), kNow);
  CHECK_FALSE(pair.is_stale(kNow));
}

TEST_CASE("What cannot be read leaves the last picture, which grows old", "[pair]") {
  Pair pair;
  pair.take(json_of(two_nodes()), kNow);
  pair.take("{\"nodes\":", kNow + std::chrono::seconds(10));
  REQUIRE(pair.picture().has_value());
  CHECK(pair.age(kNow + std::chrono::seconds(10)) == std::chrono::seconds(10));
}

TEST_CASE("Nothing in a picture becomes markup", "[pair]") {
  const std::string bad = "<script>\"'&";
  PairPicture picture = two_nodes();
  for (PairPicture::Node& node : picture.nodes) {
    node.name = node.trouble = node.version = bad;
    node.routers[0].name = node.routers[0].state = node.routers[0].why = bad;
    node.routers[0].addresses = {bad};
  }
  picture.nodes[0].config_hash = bad;
  picture.nodes.push_back({.name = bad, .trouble = bad, .config_hash = bad, .routers = {}});
  const std::string page = strip(picture);
  CHECK_FALSE(has(page, "<script"));
  CHECK_FALSE(has(page, "\"'"));
  CHECK(has(page, "&lt;script&gt;&quot;&#39;&amp;"));
}

TEST_CASE("Several routers stand beside one node", "[pair]") {
  PairPicture picture = two_nodes();
  picture.nodes[0].routers.push_back(router("backup", 100, "100"));
  picture.nodes[0].routers[1].name = "main/6";
  picture.nodes[0].left_out = 3;
  const std::string page = strip(picture);
  CHECK(has(page, "<th scope=\"rowgroup\" rowspan=\"2\">one, 3 routers are not shown</th>"));
  CHECK(has(page, ">main/6<"));
}

TEST_CASE("Programs get the pair as JSON", "[pair]") {
  using nlohmann::json;
  CHECK(json::parse(pair_json(nullptr, kNow)) ==
        json({{"stale", true}, {"heard_seconds_ago", nullptr}, {"nodes", json::array()}}));
  Pair pair;
  CHECK(json::parse(pair_json(&pair, kNow))["nodes"].empty());
  pair.take(json_of(two_nodes()), kNow);
  const json read = json::parse(pair_json(&pair, kNow + Milliseconds(250)));
  CHECK(read["stale"] == false);
  CHECK(read["heard_seconds_ago"] == 0.25);
  CHECK(read["nodes"][1]["routers"][0]["state"] == "backup");
}

}  // namespace tandem::lb::admin
