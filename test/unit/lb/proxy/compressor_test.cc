// The compressing sink under a pump and inside an exchange, with the decoders of zlib and brotli on
// the other end.
#include "lb/proxy/compressor.h"

#include "http/chunked.h"
#include "test/unit/lb/compression/decoding.h"
#include "test/unit/lb/proxy/pump_bench.h"
#include "test/unit/lb/proxy/stage.h"

#include <fmt/format.h>

#include <optional>
#include <string>
#include <vector>

namespace tandem::lb::proxy {
namespace {

using http::ContentCoding;
using enum http::ContentCoding;
using Kind = http::BodyFraming::Kind;
using State = Pump::State;

/// What has come of a chunked body.
struct Chunks {
  std::string data;
  std::string trailers;
  bool has_ended = false;
};

Chunks unchunked(std::string_view coded) {
  Chunks chunks;
  http::ChunkedDecoder decoder(http::FieldSection::Role::kResponse, {});
  for (;;) {
    const http::BodyStep step = decoder.step(coded);
    coded.remove_prefix(step.consumed);
    if (step.kind == http::BodyStep::Kind::kData) {
      chunks.data += step.data;
      continue;
    }
    REQUIRE(step.kind != http::BodyStep::Kind::kError);
    chunks.has_ended = step.kind == http::BodyStep::Kind::kEnd;
    if (chunks.has_ended) chunks.trailers = decoder.trailers();
    return chunks;
  }
}

/// A pump with a compressor between it and the client.
struct Bench : PumpBench {
  explicit Bench(ContentCoding with, const http::BodyFraming& framing, int buffer_bytes = 0)
      : PumpBench(framing, true, buffer_bytes), coding(with) {
    compressor.begin(encoders.take({.coding = coding, .level = 3}), coding);
    compressor.attach(sink);
    pumps_into = &compressor;
  }
  [[nodiscard]] compression::Decoded decoded() const {
    return compression::decode(coding, unchunked(got).data);
  }

  ContentCoding coding;
  compression::EncoderPool encoders{cells};
  Compressor compressor;
};

TEST_CASE("A body of known length is compressed whole, also for a client that is slow to read") {
  const auto coding = GENERATE(kGzip, kBrotli);
  const auto size = GENERATE(std::size_t{1}, std::size_t{20'000}, std::size_t{1'000'000});
  const auto buffer = GENERATE(0, 4096);
  CAPTURE(size, buffer);
  Bench bench(coding, {.kind = Kind::kLength, .length = size}, buffer);
  const std::string body = pattern(size);
  REQUIRE(bench.pass(body) == State::kDone);
  CHECK(unchunked(bench.got).has_ended);
  CHECK(bench.decoded().is_whole);
  CHECK((bench.decoded().text == body));
  CHECK(bench.pump.bytes_spliced() == 0);
  CHECK(bench.compressor.bytes_in() == size);
  CHECK(bench.compressor.bytes_out() == unchunked(bench.got).data.size());
  // The encoder is free again although the exchange has not ended.
  CHECK(bench.cells.compressors_used.value() == 0);
}

TEST_CASE("Trailers stand behind a compressed body") {
  Bench bench(kGzip, {.kind = Kind::kChunked});
  REQUIRE(bench.pass(chunk("data") + "0\r\nX-Sum: 42\r\n\r\n") == State::kDone);
  CHECK(bench.decoded().text == "data");
  CHECK(unchunked(bench.got).trailers == "X-Sum: 42\r\n");
}

TEST_CASE("An empty body becomes an empty coding with its end") {
  const auto coding = GENERATE(kGzip, kBrotli);
  Bench bench(coding, {.kind = Kind::kChunked});
  REQUIRE(bench.pass("0\r\n\r\n") == State::kDone);
  CHECK(bench.decoded().is_whole);
  CHECK(bench.decoded().text.empty());
}

TEST_CASE("Each event of a slow stream can be read when it has been sent") {
  const auto coding = GENERATE(kGzip, kBrotli);
  Bench bench(coding, {.kind = Kind::kChunked});
  std::string events;
  for (int i = 0; i < 20; ++i) {
    const std::string event = fmt::format("data: {}\n\n", i);
    events += event;
    REQUIRE(bench.pass(chunk(event)) == State::kWaitsForSource);
    CHECK(bench.decoded().is_good);
    REQUIRE(bench.decoded().text == events);
    const std::size_t before = bench.got.size();
    REQUIRE(bench.pass("") == State::kWaitsForSource);
    CHECK(bench.got.size() == before);  // nothing new, nothing said
  }
  REQUIRE(bench.pass("0\r\n\r\n") == State::kDone);
  CHECK(bench.decoded().is_whole);
}

TEST_CASE("The head of a body that is slow to come goes out at once, compressed or not") {
  const auto coding = GENERATE(kGzip, kBrotli);
  Bench bench(coding, {.kind = Kind::kChunked});
  bench.output.hold("head\n");
  CHECK(bench.turn() == State::kWaitsForSource);
  CHECK(bench.to.receive() == "head\n");
}

TEST_CASE(
    "The head goes out in the turn of the first bytes, whether the encoder keeps them or not") {
  const auto coding = GENERATE(kGzip, kBrotli);
  Bench bench(coding, {.kind = Kind::kChunked});
  bench.output.hold("head\n");
  const iovec piece{.iov_base = const_cast<char*>("x"), .iov_len = 1};
  bench.to.ours.set_writable(true);
  REQUIRE(bench.compressor.send({&piece, 1}, false, {}));
  CHECK(bench.output.is_empty());
  CHECK(bench.to.receive().starts_with("head\n"));
}

TEST_CASE("A source that breaks off leaves neither an end of the coding nor one of the chunks") {
  const auto coding = GENERATE(kGzip, kBrotli);
  Bench bench(coding, {.kind = Kind::kLength, .length = 100'000});
  bench.pass(pattern(50'000));
  bench.from.finish();
  CHECK(bench.pass("") == State::kSourceBroken);
  bench.compressor.reset();
  CHECK(bench.cells.compressors_used.value() == 0);
  CHECK_FALSE(unchunked(bench.got).has_ended);
  CHECK_FALSE(bench.decoded().is_whole);
  CHECK((pattern(50'000).starts_with(bench.decoded().text)));
}

TEST_CASE("A client that reads nothing holds the source back") {
  Bench bench(kGzip, {.kind = Kind::kLength, .length = 40'000'000}, 4096);
  std::string noise(100'000, '\0');
  Random random(1);
  for (char& c : noise) c = static_cast<char>(random.next());
  State state = State::kWaitsForSource;
  for (int round = 0; round < 100; ++round) {
    bench.from.give(noise);
    state = bench.turn();
  }
  CHECK(state == State::kWaitsForSink);
  CHECK(bench.pump.bytes() <= 3 * bench.scratch.size());
}

TEST_CASE("Compressing one body does not keep others waiting") {
  Bench bench(kGzip, {.kind = Kind::kLength, .length = 40'000'000});
  const std::string bytes = pattern(200'000);
  std::size_t given = 0;
  while (const std::size_t more = bench.from.give(std::string_view(bytes).substr(given)))
    given += more;
  CHECK(bench.turn() == State::kYields);
  CHECK(bench.pump.bytes() <= bench.scratch.size());
}

// ---- inside an exchange
// ----------------------------------------------------------------------------

config::Snapshot make_snapshot(const SocketAddress& server, config::Compression compression) {
  config::Snapshot snapshot;
  config::Frontend& frontend = snapshot.frontends.emplace_back();
  frontend.name = "web";
  frontend.default_backend = 0;
  frontend.binds.resize(1);
  frontend.compression = std::move(compression);
  config::Backend& backend = snapshot.backends.emplace_back();
  backend.name = "app";
  backend.servers.resize(1);
  backend.servers[0].name = "web1";
  backend.servers[0].address = server;
  return snapshot;
}

config::Compression settings_of() {
  return {.algorithms = {kGzip}, .types = {"text/*"}, .min_size = 10, .offload = true};
}

struct Web : Stage {
  explicit Web(config::Compression own = settings_of(),
               std::optional<config::Compression> of_backend = std::nullopt)
      : Stage([&](const SocketAddress& server) {
          config::Snapshot made = make_snapshot(server, own);
          made.backends[0].compression = of_backend;
          return made;
        }) {}

  /// The answer to `request` when the server says `response`; `asked`: what reached the server.
  std::string answer(std::string_view request, std::string_view response) {
    const FileDescriptor asking = client();
    send_text(asking.get(), request);
    const FileDescriptor server = accept();
    asked = receive(server.get(), "\r\n\r\n");
    send_text(server.get(), response);
    return receive(asking.get());
  }
  std::string asked;
};

constexpr std::string_view kAsk =
    "GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n";
constexpr std::string_view kText =
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 20\r\n\r\n"
    "twenty bytes of text";

std::string body_of(std::string_view answer) {
  return std::string(answer.substr(answer.find("\r\n\r\n") + 4));
}

TEST_CASE("An answer is compressed on its way, counted, and servers are not asked to") {
  Web web;
  const std::string answer = web.answer(kAsk, kText);
  CHECK(answer.find("Content-Encoding: gzip\r\n") != std::string::npos);
  CHECK(answer.find("Content-Length") == std::string::npos);
  const Chunks chunks = unchunked(body_of(answer));
  CHECK(chunks.has_ended);
  CHECK(compression::decode_gzip(chunks.data).text == "twenty bytes of text");
  CHECK(web.asked.find("ccept-") == std::string::npos);
  for (const figures::ServerCells* cells : {&web.figures.backend(0), &web.figures.server(0, 0)}) {
    const bool is_backend = cells == &web.figures.backend(0);
    CHECK(cells->compression_responses.value() == (is_backend ? 1 : 0));
  }
  const figures::FrontendCells& cells = web.figures.frontend(0);
  CHECK(cells.compression_responses.value() == 1);
  CHECK(cells.compression_bytes_in.value() == 20);
  CHECK(cells.compression_bytes_out.value() == chunks.data.size());
  CHECK(cells.compression_bytes_bypassed.value() == 0);
  CHECK(web.figures.worker().compressors_used.value() == 0);
}

TEST_CASE("What a backend says comes before what the frontend says, also that it is off") {
  {
    Web web(settings_of(), config::Compression{});
    const std::string answer = web.answer(kAsk, kText);
    CHECK(answer.ends_with("twenty bytes of text"));
    CHECK(answer.find("Vary") == std::string::npos);
    CHECK(web.asked.find("Accept-Encoding: gzip\r\n") != std::string::npos);
  }
  {
    config::Compression brotli = settings_of();
    brotli.algorithms = {kBrotli};
    Web web(settings_of(), brotli);
    CHECK(web.answer(kAsk, kText).find("Vary: Accept-Encoding\r\n") != std::string::npos);
  }
}

TEST_CASE("HEAD tells the fields of GET, and no length") {
  Web web;
  const std::string answer =
      web.answer("HEAD / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n",
                 kText.substr(0, kText.find("\r\n\r\n") + 4));
  CHECK(answer.find("Content-Encoding: gzip\r\n") != std::string::npos);
  CHECK(answer.find("Vary: Accept-Encoding\r\n") != std::string::npos);
  CHECK(answer.find("Content-Length") == std::string::npos);
  CHECK(answer.ends_with("\r\n\r\n"));
  CHECK(web.figures.frontend(0).compression_responses.value() == 0);
}

TEST_CASE("Without an encoder an answer goes as it is, and is counted") {
  Web web;
  std::vector<compression::EncoderLease> all;
  for (;;) {
    all.push_back(web.context.encoders.take({.coding = kGzip, .level = 1}));
    if (!all.back()) break;
  }
  const std::string answer = web.answer(kAsk, kText);
  CHECK(answer.find("Vary: Accept-Encoding\r\n") != std::string::npos);
  CHECK(answer.find("Content-Length: 20\r\n") != std::string::npos);
  CHECK(answer.ends_with("twenty bytes of text"));
  CHECK(web.figures.frontend(0).compression_bytes_bypassed.value() == 20);
  CHECK(web.figures.backend(0).compression_bytes_bypassed.value() == 20);
  CHECK(web.figures.frontend(0).compression_responses.value() == 0);
  all.clear();
  CHECK(web.answer(kAsk, kText).find("Content-Encoding: gzip") != std::string::npos);
}

TEST_CASE("A server that breaks off in the middle leaves a body without an end") {
  Web web;
  const FileDescriptor client = web.client();
  Web::send_text(client.get(), "GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n");
  {
    const FileDescriptor server = web.accept();
    web.receive(server.get(), "\r\n\r\n");
    Web::send_text(server.get(),
                   "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 99\r\n\r\nhalf");
  }
  const std::string answer = web.receive(client.get());
  CHECK_FALSE(unchunked(body_of(answer)).has_ended);
  CHECK_FALSE(compression::decode_gzip(unchunked(body_of(answer)).data).is_whole);
  CHECK(web.ended('S', 'D') == 1);
  CHECK(web.figures.worker().compressors_used.value() == 0);
}

}  // namespace
}  // namespace tandem::lb::proxy
