// What a client may do for nothing, and when it is told to calm down.
#include "test/unit/lb/http2/client.h"

#include <catch2/catch.hpp>

#include <chrono>
#include <string>
#include <string_view>

namespace tandem::lb::http2 {
namespace {

using namespace test;
using namespace std::chrono_literals;
using namespace std::string_literals;

/// How many times `bytes` may come before the connection is over. The client does not mind what it
/// is answered.
int allowed(Pair& pair, const std::string& bytes, int most) {
  for (int i = 0; i < most; ++i) {
    if (!pair.session.receive(bytes, pair.now)) {
      pair.goes_on = false;
      return i;
    }
    pair.session.output_sent(pair.session.output().size());
  }
  return most;
}

void check_was_flooded(Pair& pair) {
  CHECK_FALSE(pair.goes_on);
  CHECK(pair.session.was_flooded());
  CHECK_FALSE(pair.session.trouble().empty());
  pair.run();
  REQUIRE(pair.client.goaways.size() == 1);
  CHECK(pair.client.goaways[0].second == NGHTTP2_ENHANCE_YOUR_CALM);
  CHECK(pair.session.is_over());
}

/// Opens a stream and leaves it.
void ask_and_leave(Pair& pair) {
  Stream& stream = pair.ask(get());
  pair.client.reset(stream.id());
  pair.run();
  pair.session.release(stream);
}

TEST_CASE("streams that are opened and left: a page of them at once, then a few each second") {
  Pair pair;
  // A little less than a second's worth is there already, after the handshake.
  for (int i = 0; i < 150; ++i) {
    ask_and_leave(pair);
    REQUIRE(pair.goes_on);
  }
  pair.now += 1s;
  for (int i = 0; i < 20; ++i) {
    ask_and_leave(pair);
    REQUIRE(pair.goes_on);
  }
  CHECK(pair.session.take_resets() == 170);
  ask_and_leave(pair);
  check_was_flooded(pair);
}

TEST_CASE("frames that ask for nothing") {
  const std::string ping = frame(NGHTTP2_PING, 0, 0, "12345678");
  const std::string settings = frame(NGHTTP2_SETTINGS, 0, 0, "");
  const std::string update = frame(NGHTTP2_WINDOW_UPDATE, 0, 0, "\0\0\0\1"s);
  const std::string priority = frame(NGHTTP2_PRIORITY, 0, 1, "\0\0\0\0\x10"s);
  const std::string unknown = frame(0xFA, 0, 0, "who knows");
  for (const std::string& bytes : {ping, settings, update, priority, unknown}) {
    INFO("frame of type " << static_cast<int>(bytes[3]));
    Pair pair;
    const int count = allowed(pair, bytes, 1'100);
    CHECK(count >= 990);
    CHECK(count <= 1'000);
    check_was_flooded(pair);
  }
}

TEST_CASE("frames that ask for nothing may come slowly for ever") {
  Pair pair;
  for (int second = 0; second < 50; ++second) {
    pair.now += 1s;
    REQUIRE(allowed(pair, frame(NGHTTP2_PING, 0, 0, "12345678"), 200) == 200);
  }
  CHECK_FALSE(pair.session.was_flooded());
}

TEST_CASE("DATA frames without data") {
  Pair pair;
  Stream& stream = pair.ask(post(), false);
  CHECK(allowed(pair, frame(NGHTTP2_DATA, 0, stream.id(), ""), 1'100) <= 1'000);
  check_was_flooded(pair);
}

TEST_CASE("DATA frames with nothing but padding") {
  Pair pair;
  Stream& stream = pair.ask(post(), false);
  CHECK(allowed(pair, frame(NGHTTP2_DATA, NGHTTP2_FLAG_PADDED, stream.id(), "\x03\0\0\0"s),
                1'100) <= 1'000);
  check_was_flooded(pair);
}

TEST_CASE("heads that are too large") {
  Pair pair;
  int count = 0;
  Fields fields = get();
  fields.emplace_back("x", std::string(10'000, 'v'));
  fields.emplace_back("y", std::string(10'000, 'v'));
  for (; count < 100 && pair.goes_on; ++count) {
    pair.client.ask(fields);
    pair.run();
    for (Stream* stream : pair.news()) {
      pair.send_head(*stream, {{":status", "431"}}, true);
      pair.run();
      pair.session.release(*stream);
    }
  }
  CHECK(count >= 49);
  CHECK(count <= 51);
  check_was_flooded(pair);
}

TEST_CASE("a head of references that would be megabytes is not taken apart to its end") {
  Pair pair;
  // Literal with indexing, then one byte for each time it is meant again (RFC 7541 section 6.1).
  const std::string entry = "\x40\x01x\x7f\xa1\x1d"s + std::string(3'872, 'v');
  pair.client.raw(frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_STREAM | NGHTTP2_FLAG_END_HEADERS, 1,
                        request_block() + entry + std::string(12'000, '\xBE')));
  pair.upload();
  check_was_flooded(pair);
}

TEST_CASE("header sections for a stream that is no more") {
  Pair pair;
  ask_and_leave(pair);
  const std::string again = frame(
      NGHTTP2_HEADERS, NGHTTP2_FLAG_END_STREAM | NGHTTP2_FLAG_END_HEADERS, 1, literal("x", "y"));
  CHECK(allowed(pair, again, 1'100) <= 1'000);
  check_was_flooded(pair);
}

TEST_CASE("offences that break streams count as resets of them") {
  Pair pair;
  int count = 0;
  for (std::int32_t id = 1; count < 300 && pair.goes_on; id += 2, ++count) {
    // What comes back is not for the client: it has opened none of these.
    const std::string bytes =
        frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_STREAM | NGHTTP2_FLAG_END_HEADERS, id,
              request_block() + literal("X", "y"));
    pair.goes_on = pair.session.receive(bytes, pair.now);
    if (pair.goes_on) pair.session.output_sent(pair.session.output().size());
    for (Stream* stream : pair.news()) pair.session.release(*stream);
  }
  CHECK(count >= 149);
  CHECK(count <= 152);
  check_was_flooded(pair);
}

TEST_CASE("a head in more frames than it needs") {
  const auto come = [](int continuations) {
    Pair pair;
    pair.client.raw(frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_STREAM, 1, ""));
    for (int i = 1; i < continuations; ++i) pair.client.raw(frame(NGHTTP2_CONTINUATION, 0, 1, ""));
    pair.client.raw(frame(NGHTTP2_CONTINUATION, NGHTTP2_FLAG_END_HEADERS, 1, request_block()));
    pair.upload();
    return pair.goes_on;
  };
  CHECK(come(1));
  CHECK(come(8));
  CHECK_FALSE(come(9));
  CHECK_FALSE(come(1'000));
}

TEST_CASE("answers that a client does not read may not pile up") {
  Pair pair;
  int count = 0;
  // Nothing is taken of what the session has to say.
  for (; count < 2'000 && pair.goes_on; ++count) {
    pair.now += 1s;
    pair.client.raw(frame(NGHTTP2_PING, 0, 0, "12345678"));
    pair.upload();
  }
  CHECK(count < 600);
  CHECK(pair.session.was_flooded());
}

TEST_CASE("updates of windows that answer our own frames are no flood") {
  Pair pair;
  Stream& stream = pair.ask(get());
  pair.send_head(stream, {{":status", "200"}});
  // One for the stream and one for the connection, for each frame.
  for (int i = 0; i < 3'000; ++i) {
    pair.send(stream, "0123456789");
    pair.client.raw(frame(NGHTTP2_WINDOW_UPDATE, 0, stream.id(), "\0\0\0\x0A"s));
    pair.client.raw(frame(NGHTTP2_WINDOW_UPDATE, 0, 0, "\0\0\0\x0A"s));
    pair.run();
    REQUIRE(pair.goes_on);
  }
  CHECK_FALSE(pair.session.was_flooded());
}

TEST_CASE("a client that uploads much in small frames is no flood") {
  Pair pair;
  Stream& stream = pair.ask(post(), false);
  for (int i = 0; i < 5'000; ++i) {
    pair.client.upload(stream.id(), "x", false);
    pair.run();
    pair.session.consume(stream, stream.unread().size());
  }
  CHECK(pair.goes_on);
  // The empty frame that ends it is one that is needed.
  pair.client.raw(frame(NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, stream.id(), ""));
  pair.run();
  CHECK(stream.is_exhausted());
}

}  // namespace
}  // namespace tandem::lb::http2
