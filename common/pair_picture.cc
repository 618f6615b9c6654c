#include "common/pair_picture.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace tandem {
namespace {

using Json = nlohmann::ordered_json;

// The farthest time that every clock type can hold, in milliseconds.
constexpr std::uint64_t kMillisecondsMax = std::uint64_t{1} << 43U;
constexpr std::uint64_t kMicrosecondsMax = kMillisecondsMax * 1'000;

// ---- writing ----------------------------------------------------------------------------------

std::string cut(const std::string& text) { return text.substr(0, PairPicture::kTextBytesMax); }

std::int64_t number(PairPicture::Time time) { return time.time_since_epoch().count(); }

Json json_of(const PairPicture::Router& router) {
  return {{"name", cut(router.name)},
          {"addresses", router.addresses},
          {"state", cut(router.state)},
          {"priority", router.priority},
          {"why", cut(router.why)},
          {"since", number(router.since)},
          {"taken_at", number(router.taken_at)},
          {"takeover_us", router.takeover.count()}};
}

Json json_of(const PairPicture::Node& node, std::size_t routers_max) {
  const std::size_t count = std::min(node.routers.size(), routers_max);
  Json json = {{"name", cut(node.name)},
               {"self", node.is_self},
               {"up", node.is_up},
               {"trouble", cut(node.trouble)},
               {"version", cut(node.version)},
               {"config_hash", cut(node.config_hash)},
               {"started_at", number(node.started_at)},
               {"round_trip_us", node.round_trip.count()},
               {"routers", Json::array()},
               {"left_out", node.left_out + node.routers.size() - count}};
  for (std::size_t i = 0; i < count; ++i) json["routers"].push_back(json_of(node.routers[i]));
  return json;
}

std::string text_of(const PairPicture& picture, std::size_t routers_max) {
  Json json = {{"nodes", Json::array()}};
  for (const PairPicture::Node& node : picture.nodes)
    json["nodes"].push_back(json_of(node, routers_max));
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// ---- reading ----------------------------------------------------------------------------------

/// What is missing or of another kind is as if nothing had been said about it.
class Reader {
 public:
  explicit Reader(const Json& object) : object_(object) {}

  [[nodiscard]] std::string text(const char* key) const {
    const Json* member = find(key);
    return member != nullptr && member->is_string() ? cut(member->get<std::string>()) : "";
  }
  [[nodiscard]] bool flag(const char* key) const {
    const Json* member = find(key);
    return member != nullptr && member->is_boolean() && member->get<bool>();
  }
  [[nodiscard]] std::uint64_t number(const char* key, std::uint64_t most) const {
    const Json* member = find(key);
    if (member == nullptr || !member->is_number_unsigned()) return 0;
    return std::min(member->get<std::uint64_t>(), most);
  }
  [[nodiscard]] PairPicture::Time time(const char* key) const {
    return PairPicture::Time(
        Milliseconds(static_cast<std::int64_t>(number(key, kMillisecondsMax))));
  }
  [[nodiscard]] std::chrono::microseconds microseconds(const char* key) const {
    return std::chrono::microseconds(static_cast<std::int64_t>(number(key, kMicrosecondsMax)));
  }
  /// nullptr: no list.
  [[nodiscard]] const Json* list(const char* key) const {
    const Json* member = find(key);
    return member != nullptr && member->is_array() ? member : nullptr;
  }

 private:
  [[nodiscard]] const Json* find(const char* key) const {
    if (!object_.is_object()) return nullptr;
    const auto member = object_.find(key);
    return member == object_.end() ? nullptr : &*member;
  }

  const Json& object_;
};

PairPicture::Router router_of(const Json& json) {
  const Reader reader(json);
  PairPicture::Router router{.name = reader.text("name"),
                             .addresses = {},
                             .state = reader.text("state"),
                             .priority = static_cast<std::uint8_t>(reader.number("priority", 255)),
                             .why = reader.text("why"),
                             .since = reader.time("since"),
                             .taken_at = reader.time("taken_at"),
                             .takeover = reader.microseconds("takeover_us")};
  if (const Json* addresses = reader.list("addresses"))
    for (const Json& address : *addresses)
      if (address.is_string()) router.addresses.push_back(cut(address.get<std::string>()));
  return router;
}

PairPicture::Node node_of(const Json& json) {
  const Reader reader(json);
  PairPicture::Node node{.name = reader.text("name"),
                         .is_self = reader.flag("self"),
                         .is_up = reader.flag("up"),
                         .trouble = reader.text("trouble"),
                         .version = reader.text("version"),
                         .config_hash = reader.text("config_hash"),
                         .started_at = reader.time("started_at"),
                         .round_trip = reader.microseconds("round_trip_us"),
                         .routers = {},
                         .left_out = reader.number("left_out", 1'000'000)};
  const Json* routers = reader.list("routers");
  if (routers == nullptr) return node;
  for (const Json& router : *routers) {
    if (node.routers.size() == PairPicture::kRoutersMax) break;
    node.routers.push_back(router_of(router));
  }
  return node;
}

}  // namespace

std::optional<std::string> encode(const PairPicture& picture, std::size_t bytes_max) {
  std::size_t routers_max = PairPicture::kRoutersMax;
  for (;;) {
    std::string text = text_of(picture, routers_max);
    if (text.size() <= bytes_max) return text;
    if (routers_max == 0) return std::nullopt;
    routers_max /= 2;
  }
}

std::optional<PairPicture> decode_pair_picture(std::string_view json) {
  const Json whole = Json::parse(json.begin(), json.end(), nullptr, false);
  const Json* nodes = Reader(whole).list("nodes");
  if (nodes == nullptr || nodes->empty() || nodes->size() > PairPicture::kNodesMax)
    return std::nullopt;
  PairPicture picture;
  for (const Json& node : *nodes) picture.nodes.push_back(node_of(node));
  return picture;
}

}  // namespace tandem
