#include "common/pair_picture.h"

#include <catch2/catch.hpp>

namespace tandem {
namespace {

constexpr std::size_t kPlenty = 16 * 1024;

PairPicture::Time at(std::int64_t milliseconds) {
  return PairPicture::Time(Milliseconds(milliseconds));
}

PairPicture two_nodes() {
  return {.nodes = {{.name = "one",
                     .is_self = true,
                     .is_up = true,
                     .trouble = {},
                     .version = "0.1.0",
                     .config_hash = "c0ffee",
                     .started_at = at(1'800'000'000'000),
                     .routers = {{.name = "main",
                                  .addresses = {"10.0.0.1/24", "10.0.0.2/24"},
                                  .state = "active",
                                  .priority = 150,
                                  .why = "150",
                                  .since = at(1'800'000'001'000),
                                  .taken_at = at(1'800'000'001'000),
                                  .takeover = std::chrono::microseconds(870)}}},
                    {.name = "two",
                     .is_up = false,
                     .trouble = "connection refused",
                     .round_trip = std::chrono::microseconds(310),
                     .routers = {}}}};
}

}  // namespace

TEST_CASE("a picture means the same after it was written and read") {
  const PairPicture picture = two_nodes();
  const auto json = encode(picture, kPlenty);
  REQUIRE(json.has_value());
  CHECK(decode_pair_picture(*json) == picture);
}

TEST_CASE("routers for which there is no room are left out, and counted") {
  PairPicture picture = two_nodes();
  picture.nodes[0].routers.resize(200, picture.nodes[0].routers[0]);
  const auto json = encode(picture, kPlenty);
  REQUIRE(json.has_value());
  CHECK(json->size() <= kPlenty);
  const auto read = decode_pair_picture(*json);
  REQUIRE(read.has_value());
  CHECK(read->nodes.size() == 2);
  CHECK(read->nodes[0].routers.size() >= 50);
  CHECK(read->nodes[0].routers.size() + read->nodes[0].left_out == 200);
  CHECK_FALSE(encode(picture, 100).has_value());
}

TEST_CASE("texts are cut, and mended where they are not UTF-8") {
  PairPicture picture = two_nodes();
  picture.nodes[0].name.assign(100'000, 'n');
  picture.nodes[1].trouble = "\xff<b>";
  const auto json = encode(picture, kPlenty);
  REQUIRE(json.has_value());
  const auto read = decode_pair_picture(*json);
  REQUIRE(read.has_value());
  CHECK(read->nodes[0].name == std::string(PairPicture::kTextBytesMax, 'n'));
  CHECK(read->nodes[1].trouble == "\ufffd<b>");
}

TEST_CASE("what is no picture is none") {
  const std::string deep(16'000, '[');
  for (const std::string& json :
       {std::string(), std::string("{"), std::string("[]"), std::string("null"),
        std::string("{\"nodes\":{}}"), std::string("{\"nodes\":[]}"), deep,
        "{\"nodes\":[" + std::string(40, '1') + "]", std::string("\xff")}) {
    CAPTURE(json);
    CHECK_FALSE(decode_pair_picture(json).has_value());
  }
}

TEST_CASE("what is missing or of another kind in a picture is as if it had not been said") {
  const auto read = decode_pair_picture(
      R"({"nodes":[{"name":7,"self":"yes","started_at":-5,"round_trip_us":99999999999999999999,
          "routers":[{"priority":1000,"addresses":[1,"10.0.0.1/24"],"state":[]},null]},
          "nobody",{"routers":{}}],"more":1})");
  REQUIRE(read.has_value());
  REQUIRE(read->nodes.size() == 3);
  CHECK(read->nodes[0].name.empty());
  CHECK_FALSE(read->nodes[0].is_self);
  CHECK(read->nodes[0].started_at == PairPicture::Time{});
  REQUIRE(read->nodes[0].routers.size() == 2);
  CHECK(read->nodes[0].routers[0].priority == 255);
  CHECK(read->nodes[0].routers[0].addresses == std::vector<std::string>{"10.0.0.1/24"});
  CHECK(read->nodes[1] == PairPicture::Node{});
}

TEST_CASE("more nodes than a picture may have are refused") {
  PairPicture picture;
  picture.nodes.resize(PairPicture::kNodesMax);
  CHECK(decode_pair_picture(*encode(picture, kPlenty)).has_value());
  picture.nodes.resize(PairPicture::kNodesMax + 1);
  CHECK_FALSE(decode_pair_picture(*encode(picture, kPlenty)).has_value());
}

}  // namespace tandem
