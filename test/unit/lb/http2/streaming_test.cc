// Bodies, windows, and what they hold of memory.
#include "test/unit/lb/http2/client.h"

#include <catch2/catch.hpp>
#include <malloc.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::lb::http2 {
namespace {

using namespace test;

/// Bytes that tell where they belong.
std::string body_of(std::size_t size, unsigned seed = 1) {
  std::string body(size, '\0');
  for (char& c : body) {
    seed = seed * 1'664'525U + 1'013'904'223U;
    c = static_cast<char>(seed >> 24U);
  }
  return body;
}

/// Bytes on the heap; no number of a build with sanitizers.
std::size_t heap_bytes() {
  const struct mallinfo2 info = ::mallinfo2();
  return info.uordblks + info.hblkhd;
}

TEST_CASE("an upload is held back by its window until its bytes are used") {
  Pair pair;
  Stream& stream = pair.ask(post(), false);
  const std::string body = body_of(300'000);
  pair.client.upload(stream.id(), body, true);
  pair.run();
  CHECK(stream.unread().size() == 65'535);
  CHECK_FALSE(stream.has_ended());
  std::string got;
  while (!stream.is_exhausted()) {
    REQUIRE_FALSE(stream.unread().empty());
    CHECK(stream.unread().size() <= 65'535);
    const std::size_t part = std::min<std::size_t>(stream.unread().size(), 40'000);
    got.append(stream.unread().substr(0, part));
    pair.session.consume(stream, part);
    pair.run();
  }
  CHECK(got == body);
}

TEST_CASE("a stream that nobody reads holds back no other") {
  Pair pair;
  std::vector<Stream*> streams;
  for (int i = 0; i < 40; ++i) {
    streams.push_back(&pair.ask(post(), false));
    pair.client.upload(streams.back()->id(), std::string(100'000, 'x'), true);
    pair.run();
    static_cast<void>(pair.news());
  }
  for (const Stream* stream : streams) CHECK(stream->unread().size() == 65'535);
}

TEST_CASE("a body can be had once more while it is short, and is credited once") {
  Pair pair;
  Stream& stream = pair.ask(post(), false);
  const std::string body = body_of(16 * 1024);
  pair.client.upload(stream.id(), body, false);
  pair.run();
  for (int round = 0; round < 5; ++round) {
    CHECK(stream.can_rewind());
    CHECK(stream.unread() == body);
    pair.session.consume(stream, 10'000);
    CHECK(stream.unread() == std::string_view(body).substr(10'000));
    pair.session.consume(stream, 6'384);
    CHECK(stream.unread().empty());
    if (round < 4) stream.rewind();
    pair.run();
  }
  CHECK(pair.client.window_left(stream.id()) == 65'535 - 16 * 1024);
  // Half a window was used: the client may send it anew.
  pair.client.upload(stream.id(), body, false);
  pair.run();
  pair.session.consume(stream, stream.unread().size());
  pair.run();
  CHECK_FALSE(stream.can_rewind());
  CHECK(pair.client.window_left(stream.id()) == 65'535);
}

TEST_CASE("bytes that were not taken before a rewind are credited when they are") {
  Pair pair;
  Stream& stream = pair.ask(post(), false);
  pair.client.upload(stream.id(), body_of(16'000), false);
  pair.run();
  pair.session.consume(stream, 1'000);
  stream.rewind();
  pair.session.consume(stream, 16'000);
  pair.client.upload(stream.id(), body_of(20'000), false);
  pair.run();
  pair.session.consume(stream, 20'000);
  pair.run();
  CHECK(pair.client.window_left(stream.id()) == 65'535);
}

TEST_CASE("an upload that is always taken a little late holds no more than its window") {
  Pair pair;
  Stream& stream = pair.ask(post(), false);
  const std::string body = body_of(8'000'000);
  pair.client.upload(stream.id(), body, true);
  pair.run();
  const std::size_t before = heap_bytes();
  std::size_t most = 0;
  std::size_t at = 0;
  while (!stream.is_exhausted()) {
    const std::size_t there = stream.unread().size();
    REQUIRE(there > 0);
    // The last byte stays until nothing comes behind it.
    const std::size_t part = there == 1 ? 1 : there - 1;
    REQUIRE(stream.unread().substr(0, part) == std::string_view(body).substr(at, part));
    at += part;
    pair.session.consume(stream, part);
    pair.run();
    most = std::max(most, heap_bytes());
  }
  CHECK(at == body.size());
  CHECK(most < before + 1'000'000);
}

TEST_CASE("an answer is held back by the client's window, and its end is news") {
  Pair pair({.window = 20'000, .opens_windows = false});
  Stream& stream = pair.ask(get());
  const std::string body = body_of(50'000);
  pair.send_head(stream, {{":status", "200"}});
  static_cast<void>(pair.news());
  pair.send(stream, body);
  CHECK_FALSE(stream.is_drained());
  pair.run();
  const Answer& got = pair.client.answer(stream.id());
  CHECK(got.body.size() == 20'000);
  CHECK_FALSE(stream.is_drained());
  static_cast<void>(pair.news());
  pair.client.open(stream.id(), 20'000);
  pair.run();
  CHECK(got.body.size() == 40'000);
  CHECK_FALSE(stream.is_drained());
  CHECK(pair.news().empty());
  pair.client.open(stream.id(), 20'000);
  pair.run();
  CHECK(stream.is_drained());
  CHECK(&pair.one() == &stream);
  CHECK(got.body == body);
  CHECK_FALSE(got.has_ended);
  pair.send(stream, {}, true);
  pair.run();
  CHECK(got.has_ended);
  CHECK(got.closed == NGHTTP2_NO_ERROR);
  CHECK_FALSE(stream.is_broken());
}

TEST_CASE("the end that waits behind a window comes with the last bytes, trailers too") {
  for (const std::string_view trailers : {"", "x-sum: 1\r\n"}) {
    Pair pair({.window = 10'000, .opens_windows = false});
    Stream& stream = pair.ask(get());
    const std::string body = body_of(25'000);
    pair.send_head(stream, {{":status", "200"}});
    pair.send(stream, body, true, trailers);
    CHECK(stream.has_finished());
    const Answer& got = pair.client.answer(stream.id());
    for (int i = 0; i < 4 && !got.has_ended; ++i) {
      CHECK_FALSE(stream.is_drained());
      pair.run();
      if (!got.has_ended) pair.client.open(stream.id(), 10'000);
    }
    CHECK(got.body == body);
    CHECK(got.trailers.empty() == trailers.empty());
    CHECK(got.closed == NGHTTP2_NO_ERROR);
    CHECK(stream.is_drained());
    CHECK_FALSE(stream.is_broken());
  }
}

TEST_CASE("pieces of any size arrive as one body, sent at once or kept") {
  const std::string body = body_of(70'000);
  const std::vector<std::vector<std::size_t>> cases = {
      {0},
      {0, 1, 0, 0, 2, 0},
      {16'384},
      {16'384, 16'384},
      {16'383, 1, 16'385},
      {1, 1, 1, 1, 1, 1, 1, 1},
      {32'768, 0, 5},
      {65'535},
      {65'535, 1},
      {30'000, 0, 40'000},
      {5, 60'000, 0, 9'995},
  };
  for (const std::uint32_t window : {100U, 16'384U, 65'535U, 1'000'000U}) {
    for (const auto& sizes : cases) {
      for (const bool last : {false, true}) {
        INFO("window " << window << ", pieces "
                       << Catch::StringMaker<std::vector<std::size_t>>::convert(sizes));
        Pair pair({.window = window});
        Stream& stream = pair.ask(get());
        pair.send_head(stream, {{":status", "200"}});
        std::vector<iovec> pieces;
        std::size_t total = 0;
        // What was given is of no more use afterwards.
        std::string given = body;
        for (const std::size_t size : sizes) {
          pieces.push_back({.iov_base = given.data() + total, .iov_len = size});
          total += size;
        }
        pair.session.send(stream, pieces, last, {});
        given.assign(given.size(), '!');
        pieces.clear();
        pair.run();
        CHECK(stream.is_drained());
        CHECK(pair.client.answer(stream.id()).body == body.substr(0, total));
        CHECK(pair.client.answer(stream.id()).has_ended == last);
      }
    }
  }
}

TEST_CASE("an answer that is let go of while bytes of it wait breaks off, and does not hang") {
  Pair pair({.window = 10'000, .opens_windows = false});
  Stream& stream = pair.ask(get());
  const std::int32_t id = stream.id();
  pair.send_head(stream, {{":status", "200"}});
  pair.send(stream, body_of(30'000), true);
  pair.run();
  pair.session.release(stream);
  CHECK_FALSE(pair.session.has_streams());
  pair.client.open(id, 10'000);
  pair.run();
  CHECK_FALSE(pair.client.answer(id).has_ended);
  CHECK(pair.client.answer(id).closed == NGHTTP2_INTERNAL_ERROR);
  CHECK(pair.goes_on);
}

TEST_CASE("a stream that is reset while its bytes wait is broken, and its bytes are gone") {
  Pair pair({.window = 10'000, .opens_windows = false});
  Stream& stream = pair.ask(get());
  pair.send_head(stream, {{":status", "200"}});
  pair.send(stream, body_of(30'000), true);
  pair.run();
  pair.client.reset(stream.id());
  pair.run();
  CHECK(stream.is_broken());
  CHECK(pair.client.answer(stream.id()).body.size() == 10'000);
  pair.session.release(stream);
}

TEST_CASE("what waits for a client that reads nothing is bounded, and nothing of it is lost") {
  Pair pair({.window = 10'000'000});
  const std::string body = body_of(100'000);
  std::vector<std::int32_t> ids;
  for (int i = 0; i < 100; ++i) ids.push_back(pair.client.ask(get()));
  pair.run();
  const std::vector<Stream*> streams = pair.news();
  REQUIRE(streams.size() == 100);
  constexpr std::size_t kMost = Session::kOutputBytesMax + 16'384 + 9;
  for (Stream* stream : streams) {
    pair.send_head(*stream, {{":status", "200"}});
    pair.send(*stream, body, true);
    CHECK(pair.session.output().size() <= kMost);
  }
  CHECK(streams.front()->is_drained());
  CHECK_FALSE(streams.back()->is_drained());
  pair.run();
  for (const std::int32_t id : ids) {
    CHECK(pair.client.answer(id).body == body);
    CHECK(pair.client.answer(id).closed == NGHTTP2_NO_ERROR);
  }
}

TEST_CASE("output that is never taken whole holds no more than what waits") {
  Pair pair({.window = 100'000'000});
  Stream& stream = pair.ask(get());
  pair.send_head(stream, {{":status", "200"}});
  const std::string body = body_of(100'000);
  const std::size_t before = heap_bytes();
  std::size_t most = 0;
  std::size_t sent = 0;
  for (int i = 0; i < 80; ++i) {
    pair.send(stream, body);
    sent += body.size();
    // As a socket does that is always full: a part of it.
    while (!stream.is_drained()) {
      const std::string_view out = pair.session.output();
      REQUIRE(out.size() > 1);
      const std::size_t part = std::min<std::size_t>(out.size() - 1, 30'000);
      pair.client.receive(out.substr(0, part));
      pair.session.output_sent(part);
      const std::size_t of_client = pair.client.answer(stream.id()).body.capacity();
      most = std::max(most, heap_bytes() - std::min(heap_bytes(), of_client));
    }
  }
  pair.run();
  CHECK(pair.client.answer(stream.id()).body.size() == sent);
  CHECK(most < before + 2'000'000);
}

TEST_CASE("a session that has served much holds what an idle one holds") {
  Pair pair;
  const auto serve = [&pair](int count) {
    for (int i = 0; i < count; ++i) {
      Stream& stream = pair.ask(post(), false);
      pair.client.upload(stream.id(), std::string(30'000, 'x'), true);
      pair.run();
      pair.session.consume(stream, stream.unread().size());
      pair.send_head(stream, {{":status", "200"}});
      pair.send(stream, std::string(30'000, 'y'), true);
      pair.run();
      for (Stream* done : pair.news()) {
        REQUIRE(done->is_closed());
        pair.session.release(*done);
      }
      pair.client.forget();
    }
  };
  serve(20);
  const std::size_t before = heap_bytes();
  serve(500);
  CHECK(heap_bytes() < before + 200'000);
  CHECK_FALSE(pair.session.has_streams());
  CHECK_FALSE(pair.session.has_output());
}

}  // namespace
}  // namespace tandem::lb::http2
