#include "failover/peer/message.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <concepts>
#include <limits>
#include <utility>

namespace tandem::failover::peer {
namespace {

enum class Type : std::uint8_t {
  kHello = 1,
  kStatus = 2,
  kHeartbeat = 3,
  kLetGo = 4,
  kRequest = 5,
  kReply = 6,
  kBye = 7,
  kSettingsPart = 8,
  kSettingsTaken = 9,
  kEventsPart = 10,
};

using What = pulse::ServerSetting::What;
constexpr std::array<std::pair<What, std::string_view>, 3> kWhatNames{
    {{What::kAdmin, "admin"}, {What::kWeight, "weight"}, {What::kHealth, "health"}}};

constexpr std::size_t kHeartbeatBytesMin = 26;
constexpr std::size_t kHeartbeatRouterBytes = 3;
constexpr std::uint8_t kFamilyBit = 0x80;
// The farthest time that every clock type can hold.
constexpr std::uint64_t kMillisecondsMax = std::uint64_t{1} << 43U;

template <std::unsigned_integral T>
void append(std::string& out, T value) {
  for (int shift = static_cast<int>(sizeof(T)) * 8 - 8; shift >= 0; shift -= 8)
    out.push_back(static_cast<char>(value >> shift & 0xff));
}

/// `at` + sizeof(T) must lie within `bytes`.
template <std::unsigned_integral T>
T get(std::string_view bytes, std::size_t at) {
  std::uint64_t value = 0;
  for (const char byte : bytes.substr(at, sizeof(T)))
    value = value << 8 | static_cast<unsigned char>(byte);
  return static_cast<T>(value);
}

std::optional<machine::Role> role_of(std::uint8_t number) {
  if (number > static_cast<std::uint8_t>(machine::Role::kActive)) return std::nullopt;
  return static_cast<machine::Role>(number);
}

std::optional<machine::Role> role_of(std::string_view name) {
  for (std::uint8_t number = 0; const auto role = role_of(number); ++number)
    if (machine::role_name(*role) == name) return role;
  return std::nullopt;
}

// ---- writing ----------------------------------------------------------------------------------

std::string text_of(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string body(const Hello& hello) {
  return text_of({{"node", hello.node},
                  {"version", hello.version},
                  {"config_hash", hello.config_hash},
                  {"started_at", hello.started_at.time_since_epoch().count()},
                  {"heartbeat", hello.heartbeat.count()}});
}

std::string body(const Status& status) {
  Json routers = Json::array();
  for (const RouterStatus& router : status.routers)
    routers.push_back({{"name", router.name},
                       {"vrid", router.vrid},
                       {"v6", router.is_v6},
                       {"role", machine::role_name(router.role)},
                       {"priority", router.priority},
                       {"reason", router.reason},
                       {"since", router.since.time_since_epoch().count()},
                       {"taken_at", router.taken_at.time_since_epoch().count()},
                       {"takeover_us", router.takeover.count()}});
  return text_of({{"routers", routers}, {"fit", status.is_fit}, {"fitness", status.fitness}});
}

std::string body(const Heartbeat& heartbeat) {
  std::string out;
  const std::size_t count = std::min(heartbeat.routers.size(), kRoutersMax);
  out.reserve(kHeartbeatBytesMin + count * kHeartbeatRouterBytes);
  append(out, heartbeat.sent);
  append(out, heartbeat.echo);
  append(out, heartbeat.held);
  out.push_back(heartbeat.is_fit ? 1 : 0);
  append(out, static_cast<std::uint8_t>(count));
  for (std::size_t i = 0; i < count; ++i) {
    const Heartbeat::Router& router = heartbeat.routers[i];
    append(out, router.vrid);
    append(out, static_cast<std::uint8_t>((router.is_v6 ? kFamilyBit : 0) |
                                          static_cast<std::uint8_t>(router.role)));
    append(out, router.priority);
  }
  return out;
}

std::string body(const LetGo& let_go) { return text_of({{"router", let_go.router}}); }

std::string body(const Request& request) {
  return text_of({{"id", request.id}, {"name", request.name}, {"argument", request.argument}});
}

std::string body(const Reply& reply) {
  return text_of({{"id", reply.id},
                  {"ok", reply.outcome.ok},
                  {"words", reply.outcome.words},
                  {"value", reply.outcome.value}});
}

std::string body(const Bye& bye) { return text_of({{"words", bye.words}}); }

std::string_view name_of(What what) {
  return std::ranges::find(kWhatNames, what, [](const auto& row) { return row.first; })->second;
}

std::string body(const SettingsPart& part) {
  Json settings = Json::array();
  for (const pulse::ServerSetting& setting : part.settings)
    settings.push_back(
        Json::array({name_of(setting.what), setting.server, setting.value, setting.stamp}));
  return text_of({{"number", part.number}, {"settings", settings}});
}

std::string body(const SettingsTaken& taken) { return text_of({{"number", taken.number}}); }

std::string body(const EventsPart& part) {
  Json events = Json::array();
  for (const EventsPart::Event& event : part.events)
    events.push_back({{"at", event.at.time_since_epoch().count()},
                      {"router", event.router},
                      {"words", event.words}});
  return text_of({{"events", events}});
}

std::string body(const Unknown&) { return {}; }

std::uint8_t type_of(const Message& message) {
  if (const auto* unknown = std::get_if<Unknown>(&message)) return unknown->type;
  return static_cast<std::uint8_t>(message.index() + 1);
}

static_assert(
    std::is_same_v<
        std::variant_alternative_t<static_cast<std::size_t>(Type::kEventsPart) - 1, Message>,
        EventsPart>,
    "the alternatives of Message stand in the order of Type");

// ---- reading ----------------------------------------------------------------------------------

/// The object that a body must be; discarded: it is not, or it is too deep.
Json parse_object(std::string_view text) {
  bool is_too_deep = false;
  const auto look = [&is_too_deep](int depth, Json::parse_event_t, Json&) {
    is_too_deep = is_too_deep || depth > kJsonDepthMax;
    return !is_too_deep;
  };
  Json json = Json::parse(text.begin(), text.end(), look, false);
  return is_too_deep || !json.is_object() ? Json(Json::value_t::discarded) : json;
}

/// Reads members and remembers whether one was missing or of another kind.
class Reader {
 public:
  explicit Reader(const Json& object) : object_(object), is_good_(object.is_object()) {}

  [[nodiscard]] bool is_good() const { return is_good_; }

  std::string text(const char* key) {
    const Json* member = find(key);
    if (member == nullptr || !member->is_string()) return refuse(std::string());
    return member->get<std::string>();
  }
  bool flag(const char* key) {
    const Json* member = find(key);
    if (member == nullptr || !member->is_boolean()) return refuse(false);
    return member->get<bool>();
  }
  template <std::unsigned_integral T>
  T number(const char* key) {
    const Json* member = find(key);
    if (member == nullptr || !member->is_number_unsigned()) return refuse(T{0});
    const auto value = member->get<std::uint64_t>();
    return value > std::numeric_limits<T>::max() ? refuse(T{0}) : static_cast<T>(value);
  }
  /// At most kMillisecondsMax. 0 when it is missing: nothing hangs on it.
  std::int64_t number_if_any(const char* key) {
    const Json* member = find(key);
    if (member == nullptr || !member->is_number_unsigned()) return 0;
    return static_cast<std::int64_t>(std::min(member->get<std::uint64_t>(), kMillisecondsMax));
  }
  std::chrono::sys_time<std::chrono::milliseconds> time_if_any(const char* key) {
    return std::chrono::sys_time<std::chrono::milliseconds>(
        std::chrono::milliseconds(number_if_any(key)));
  }
  /// Null when it is missing.
  Json any(const char* key) {
    const Json* member = find(key);
    return member == nullptr ? Json() : *member;
  }
  const Json* list(const char* key) {
    const Json* member = find(key);
    return member != nullptr && member->is_array() ? member : refuse<const Json*>(nullptr);
  }
  machine::Role role(const char* key) {
    const auto role = role_of(std::string_view(text(key)));
    return role ? *role : refuse(machine::Role::kInitialize);
  }

 private:
  const Json* find(const char* key) const {
    if (!object_.is_object()) return nullptr;
    const auto member = object_.find(key);
    return member == object_.end() ? nullptr : &*member;
  }
  template <class T>
  T refuse(T value) {
    is_good_ = false;
    return value;
  }

  const Json& object_;
  bool is_good_;
};

Result<Message> taken(const Reader& reader, Message message, std::string_view what) {
  if (!reader.is_good()) return fail(fmt::format("its {} cannot be read", what));
  return message;
}

Result<Message> read_hello(const Json& json) {
  Reader reader(json);
  Hello hello{.node = reader.text("node"),
              .version = reader.text("version"),
              .config_hash = reader.text("config_hash")};
  const auto started_at = std::min(reader.number<std::uint64_t>("started_at"), kMillisecondsMax);
  hello.started_at =
      decltype(hello.started_at)(std::chrono::milliseconds(static_cast<std::int64_t>(started_at)));
  hello.heartbeat = std::chrono::milliseconds(reader.number<std::uint32_t>("heartbeat"));
  return taken(reader, std::move(hello), "hello");
}

Result<Message> read_status(const Json& json) {
  Reader reader(json);
  Status status{.routers = {}, .is_fit = reader.flag("fit"), .fitness = reader.text("fitness")};
  const Json* routers = reader.list("routers");
  if (routers == nullptr || routers->size() > kRoutersMax) return fail("its status cannot be read");
  for (const Json& entry : *routers) {
    Reader row(entry);
    status.routers.push_back(
        {.name = row.text("name"),
         .vrid = row.number<std::uint8_t>("vrid"),
         .is_v6 = row.flag("v6"),
         .role = row.role("role"),
         .priority = row.number<std::uint8_t>("priority"),
         .reason = row.text("reason"),
         .since = row.time_if_any("since"),
         .taken_at = row.time_if_any("taken_at"),
         .takeover = std::chrono::microseconds(row.number_if_any("takeover_us"))});
    if (!row.is_good()) return fail("its status cannot be read");
  }
  return taken(reader, std::move(status), "status");
}

Result<Message> read_heartbeat(std::string_view bytes) {
  const auto broken = fail("its heartbeat cannot be read");
  if (bytes.size() < kHeartbeatBytesMin) return broken;
  Heartbeat heartbeat{.sent = get<std::uint64_t>(bytes, 0),
                      .echo = get<std::uint64_t>(bytes, 8),
                      .held = get<std::uint64_t>(bytes, 16),
                      .is_fit = get<std::uint8_t>(bytes, 24) != 0,
                      .routers = {}};
  const std::size_t count = get<std::uint8_t>(bytes, 25);
  if (bytes.size() < kHeartbeatBytesMin + count * kHeartbeatRouterBytes) return broken;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t at = kHeartbeatBytesMin + i * kHeartbeatRouterBytes;
    const auto how = get<std::uint8_t>(bytes, at + 1);
    const auto role = role_of(static_cast<std::uint8_t>(how & ~kFamilyBit));
    if (!role) return broken;
    heartbeat.routers.push_back({.vrid = get<std::uint8_t>(bytes, at),
                                 .is_v6 = (how & kFamilyBit) != 0,
                                 .role = *role,
                                 .priority = get<std::uint8_t>(bytes, at + 2)});
  }
  return heartbeat;
}

Result<Message> read_let_go(const Json& json) {
  Reader reader(json);
  return taken(reader, LetGo{.router = reader.text("router")}, "let-go");
}

Result<Message> read_request(const Json& json) {
  Reader reader(json);
  return taken(reader,
               Request{.id = reader.number<std::uint32_t>("id"),
                       .name = reader.text("name"),
                       .argument = reader.any("argument")},
               "request");
}

Result<Message> read_reply(const Json& json) {
  Reader reader(json);
  return taken(reader,
               Reply{.id = reader.number<std::uint32_t>("id"),
                     .outcome = {.ok = reader.flag("ok"),
                                 .words = reader.text("words"),
                                 .value = reader.any("value")}},
               "reply");
}

Result<Message> read_bye(const Json& json) {
  Reader reader(json);
  return taken(reader, Bye{.words = reader.text("words")}, "farewell");
}

/// [what, server, value, stamp]; more is passed over. nullopt: it cannot be read.
std::optional<pulse::ServerSetting> read_setting(const Json& row, What what) {
  if (!row[1].is_string() || !row[2].is_number_unsigned() || !row[3].is_number_unsigned())
    return std::nullopt;
  pulse::ServerSetting setting{.what = what, .server = row[1].get<std::string>()};
  const auto value = row[2].get<std::uint64_t>();
  if (value > std::numeric_limits<std::uint16_t>::max()) return std::nullopt;
  if (setting.server.empty() || setting.server.size() > pulse::kServerNameBytesMax)
    return std::nullopt;
  setting.value = static_cast<std::uint16_t>(value);
  setting.stamp = row[3].get<std::uint64_t>();
  return setting;
}

Result<Message> read_settings_part(const Json& json) {
  const auto broken = fail("its settings cannot be read");
  Reader reader(json);
  SettingsPart part{.number = reader.number<std::uint64_t>("number"), .settings = {}};
  const Json* rows = reader.list("settings");
  if (rows == nullptr || rows->size() > kSettingsMax) return broken;
  for (const Json& row : *rows) {
    if (!row.is_array() || row.size() < 4 || !row[0].is_string()) return broken;
    const auto what = std::ranges::find(kWhatNames, row[0].get<std::string>(),
                                        [](const auto& known) { return known.second; });
    if (what == kWhatNames.end()) continue;  // of a newer version
    auto setting = read_setting(row, what->first);
    if (!setting) return broken;
    part.settings.push_back(std::move(*setting));
  }
  return taken(reader, std::move(part), "settings");
}

Result<Message> read_settings_taken(const Json& json) {
  Reader reader(json);
  return taken(reader, SettingsTaken{.number = reader.number<std::uint64_t>("number")},
               "receipt of settings");
}

Result<Message> read_events_part(const Json& json) {
  const auto broken = fail("its events cannot be read");
  Reader reader(json);
  const Json* rows = reader.list("events");
  if (rows == nullptr || rows->size() > kEventsMax) return broken;
  EventsPart part;
  for (const Json& entry : *rows) {
    Reader row(entry);
    part.events.push_back(
        {.at = row.time_if_any("at"), .router = row.text("router"), .words = row.text("words")});
    if (!row.is_good()) return broken;
  }
  return part;
}

Result<Message> read(std::uint8_t type, std::string_view body) {
  switch (static_cast<Type>(type)) {
    case Type::kHello:
      return read_hello(parse_object(body));
    case Type::kStatus:
      return read_status(parse_object(body));
    case Type::kHeartbeat:
      return read_heartbeat(body);
    case Type::kLetGo:
      return read_let_go(parse_object(body));
    case Type::kRequest:
      return read_request(parse_object(body));
    case Type::kReply:
      return read_reply(parse_object(body));
    case Type::kBye:
      return read_bye(parse_object(body));
    case Type::kSettingsPart:
      return read_settings_part(parse_object(body));
    case Type::kSettingsTaken:
      return read_settings_taken(parse_object(body));
    case Type::kEventsPart:
      return read_events_part(parse_object(body));
  }
  return Unknown{type};
}

}  // namespace

Result<std::string> encode(const Message& message) {
  const std::string bytes = std::visit([](const auto& one) { return body(one); }, message);
  if (bytes.size() > kBodyBytesMax)
    return fail(fmt::format("a message of {} bytes is too long, {} are the most", bytes.size(),
                            kBodyBytesMax));
  std::string frame;
  frame.reserve(kFrameHeaderBytes + bytes.size());
  append(frame, static_cast<std::uint32_t>(bytes.size() + 2));
  append(frame, kVersion);
  append(frame, type_of(message));
  return frame + bytes;
}

Result<std::optional<Message>> Decoder::next() {
  const std::string_view rest = std::string_view(bytes_).substr(at_);
  if (rest.size() < kFrameHeaderBytes) return std::nullopt;
  const std::size_t length = get<std::uint32_t>(rest, 0);
  if (length < 2 || length - 2 > kBodyBytesMax)
    return fail(fmt::format("it sends a message of {} bytes", length));
  const auto version = get<std::uint8_t>(rest, 4);
  if (version != kVersion)
    return fail(fmt::format("it speaks version {} of the peer link, not {}", version, kVersion));
  if (rest.size() < 4 + length) return std::nullopt;
  auto message = read(get<std::uint8_t>(rest, 5), rest.substr(kFrameHeaderBytes, length - 2));
  at_ += 4 + length;
  if (at_ == bytes_.size()) {
    bytes_.clear();
    at_ = 0;
  } else if (at_ > kBodyBytesMax) {
    bytes_.erase(0, at_);
    at_ = 0;
  }
  if (!message) return std::unexpected(message.error());
  return std::optional<Message>(std::move(*message));
}

}  // namespace tandem::failover::peer
