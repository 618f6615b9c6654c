#include "test/unit/lb/proxy/pump_bench.h"

#include <vector>

namespace tandem::lb::proxy {
namespace {

using Kind = http::BodyFraming::Kind;
using State = Pump::State;

constexpr std::size_t kLarge = 600'000;  // several pipes full

/// The data of a chunked body, strictly read; nullopt if it is none or has no end.
std::optional<std::string> unchunked(std::string_view coded) {
  std::string data;
  http::ChunkedDecoder decoder(http::FieldSection::Role::kResponse, {});
  for (;;) {
    const http::BodyStep step = decoder.step(coded);
    coded.remove_prefix(step.consumed);
    if (step.kind == http::BodyStep::Kind::kData) data += step.data;
    if (step.kind == http::BodyStep::Kind::kEnd && coded.empty()) return data;
    if (step.kind == http::BodyStep::Kind::kEnd || step.kind == http::BodyStep::Kind::kError ||
        (step.kind == http::BodyStep::Kind::kNeedMore))
      return std::nullopt;
  }
}

TEST_CASE("The pump moves a body of known length, small ones by copying, large ones by splicing") {
  const auto size = GENERATE(std::size_t{0}, std::size_t{1}, std::size_t{9'000},
                             std::size_t{16'384}, std::size_t{200'000}, kLarge);
  const int buffer = GENERATE(0, 4096);
  CAPTURE(size, buffer);
  PumpBench bench({.kind = Kind::kLength, .length = size}, false, buffer);
  const std::string body = pattern(size);
  bench.output.hold("head\n");
  REQUIRE(bench.pass(body) == State::kDone);
  CHECK(bench.got == "head\n" + body);
  CHECK(bench.pump.bytes() == size);
  CHECK((bench.pump.bytes_spliced() > 0) == (size >= kSpliceLengthBytesMin));
  CHECK(bench.output.bytes_sent() == size + 5);
  CHECK(bench.source.finished());
  CHECK(bench.cells.pipes_used.value() == 0);
}

TEST_CASE("The pump stops at the end of a body and leaves what follows unread") {
  PumpBench bench({.kind = Kind::kLength, .length = 20'000});
  const std::string body = pattern(20'000);
  REQUIRE(bench.pass(body + "NEXT") == State::kDone);
  CHECK(bench.got == body);
  std::string rest(bench.input.unread());
  std::array<char, 16> more{};
  const ssize_t count = ::recv(bench.from.ours.fd(), more.data(), more.size(), 0);
  if (count > 0) rest.append(more.data(), static_cast<std::size_t>(count));
  CHECK(rest == "NEXT");
}

TEST_CASE("The pump passes chunks on as chunks, spliced ones included") {
  const auto size = GENERATE(std::size_t{1}, std::size_t{5'000}, std::size_t{100'000}, kLarge);
  const int buffer = GENERATE(0, 4096);
  CAPTURE(size, buffer);
  PumpBench bench({.kind = Kind::kChunked}, true, buffer);
  const std::string body = pattern(size);
  const std::string coded = chunk(body) + chunk("between") + chunk(body) + "0\r\n\r\n";
  REQUIRE(bench.pass(coded) == State::kDone);
  CHECK(unchunked(bench.got) == body + "between" + body);
  CHECK((bench.pump.bytes_spliced() > 0) == (size == kLarge));
}

TEST_CASE("The pump hands trailers on behind the last chunk") {
  PumpBench bench({.kind = Kind::kChunked}, true);
  REQUIRE(bench.pass(chunk("data") + "0\r\nX-Sum:  42\r\n\r\n") == State::kDone);
  CHECK(bench.got == "4\r\ndata\r\n0\r\nX-Sum: 42\r\n\r\n");
}

TEST_CASE("The pump takes chunks off for a peer that knows none") {
  PumpBench bench({.kind = Kind::kChunked}, false);
  const std::string body = pattern(kLarge);
  REQUIRE(bench.pass(chunk(body) + chunk("end") + "0\r\n\r\n") == State::kDone);
  CHECK(bench.got == body + "end");
}

TEST_CASE("A body that ends with the connection becomes chunks with an end") {
  const auto size = GENERATE(std::size_t{0}, std::size_t{3'000}, kLarge, std::size_t{3'000'000});
  CAPTURE(size);
  PumpBench bench({.kind = Kind::kUntilClose}, true);
  const std::string body = pattern(size);
  REQUIRE(bench.pass(body) == State::kWaitsForSource);
  CHECK_FALSE(unchunked(bench.got).has_value());
  bench.from.finish();
  REQUIRE(bench.pass("") == State::kDone);
  CHECK(unchunked(bench.got) == body);
}

TEST_CASE("A source that ends early is broken, and the sink is not given an end") {
  struct Row {
    const char* what;
    http::BodyFraming framing;
    std::string bytes;
  };
  const auto row = GENERATE(
      Row{"nothing of a length", {.kind = Kind::kLength, .length = 10}, ""},
      Row{"half a length", {.kind = Kind::kLength, .length = 10}, "12345"},
      Row{"a spliced length", {.kind = Kind::kLength, .length = kLarge}, pattern(kLarge - 1)},
      Row{"no last chunk", {.kind = Kind::kChunked}, chunk("data")},
      Row{"half a spliced chunk", {.kind = Kind::kChunked}, "40000\r\n" + pattern(100'000)},
      Row{"half a last chunk", {.kind = Kind::kChunked}, chunk("data") + "0\r\n"});
  CAPTURE(row.what);
  const bool chunked = row.framing.kind == Kind::kChunked;
  PumpBench bench(row.framing, chunked);
  bench.pass(row.bytes);
  bench.from.finish();
  CHECK(bench.pass("") == State::kSourceBroken);
  if (chunked) CHECK_FALSE(unchunked(bench.got).has_value());
}

TEST_CASE("What is no body is malformed") {
  PumpBench bench({.kind = Kind::kChunked}, true);
  CHECK(bench.pass("5 \r\nhello\r\n") == State::kSourceMalformed);
}

TEST_CASE("A sink that has gone is broken, whether copied to or spliced to") {
  const auto size = GENERATE(std::size_t{100}, kLarge);
  PumpBench bench({.kind = Kind::kLength, .length = size});
  bench.to.theirs.reset();
  bench.from.give(pattern(size));
  CHECK(bench.turn() == State::kSinkBroken);
}

TEST_CASE("A sink that takes nothing holds the source back") {
  const bool chunked = GENERATE(false, true);
  const std::size_t chunks = 200;
  PumpBench bench(chunked ? http::BodyFraming{.kind = Kind::kChunked}
                          : http::BodyFraming{.kind = Kind::kLength, .length = 4'000'000},
                  chunked, 4096);
  std::string bytes;
  for (std::size_t i = 0; i < chunks; ++i)
    bytes += chunked ? chunk(pattern(10'000)) : pattern(10'000);
  std::size_t given = 0;
  State state = State::kWaitsForSource;
  for (int round = 0; round < 100; ++round) {
    given += bench.from.give(std::string_view(bytes).substr(given));
    state = bench.turn();
  }
  CHECK(state == State::kWaitsForSink);
  CHECK(bench.to.ours.watched());
  // One read's worth or one pipe, and what the kernel holds for the two sockets.
  CHECK(bench.pump.bytes() <= bench.scratch.size() + PipePool::kLargePipeBytes);
  CHECK(given < bytes.size());
}

TEST_CASE("The head of a body that is slow to come goes out at once") {
  const auto framing = GENERATE(http::BodyFraming{.kind = Kind::kLength, .length = 10},
                                http::BodyFraming{.kind = Kind::kLength, .length = kLarge},
                                http::BodyFraming{.kind = Kind::kChunked});
  PumpBench bench(framing, framing.kind == Kind::kChunked);
  bench.output.hold("head\n");
  CHECK(bench.turn() == State::kWaitsForSource);
  CHECK(bench.to.receive() == "head\n");
}

TEST_CASE("One connection does not keep the pump for itself") {
  PumpBench bench({.kind = Kind::kLength, .length = 100'000'000});
  const std::string bytes = pattern(100'000);
  std::uint64_t moved = 0;
  State state = State::kWaitsForSource;
  // Both ends are emptied and filled from inside the sink, so that the pump never has to wait.
  struct Endless final : BodySink {
    explicit Endless(PumpBench& owner, std::string_view refill) : bench(owner), more(refill) {}
    bool is_drained() const override { return true; }
    bool flush() override { return true; }
    bool send(std::span<const iovec>, bool, std::string_view) override { return refilled(); }
    bool can_splice() const override { return true; }
    bool begin_splice(std::uint64_t) override { return refilled(); }
    void spliced(std::uint64_t) override { static_cast<void>(refilled()); }
    event::Socket& socket() override { return bench.to.ours; }
    bool refilled() {
      bench.to.receive();
      bench.from.give(more);
      bench.from.ours.set_readable(true);
      return true;
    }
    PumpBench& bench;
    std::string_view more;
  } sink(bench, bytes);
  bench.from.give(bytes);
  bench.from.ours.set_readable(true);
  state = bench.pump.run(bench.source, sink);
  moved = bench.pump.bytes();
  CHECK(state == State::kYields);
  CHECK(moved >= 2'000'000);
  CHECK(moved < 4'000'000);
}

TEST_CASE("After the end the pump only helps the sink to drain, and writes no second end") {
  PumpBench bench({.kind = Kind::kChunked}, true);
  bench.from.give(chunk("data") + "0\r\n\r\n");
  bench.from.ours.set_readable(true);
  bench.to.ours.set_writable(false);
  REQUIRE(bench.pump.run(bench.source, bench.sink) == State::kDone);
  CHECK(bench.output.is_waiting());
  CHECK(bench.pump.run(bench.source, bench.sink) == State::kWaitsForSink);
  CHECK(bench.turn() == State::kDone);
  CHECK(bench.turn() == State::kDone);
  CHECK(bench.to.receive() == "4\r\ndata\r\n0\r\n\r\n");
}

TEST_CASE("A close that was waited for while the sink was full is still the end") {
  PumpBench bench({.kind = Kind::kUntilClose}, false);
  bench.from.give("bytes");
  bench.from.ours.set_readable(true);
  bench.to.ours.set_writable(false);
  REQUIRE(bench.pump.run(bench.source, bench.sink) == State::kWaitsForSink);
  bench.from.finish();
  CHECK(bench.turn() == State::kDone);
  CHECK(bench.turn() == State::kDone);
  CHECK(bench.to.receive() == "bytes");
}

TEST_CASE("Without pipes a body is copied") {
  PumpBench bench({.kind = Kind::kLength, .length = 100'000});
  std::vector<PipeLease> all;
  for (;;) {
    PipeLease lease = bench.pipes.take();
    if (!lease) break;
    all.push_back(std::move(lease));
  }
  REQUIRE_FALSE(all.empty());
  const std::string body = pattern(100'000);
  REQUIRE(bench.pass(body) == State::kDone);
  CHECK(bench.got == body);
  CHECK(bench.pump.bytes_spliced() == 0);
}

TEST_CASE("A spliced request cannot be sent again from its beginning") {
  PumpBench bench({.kind = Kind::kLength, .length = 100'000});
  bench.from.give("HEAD");
  bench.from.ours.set_readable(true);
  REQUIRE(bench.input.append(bench.from.ours, bench.pool).bytes == 4);
  static_cast<void>(bench.input.pin());
  bench.input.consume(4);
  REQUIRE(bench.input.untouched_since_pin());
  bench.pass(pattern(50'000));
  REQUIRE(bench.pump.bytes_spliced() == 50'000);
  CHECK_FALSE(bench.input.untouched_since_pin());
}

TEST_CASE("The pipe pool has a bound, counts, and keeps only empty pipes") {
  figures::WorkerCells cells;
  PipePool pool(cells, 1);
  PipeLease first = pool.take();
  REQUIRE(first);
  CHECK(first->capacity >= PipePool::kPipeBytesWorthwhile);
  CHECK(cells.pipes_used.value() == 1);
  const int fd = first->read_end.get();
  first.reset();
  CHECK(cells.pipes_used.value() == 0);
  CHECK(cells.pipes_free.value() == 1);
  PipeLease second = pool.take();
  CHECK(second->read_end.get() == fd);  // the same pipe again
  second->bytes = 1;
  second = {};
  CHECK(cells.pipes_free.value() == 0);

  std::vector<PipeLease> all;
  while (all.size() <= PipePool::kPipesMax) {
    PipeLease lease = pool.take();
    if (!lease) break;
    all.push_back(std::move(lease));
  }
  CHECK(all.size() <= PipePool::kPipesMax);
  CHECK_FALSE(pool.take());
  all.clear();
  CHECK(cells.pipes_used.value() == 0);
  CHECK(cells.pipes_free.value() <= static_cast<std::int64_t>(PipePool::kFreeMax));
}

}  // namespace
}  // namespace tandem::lb::proxy
