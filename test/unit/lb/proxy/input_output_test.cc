#include "lb/proxy/input.h"
#include "lb/proxy/output.h"
#include "test/unit/lb/proxy/sockets.h"

#include <vector>

namespace tandem::lb::proxy {
namespace {

iovec piece(std::string_view bytes) {
  return {.iov_base = const_cast<char*>(bytes.data()), .iov_len = bytes.size()};
}

struct Bench {
  event::Loop loop;
  event::Poller poller{loop};
  BufferPool pool;
  std::vector<char> scratch = std::vector<char>(1024);
};

TEST_CASE("Input reads a head in parts and gives its block back when all is consumed") {
  Bench bench;
  Pair pair(bench.poller);
  Input input;
  pair.give("GET / HT");
  REQUIRE(input.append(pair.ours, bench.pool).bytes == 8);
  pair.ours.set_readable(true);
  pair.give("TP/1.1\r\n\r\nrest");
  REQUIRE(input.append(pair.ours, bench.pool).bytes == 14);
  CHECK(input.unread() == "GET / HTTP/1.1\r\n\r\nrest");
  const char* base = input.pin();
  input.consume(18);
  CHECK(input.unread() == "rest");
  input.consume(4);
  CHECK(std::string_view(base, 5) == "GET /");
  CHECK(bench.pool.in_use() == BufferPool::kBlockBytes);
  input.unpin();
  CHECK(bench.pool.in_use() == 0);
}

TEST_CASE("Input holds no block after a read that found nothing") {
  Bench bench;
  Pair pair(bench.poller);
  Input input;
  CHECK(input.append(pair.ours, bench.pool).status == event::Transfer::Status::kBlocked);
  CHECK(bench.pool.in_use() == 0);
  pair.finish();
  pair.ours.set_readable(true);
  CHECK(input.append(pair.ours, bench.pool).status == event::Transfer::Status::kEnd);
  CHECK(bench.pool.in_use() == 0);
}

TEST_CASE(
    "Input moves what is unread to the front when there is no room behind, and says when full") {
  Bench bench;
  Pair pair(bench.poller);
  Input input;
  const std::string bytes = pattern(BufferPool::kBlockBytes + 100);
  REQUIRE(pair.give(bytes) == bytes.size());
  REQUIRE(input.append(pair.ours, bench.pool).bytes == BufferPool::kBlockBytes);
  const event::Transfer full = input.append(pair.ours, bench.pool);
  CHECK(full.status == event::Transfer::Status::kDone);
  CHECK(full.bytes == 0);
  input.consume(60);
  REQUIRE(input.append(pair.ours, bench.pool).bytes == 60);
  CHECK(input.unread() == std::string_view(bytes).substr(60, BufferPool::kBlockBytes));
}

TEST_CASE("Input parks a body's bytes beside a pinned head, and they become the next block") {
  Bench bench;
  Pair pair(bench.poller);
  Input input;
  pair.give("HEAD");
  REQUIRE(input.append(pair.ours, bench.pool).bytes == 4);
  const char* base = input.pin();
  input.consume(4);
  pair.ours.set_readable(true);
  pair.give("body and the next request");
  REQUIRE(input.fill(pair.ours, bench.scratch).bytes == 25);
  input.consume(5);
  input.park(bench.pool);
  std::fill(bench.scratch.begin(), bench.scratch.end(), 'X');
  CHECK(input.unread() == "and the next request");
  CHECK(std::string_view(base, 4) == "HEAD");
  input.unpin();
  CHECK(bench.pool.in_use() == BufferPool::kBlockBytes);
  pair.ours.set_readable(true);
  pair.give("!");
  REQUIRE(input.append(pair.ours, bench.pool).bytes == 1);
  CHECK(input.unread() == "and the next request!");
}

TEST_CASE("Input can be read again from the head only while nothing has been taken since") {
  Bench bench;
  Pair pair(bench.poller);
  Input input;
  pair.give("HEADbody");
  REQUIRE(input.append(pair.ours, bench.pool).bytes == 8);
  static_cast<void>(input.pin());
  input.consume(8);
  REQUIRE(input.untouched_since_pin());

  SECTION("a read that finds nothing takes nothing") {
    pair.ours.set_readable(true);
    REQUIRE(input.fill(pair.ours, bench.scratch).bytes == 0);
    REQUIRE(input.untouched_since_pin());
    input.rewind(4);
    CHECK(input.unread() == "body");
  }
  SECTION("a read takes") {
    pair.ours.set_readable(true);
    pair.give("more");
    REQUIRE(input.fill(pair.ours, bench.scratch).bytes == 4);
    CHECK_FALSE(input.untouched_since_pin());
  }
  SECTION("a splice takes") {
    input.note_taken_past();
    CHECK_FALSE(input.untouched_since_pin());
  }
  SECTION("without a pin there is nothing to go back to") {
    input.unpin();
    CHECK_FALSE(input.untouched_since_pin());
  }
}

TEST_CASE("Output writes a held head and the body together") {
  Bench bench;
  Pair pair(bench.poller);
  Output output;
  output.hold("head ");
  CHECK_FALSE(output.is_empty());
  CHECK(pair.receive().empty());
  const std::array body = {piece("one "), piece("two")};
  REQUIRE(output.send(pair.ours, body));
  CHECK(output.is_empty());
  CHECK(pair.receive() == "head one two");
  CHECK(output.bytes_sent() == 12);
  CHECK_FALSE(pair.ours.watched());
}

TEST_CASE("Output keeps what a full socket does not take, in order, and watches for room") {
  Bench bench;
  Pair pair(bench.poller, 4096);
  Output output;
  const std::string body = pattern(300'000);
  output.hold("head ");
  const std::array pieces = {piece(body)};
  REQUIRE(output.send(pair.ours, pieces));
  REQUIRE(output.is_waiting());
  CHECK(pair.ours.watched());
  CHECK_FALSE(pair.ours.writable());
  std::string got = pair.receive();
  CHECK(output.bytes_sent() == got.size());

  output.hold(" behind");  // copied: the view may go
  for (int round = 0; round < 2000 && output.is_waiting(); ++round) {
    pair.ours.set_writable(true);
    REQUIRE(output.flush(pair.ours));
    got += pair.receive();
  }
  CHECK(output.is_empty());
  CHECK(got == "head " + body + " behind");
  CHECK(output.bytes_sent() == got.size());
}

TEST_CASE("Output sends nothing into a socket that is known to be full") {
  Bench bench;
  Pair pair(bench.poller);
  Output output;
  pair.ours.set_writable(false);
  REQUIRE(output.send_behind(pair.ours, "100 Continue "));
  REQUIRE(output.send_behind(pair.ours, "200 OK"));
  CHECK(output.is_waiting());
  CHECK(output.bytes_sent() == 0);
  CHECK(pair.receive().empty());
  pair.ours.set_writable(true);
  REQUIRE(output.flush(pair.ours));
  CHECK(pair.receive() == "100 Continue 200 OK");
}

TEST_CASE("Output says when the connection is broken") {
  Bench bench;
  Pair pair(bench.poller);
  Output output;
  pair.theirs.reset();
  CHECK_FALSE(output.send_behind(pair.ours, "bytes"));
  output.reset();
  CHECK(output.is_empty());
}

}  // namespace
}  // namespace tandem::lb::proxy
