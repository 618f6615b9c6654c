#include "lb/http2/session.h"

#include "test/unit/lb/http2/client.h"

#include <catch2/catch.hpp>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tandem::lb::http2 {
namespace {

using namespace test;
using namespace std::string_literals;

constexpr std::uint8_t kEndHeaders = NGHTTP2_FLAG_END_HEADERS;
constexpr std::uint8_t kEndBoth = NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM;

/// Answers with `body` and lets it arrive.
void answer(Pair& pair, Stream& stream, std::string_view body) {
  pair.send_head(stream, {{":status", "200"}});
  pair.send(stream, body, true);
  pair.run();
}

TEST_CASE("a connection begins with what the client may do") {
  Pair pair;
  CHECK(pair.goes_on);
  CHECK(pair.client.settings[NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS] == 100);
  CHECK(pair.client.settings[NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE] == 65'535);
  CHECK(pair.client.settings[NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE] == 15'360);
  CHECK(pair.client.settings[NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL] == 1);
  CHECK(pair.client.connection_window_left() == 1 << 20);
  CHECK_FALSE(pair.session.has_streams());
  CHECK_FALSE(pair.session.is_over());
  CHECK(pair.session.trouble().empty());
}

TEST_CASE("a request comes, is answered, and its stream is over") {
  Pair pair;
  Stream& stream = pair.ask(get("/x"));
  CHECK(stream.has_ended());
  CHECK(stream.is_exhausted());
  CHECK(stream.request.finish(false, {}) == "GET /x HTTP/1.1\r\nhost: a\r\n\r\n");
  CHECK(pair.session.has_streams());
  const std::int32_t id = stream.id();

  pair.send_head(stream, {{":status", "200"}, {"server", "x"}});
  CHECK(stream.is_drained());
  CHECK_FALSE(stream.has_finished());
  pair.send(stream, "hello ");
  pair.send(stream, "world", true);
  CHECK(stream.has_finished());
  pair.run();
  CHECK(stream.is_closed());
  CHECK_FALSE(stream.is_broken());
  CHECK(stream.bytes_sent() > 11 + 3 * 9);
  const Answer& got = pair.client.answer(id);
  CHECK(got.status() == "200");
  CHECK(value_of(got.head, "server") == "x");
  CHECK(got.body == "hello world");
  CHECK(got.closed == NGHTTP2_NO_ERROR);
  pair.session.release(stream);
  CHECK_FALSE(pair.session.has_streams());
  CHECK(pair.session.next_news() == nullptr);
}

TEST_CASE("an answer may be a head alone") {
  Pair pair;
  Stream& stream = pair.ask(get());
  pair.send_head(stream, {{":status", "204"}}, true);
  CHECK(stream.has_finished());
  CHECK(stream.is_drained());
  pair.send(stream, "nobody waits for this", true);
  pair.run();
  CHECK(pair.client.answer(stream.id()).status() == "204");
  CHECK(pair.client.answer(stream.id()).has_ended);
  CHECK(pair.client.answer(stream.id()).body.empty());
  CHECK_FALSE(stream.is_broken());
}

TEST_CASE("interim answers come before the one that counts") {
  Pair pair;
  Stream& stream = pair.ask(post(), false);
  FieldBlock block;
  for (const std::string_view status : {"100", "103"}) {
    block.clear();
    block.add(":status", status);
    pair.session.send_interim(stream, block);
  }
  answer(pair, stream, "x");
  CHECK(pair.client.answer(stream.id()).interim == std::vector<std::string>{"100", "103"});
  CHECK(pair.client.answer(stream.id()).status() == "200");
  CHECK(pair.client.answer(stream.id()).body == "x");
}

TEST_CASE("trailers end an answer, with a body before them or without") {
  for (const std::string body : {"", "body"}) {
    Pair pair;
    Stream& stream = pair.ask(get());
    pair.send_head(stream, {{":status", "200"}});
    pair.send(stream, body, true, "X-Sum: abc\r\nx-other: d\r\n");
    pair.run();
    const Answer& got = pair.client.answer(stream.id());
    CHECK(got.body == body);
    CHECK(got.trailers == Fields{{"x-sum", "abc"}, {"x-other", "d"}});
    CHECK(got.has_ended);
    CHECK(got.closed == NGHTTP2_NO_ERROR);
    CHECK_FALSE(stream.is_broken());
  }
}

TEST_CASE("a request's body ends with trailers, given as lines") {
  Pair pair;
  Stream& stream = pair.ask(post(), false);
  pair.client.upload(stream.id(), "body", true, {{"x-sum", "abc"}, {"x-other", "d"}});
  pair.run();
  CHECK(&pair.one() == &stream);
  CHECK(stream.unread() == "body");
  CHECK(stream.has_ended());
  CHECK_FALSE(stream.is_exhausted());
  CHECK(stream.trailers() == "x-sum: abc\r\nx-other: d\r\n");
  pair.session.consume(stream, 4);
  CHECK(stream.is_exhausted());
}

TEST_CASE("trailers that would mislead, and too many of them, break the stream alone") {
  const std::vector<Fields> cases = {
      {{"content-length", "5"}},
      {{"host", "b"}},
      {{"cookie", "a=1"}},
      {{"authorization", "Basic x"}},
      {{"x", std::string(5'000, 'v')}, {"y", std::string(5'000, 'v')}}};
  for (const Fields& trailers : cases) {
    INFO(trailers.front().first);
    Pair pair;
    Stream& stream = pair.ask(post(), false);
    pair.client.upload(stream.id(), "body", true, trailers);
    pair.run();
    CHECK(pair.goes_on);
    CHECK(stream.is_broken());
    CHECK(pair.client.answer(stream.id()).closed.value_or(0) != NGHTTP2_NO_ERROR);
    // The section was not received whole, but nothing more of it will come.
    CHECK_FALSE(pair.session.is_in_head());
    CHECK(&pair.one() == &stream);
    pair.session.release(stream);
    answer(pair, pair.ask(get()), "x");
  }
}

TEST_CASE("a head is under way until its last frame has come") {
  Pair pair;
  const std::string block = request_block();
  pair.client.raw(frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_STREAM, 1, block.substr(0, 10)));
  pair.upload();
  CHECK(pair.session.is_in_head());
  CHECK(pair.session.next_news() == nullptr);
  pair.client.raw(frame(NGHTTP2_CONTINUATION, kEndHeaders, 1, block.substr(10)));
  pair.upload();
  CHECK_FALSE(pair.session.is_in_head());
  CHECK(pair.one().has_ended());
}

TEST_CASE("a head that is malformed breaks its stream, and none is under way any more") {
  Pair pair;
  pair.client.raw(frame(NGHTTP2_HEADERS, kEndBoth, 1, request_block() + literal("Upper", "x")));
  pair.upload();
  static_cast<void>(pair.session.output());
  CHECK(pair.goes_on);
  Stream& stream = pair.one();
  CHECK_FALSE(stream.has_head());
  CHECK(stream.is_broken());
  CHECK(stream.is_closed());
  CHECK_FALSE(pair.session.is_in_head());
  pair.session.release(stream);
  CHECK_FALSE(pair.session.has_streams());
}

TEST_CASE("a head that is too large is told as one") {
  Pair pair;
  Fields fields = get();
  fields.emplace_back("x", std::string(10'000, 'v'));
  fields.emplace_back("y", std::string(10'000, 'v'));
  Stream& stream = pair.ask(fields);
  CHECK(stream.request.is_too_large());
  answer(pair, stream, "too large");
  CHECK(pair.client.answer(stream.id()).body == "too large");
}

TEST_CASE("a length that the body does not keep breaks the stream") {
  Pair pair;
  Fields fields = post();
  fields.emplace_back("content-length", "3");
  Stream& stream = pair.ask(fields, false);
  pair.client.upload(stream.id(), "four", true);
  pair.run();
  CHECK(pair.goes_on);
  CHECK(stream.is_broken());
  CHECK(pair.client.answer(stream.id()).closed == NGHTTP2_PROTOCOL_ERROR);
}

TEST_CASE("a client that leaves a stream breaks it, and its resets are counted") {
  Pair pair;
  Stream& stream = pair.ask(get());
  pair.send_head(stream, {{":status", "200"}});
  pair.client.reset(stream.id());
  pair.run();
  CHECK(&pair.one() == &stream);
  CHECK(stream.is_broken());
  CHECK(stream.is_closed());
  CHECK(stream.error_code() == NGHTTP2_CANCEL);
  CHECK(pair.session.take_resets() == 1);
  CHECK(pair.session.take_resets() == 0);
  // What comes too late is dropped.
  const std::uint64_t sent = stream.bytes_sent();
  pair.send(stream, "too late", true);
  pair.send_head(stream, {{":status", "200"}}, true);
  pair.session.reset(stream, NGHTTP2_CANCEL);
  pair.run();
  CHECK(stream.bytes_sent() == sent);
  CHECK(pair.goes_on);
  pair.session.release(stream);
}

TEST_CASE("a stream is ended with the error that was meant") {
  Pair pair;
  Stream& stream = pair.ask(get());
  const std::int32_t id = stream.id();
  pair.send_head(stream, {{":status", "200"}});
  pair.send(stream, "half");
  pair.session.reset(stream, NGHTTP2_INTERNAL_ERROR);
  pair.session.release(stream);
  pair.run();
  CHECK(pair.client.answer(id).body == "half");
  CHECK_FALSE(pair.client.answer(id).has_ended);
  CHECK(pair.client.answer(id).closed == NGHTTP2_INTERNAL_ERROR);
  CHECK_FALSE(pair.session.has_streams());
}

TEST_CASE("an answer before the end of its request is whole, and the rest of the request in vain") {
  Pair pair;
  Stream& stream = pair.ask(post(), false);
  const std::int32_t id = stream.id();
  pair.send_head(stream, {{":status", "413"}});
  pair.send(stream, "too much", true);
  // RFC 9113 section 8.1.
  pair.session.reset(stream, NGHTTP2_NO_ERROR);
  pair.session.release(stream);
  pair.client.upload(id, std::string(50'000, 'x'), true);
  pair.run();
  CHECK(pair.client.answer(id).body == "too much");
  CHECK(pair.client.answer(id).has_ended);
  CHECK(pair.client.answer(id).closed == NGHTTP2_NO_ERROR);
  CHECK(pair.goes_on);
}

TEST_CASE("bytes for streams that are gone use up no window of the connection") {
  Pair pair;
  for (int i = 0; i < 40; ++i) {
    Stream& stream = pair.ask(post(), false);
    // On its way before the client hears of the reset.
    pair.client.upload(stream.id(), std::string(60'000, 'x'), false);
    const std::string late = pair.client.take();
    pair.session.reset(stream, NGHTTP2_CANCEL);
    pair.session.release(stream);
    static_cast<void>(pair.session.output());
    pair.goes_on = pair.session.receive(late, pair.now);
    REQUIRE(pair.goes_on);
    pair.run();
  }
  CHECK(pair.client.connection_window_left() > 1 << 19);
}

TEST_CASE("more streams than may be open wait with the client") {
  Pair pair;
  for (int i = 0; i < 101; ++i) pair.client.ask(get());
  pair.run();
  std::vector<Stream*> all = pair.news();
  REQUIRE(all.size() == 100);
  answer(pair, *all.front(), "x");
  pair.session.release(*all.front());
  pair.run();
  REQUIRE(pair.news().size() == 1);
  int count = 0;
  pair.session.for_each_stream([&count](Stream&) { ++count; });
  CHECK(count == 100);
}

TEST_CASE("streams beyond what may be open are refused, or end a connection that knows better") {
  std::string heads;
  for (const std::int32_t id : {1, 3, 5, 7})
    heads += frame(NGHTTP2_HEADERS, kEndBoth, id, request_block());
  SECTION("before the client has heard of the limit") {
    Workspace workspace;
    Session session(Session::Role::kServer, {.streams_max = 2}, workspace);
    CHECK(session.receive(std::string(kPreface) + frame(NGHTTP2_SETTINGS, 0, 0, "") + heads, {}));
    int count = 0;
    while (session.next_news() != nullptr) ++count;
    CHECK(count == 2);
    std::string refused;
    for (const std::int32_t id : {5, 7})
      refused += frame(NGHTTP2_RST_STREAM, 0, id, std::string_view("\0\0\0\x07", 4));
    CHECK(session.output().find(refused) != std::string_view::npos);
  }
  SECTION("afterwards") {
    Pair pair({}, {.streams_max = 2});
    pair.client.raw(heads);
    pair.run();
    CHECK(pair.news().size() == 2);
    CHECK_FALSE(pair.session.trouble().empty());
    REQUIRE(pair.client.goaways.size() == 1);
    CHECK(pair.client.goaways[0].second == NGHTTP2_PROTOCOL_ERROR);
  }
}

TEST_CASE("news are told once, in order, and not of streams that are gone") {
  Pair pair;
  for (int i = 0; i < 3; ++i) pair.client.ask(get());
  pair.run();
  Stream* first = pair.session.next_news();
  REQUIRE(first != nullptr);
  CHECK(first->id() == 1);
  pair.session.note_news(*first);
  pair.session.note_news(*first);
  Stream* second = pair.session.next_news();
  REQUIRE(second != nullptr);
  CHECK(second->id() == 3);
  Stream* third = nullptr;
  pair.session.for_each_stream([&third](Stream& stream) {
    if (stream.id() == 5) third = &stream;
  });
  REQUIRE(third != nullptr);
  pair.session.reset(*third, NGHTTP2_CANCEL);
  pair.session.release(*third);
  CHECK(pair.session.next_news() == first);
  CHECK(pair.session.next_news() == nullptr);
  // One without a head, or without its end.
  CHECK(pair.session.has_streams());
}

TEST_CASE("a connection that is to end first says so, and then which streams it took") {
  // RFC 9113 section 6.8.
  Pair pair;
  Stream& stream = pair.ask(get());
  pair.session.go_away(true);
  // On its way before the client hears of it.
  const std::int32_t late = pair.client.ask(get());
  pair.run();
  REQUIRE(pair.client.goaways.size() == 1);
  CHECK(pair.client.goaways[0].first == 0x7FFF'FFFF);
  Stream& taken = pair.one();
  CHECK(taken.id() == late);
  pair.session.go_away(false);
  pair.run();
  REQUIRE(pair.client.goaways.size() == 2);
  CHECK(pair.client.goaways[1] == std::pair{late, std::uint32_t{NGHTTP2_NO_ERROR}});
  CHECK_FALSE(pair.session.is_over());
  answer(pair, stream, "x");
  answer(pair, taken, "y");
  CHECK(pair.client.answer(late).body == "y");
  for (Stream* done : pair.news()) pair.session.release(*done);
  CHECK(pair.session.is_over());
  CHECK(pair.session.trouble().empty());
}

TEST_CASE("a connection that broke off takes its streams along") {
  Pair pair;
  Stream& one = pair.ask(get());
  Stream& other = pair.ask(post(), false);
  pair.session.break_off();
  CHECK(pair.news() == std::vector<Stream*>{&one, &other});
  CHECK(one.is_broken());
  CHECK(other.is_broken());
  CHECK(pair.session.is_over());
  pair.send_head(one, {{":status", "200"}}, true);
  CHECK_FALSE(pair.session.has_output());
  pair.session.release(one);
  pair.session.release(other);
  CHECK_FALSE(pair.session.has_streams());
}

TEST_CASE("streams that nobody released go with their session") {
  Pair pair;
  static_cast<void>(pair.ask(get()));
  static_cast<void>(pair.ask(post(), false));
}

TEST_CASE("what is no HTTP/2 ends the connection, and the client is told") {
  for (const std::string& bytes : std::vector<std::string>{
           frame(NGHTTP2_DATA, 0, 0, "x"), frame(NGHTTP2_HEADERS, kEndBoth, 2, request_block()),
           frame(NGHTTP2_HEADERS, kEndBoth, 1, "\xFF\xFF\xFF\xFF\xFF\xFF\xFF"),
           frame(NGHTTP2_WINDOW_UPDATE, 0, 0, std::string(4, '\0')),
           frame(NGHTTP2_SETTINGS, 0, 0, "12345"), frame(NGHTTP2_PING, 0, 0, "short")}) {
    Pair pair;
    pair.client.raw(bytes);
    pair.run();
    CHECK(pair.session.is_over());
    CHECK_FALSE(pair.session.trouble().empty());
    CHECK_FALSE(pair.session.was_flooded());
    REQUIRE(pair.client.goaways.size() == 1);
    CHECK(pair.client.goaways[0].second != NGHTTP2_NO_ERROR);
  }
}

TEST_CASE("what nghttp2 lets pass ends the connection all the same") {
  const std::string head = frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_STREAM, 1, request_block());
  const std::vector<std::pair<std::string, std::uint32_t>> offences{
      {frame(NGHTTP2_PRIORITY, 0, 0, "\0\0\0\0\x10"s), NGHTTP2_PROTOCOL_ERROR},
      // Section 5.1.1: stream 3 was left out, so it cannot be opened any more.
      {frame(NGHTTP2_HEADERS, kEndBoth, 5, request_block()) +
           frame(NGHTTP2_HEADERS, kEndBoth, 3, request_block()),
       NGHTTP2_PROTOCOL_ERROR},
      // Section 4.2.
      {head + frame(NGHTTP2_CONTINUATION, NGHTTP2_FLAG_END_HEADERS, 1, std::string(16'385, 'y')),
       NGHTTP2_FRAME_SIZE_ERROR}};
  for (const auto& [bytes, error] : offences) {
    Pair pair;
    pair.client.raw(bytes);
    pair.run();
    CHECK(pair.session.is_over());
    CHECK_FALSE(pair.session.trouble().empty());
    REQUIRE(pair.client.goaways.size() == 1);
    CHECK(pair.client.goaways[0].second == error);
  }
}

TEST_CASE("a client that speaks something else is told so in HTTP/2") {
  Workspace workspace;
  Session session(Session::Role::kServer, {}, workspace);
  CHECK_FALSE(session.receive(std::string_view("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), {}));
  CHECK_FALSE(session.trouble().empty());
  CHECK_FALSE(session.output().empty());
}

TEST_CASE("bytes may come one at a time") {
  Workspace workspace;
  Session session(Session::Role::kServer, {}, workspace);
  Client client({});
  client.ask(get("/slow"));
  for (const char byte : client.take()) REQUIRE(session.receive({&byte, 1}, {}));
  Stream* stream = session.next_news();
  REQUIRE(stream != nullptr);
  CHECK(stream->request.finish(false, {}) == "GET /slow HTTP/1.1\r\nhost: a\r\n\r\n");
  CHECK(session.next_news() == nullptr);
}

}  // namespace
}  // namespace tandem::lb::http2
