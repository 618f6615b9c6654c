#include "failover/peer/message.h"

#include <catch2/catch.hpp>

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::failover::peer {
namespace {

using machine::Role;
using What = pulse::ServerSetting::What;
using std::string_literals::operator""s;

const std::vector<Message>& every_kind() {
  static const std::vector<Message> messages{
      Hello{.node = "lb1",
            .version = "0.1.0",
            .config_hash = "c0ffee",
            .started_at = std::chrono::sys_time<std::chrono::milliseconds>(
                std::chrono::milliseconds(1'800'000'000'123)),
            .heartbeat = std::chrono::milliseconds(100)},
      Status{.routers = {{.name = "main",
                          .vrid = 51,
                          .is_v6 = false,
                          .role = Role::kActive,
                          .priority = 150,
                          .reason = "base 150"},
                         {.name = "main/6",
                          .vrid = 51,
                          .is_v6 = true,
                          .role = Role::kBackup,
                          .priority = 0,
                          .reason = "lb hangs",
                          .since = std::chrono::sys_time<std::chrono::milliseconds>(
                              std::chrono::milliseconds(1'800'000'000'123)),
                          .taken_at = std::chrono::sys_time<std::chrono::milliseconds>(
                              std::chrono::milliseconds(1'700'000'000'123)),
                          .takeover = std::chrono::microseconds(870)}},
             .is_fit = false,
             .fitness = "no live server in \"app\""},
      Heartbeat{.sent = 0x0102030405060708,
                .echo = ~std::uint64_t{0},
                .held = 1,
                .is_fit = true,
                .routers = {{.vrid = 255, .is_v6 = true, .role = Role::kActive, .priority = 255},
                            {.vrid = 1, .is_v6 = false, .role = Role::kInitialize, .priority = 0}}},
      LetGo{.router = "main"},
      Request{.id = 4'294'967'295, .name = "yield", .argument = {{"router", "main"}}},
      Reply{.id = 7, .outcome = {.ok = true, .words = "done", .value = Json::array({1, 2})}},
      Bye{.words = "it stops"},
      SettingsPart{.number = ~std::uint64_t{0},
                   .settings = {{What::kAdmin, 1, 1'763'755'123'456'789, "app/web1"},
                                {What::kWeight, 256, 7, "app/web2"},
                                {What::kHealth, 0, 8, "app/\"web\""}}},
      SettingsTaken{.number = 12},
      EventsPart{.events = {{.at = std::chrono::sys_time<std::chrono::milliseconds>(
                                 std::chrono::milliseconds(1'800'000'000'123)),
                             .router = "main",
                             .words = "backup -> active"},
                            {.words = "the link is up"}}},
      Unknown{.type = 200},
  };
  return messages;
}

std::string frame_of(const Message& message) {
  const auto frame = encode(message);
  REQUIRE(frame.has_value());
  return *frame;
}

/// One text, so many times, with commas.
std::string many(std::string_view text, std::size_t count) {
  std::string all(text);
  for (std::size_t i = 1; i < count; ++i) all.append(",").append(text);
  return all;
}

/// A frame of any type with any body.
std::string frame(char type, std::string_view body) {
  const std::size_t length = body.size() + 2;
  std::string bytes{'\0',   '\0', static_cast<char>(length >> 8), static_cast<char>(length & 0xff),
                    '\x01', type};
  return bytes.append(body);
}

TEST_CASE("every kind of message means the same after it was written and read") {
  for (const Message& message : every_kind()) {
    Decoder decoder;
    decoder.feed(frame_of(message));
    const auto read = decoder.next();
    REQUIRE(read.has_value());
    REQUIRE(read->has_value());
    CHECK(**read == message);
    CHECK_FALSE(decoder.next()->has_value());
  }
}

TEST_CASE("messages are found however the stream is cut") {
  std::string stream;
  for (const Message& message : every_kind()) stream += frame_of(message);
  for (std::size_t step = 1; step <= stream.size(); step += step < 64 ? 1 : 97) {
    Decoder decoder;
    std::vector<Message> read;
    for (std::size_t at = 0; at < stream.size(); at += step) {
      decoder.feed(std::string_view(stream).substr(at, step));
      for (auto next = decoder.next(); next.has_value() && *next; next = decoder.next())
        read.push_back(**next);
    }
    CHECK(read == every_kind());
  }
}

TEST_CASE("a heartbeat of two routers fits into 38 bytes") {
  CHECK(frame_of(every_kind().at(2)).size() == 38);
}

TEST_CASE("what a newer node adds is passed over") {
  const std::string heartbeat = frame_of(every_kind().at(2));
  struct Row {
    std::string bytes;
    Message meaning;
  };
  const std::vector<Row> rows{
      {frame('\x04', R"({"router":"main","because":[1]})"), LetGo{.router = "main"}},
      {frame('\x03', heartbeat.substr(kFrameHeaderBytes) + "more"), every_kind().at(2)},
      {frame('\x08', R"({"number":1,"settings":[["colour","a/b",1,1],["admin","a/b",2,3,4]]})"),
       SettingsPart{.number = 1, .settings = {{What::kAdmin, 2, 3, "a/b"}}}},
      {frame('\x63', "anything"), Unknown{.type = 0x63}},
      {frame('\x05', R"({"id":1,"name":"x"})"), Request{.id = 1, .name = "x", .argument = nullptr}},
  };
  for (const Row& row : rows) {
    Decoder decoder;
    decoder.feed(row.bytes);
    const auto read = decoder.next();
    REQUIRE(read.has_value());
    CHECK(**read == row.meaning);
  }
}

TEST_CASE("a node that does not say since when it is as it is can be understood") {
  Decoder decoder;
  decoder.feed(frame('\x02', R"({"routers":[{"name":"main","vrid":51,"v6":false,"role":"active",
      "priority":150,"reason":"150","since":-1}],"fit":true,"fitness":""})"));
  const auto read = decoder.next();
  REQUIRE(read.has_value());
  CHECK(**read == Message(Status{.routers = {{.name = "main",
                                              .vrid = 51,
                                              .role = Role::kActive,
                                              .priority = 150,
                                              .reason = "150"}},
                                 .is_fit = true,
                                 .fitness = {}}));
}

TEST_CASE("what cannot be read is an error, never a guess") {
  const std::string deep = std::string(40, '[') + std::string(40, ']');
  struct Row {
    char type;
    std::string body;
  };
  const std::vector<Row> rows{
      {'\x01', ""},
      {'\x01', "[]"},
      {'\x01', R"({"node":"lb1","version":"","config_hash":"","started_at":-1,"heartbeat":1})"},
      {'\x01', R"({"node":"lb1","version":"","config_hash":"","started_at":0})"},
      {'\x01', R"({"node":1,"version":"","config_hash":"","started_at":0,"heartbeat":1})"},
      {'\x02', R"({"fit":true,"fitness":""})"},
      {'\x02', R"({"fit":true,"fitness":"","routers":[1]})"},
      {'\x02', R"({"fit":1,"fitness":"","routers":[]})"},
      {'\x02', R"({"fit":true,"fitness":"","routers":[{"name":"a","vrid":256,"v6":false,)"
               R"("role":"active","priority":1,"reason":""}]})"},
      {'\x02', R"({"fit":true,"fitness":"","routers":[{"name":"a","vrid":1,"v6":false,)"
               R"("role":"king","priority":1,"reason":""}]})"},
      {'\x03', std::string(25, '\0')},
      {'\x03', std::string(25, '\0') + "\x01"},
      {'\x03', std::string(25, '\0') + "\x01\x33\x03\x64"},
      {'\x04', R"({"router":"main")"},
      {'\x04', "{\"router\":\"\xff\"}"},
      {'\x05', R"({"id":4294967296,"name":"x"})"},
      {'\x05', R"({"id":1,"name":"x","argument":)" + deep + "}"},
      {'\x06', R"({"id":1,"ok":"yes","words":""})"},
      {'\x07', "{}"},
      {'\x08', R"({"settings":[]})"},
      {'\x08', R"({"number":1,"settings":{}})"},
      {'\x08', R"({"number":1,"settings":[["admin","a/b",1]]})"},
      {'\x08', R"({"number":1,"settings":[["admin","",1,1]]})"},
      {'\x08', R"({"number":1,"settings":[["admin","a/b",65536,1]]})"},
      {'\x08', R"({"number":1,"settings":[["admin","a/b",1,-1]]})"},
      {'\x08', R"({"number":1,"settings":[["admin",")" + std::string(1025, 'a') + R"(",1,1]]})"},
      {'\x08', R"({"number":1,"settings":[)" + many(R"(["admin","a",1,1])", 101) + "]}"},
      {'\x09', R"({"number":"1"})"},
      {'\x0a', R"({"events":[1]})"},
      {'\x0a', R"({"events":[{"at":1,"router":""}]})"},
      {'\x0a', R"({"events":[)" + many(R"({"at":1,"router":"","words":""})", 101) + "]}"},
  };
  for (const Row& row : rows) {
    INFO(static_cast<int>(row.type) << " " << row.body);
    Decoder decoder;
    decoder.feed(frame(row.type, row.body));
    CHECK_FALSE(decoder.next().has_value());
  }
}

TEST_CASE("a length that nobody may send is refused before its bytes are waited for") {
  for (const std::string& head :
       {"\x00\x00\x00\x00\x01\x04"s, "\x00\x04\x00\x03\x01\x04"s, "\xff\xff\xff\xff\x01\x04"s}) {
    Decoder decoder;
    decoder.feed(head);
    CHECK_FALSE(decoder.next().has_value());
  }
}

TEST_CASE("the longest body is read, and a longer one is not written") {
  const std::size_t around = frame_of(LetGo{}).size() - kFrameHeaderBytes;
  const LetGo longest{.router = std::string(kBodyBytesMax - around, 'x')};
  Decoder decoder;
  decoder.feed(frame_of(longest));
  CHECK(**decoder.next() == Message(longest));
  CHECK_FALSE(encode(LetGo{.router = longest.router + "x"}).has_value());
}

TEST_CASE("the largest part fits into a message") {
  SettingsPart part{.number = 1, .settings = {}};
  EventsPart events;
  const std::string name(pulse::kServerNameBytesMax, '"');  // each is written as two bytes
  for (std::size_t i = 0; i < kSettingsMax; ++i)
    part.settings.push_back({What::kWeight, 65'535, ~std::uint64_t{0}, name});
  for (std::size_t i = 0; i < kEventsMax; ++i)
    events.events.push_back({.router = "main/6", .words = std::string(400, '\x01')});
  CHECK(encode(part).has_value());
  CHECK(encode(events).has_value());
}

TEST_CASE("text that is not UTF-8 is mended, so that the other side can read it") {
  Decoder decoder;
  decoder.feed(frame_of(Bye{.words = "a\xff"
                                     "b"}));
  CHECK(**decoder.next() == Message(Bye{.words = "a\xef\xbf\xbd"
                                                 "b"}));
}

}  // namespace
}  // namespace tandem::failover::peer
