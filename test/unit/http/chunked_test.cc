// The chunked coding and the decoder over all framings: whole, byte by byte, split at each offset.
#include "test/unit/http/describe.h"

#include <catch2/catch.hpp>

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::http {
namespace {

constexpr auto kRequest = FieldSection::Role::kRequest;
constexpr auto kResponse = FieldSection::Role::kResponse;

std::string decode(std::string_view body, const std::vector<std::size_t>& ends,
                   const Limits& limits, FieldSection::Role role) {
  ChunkedDecoder decoder(role, limits);
  return decode_body(decoder, body, ends);
}

std::string decode_every_way(std::string_view body, const Limits& limits = {},
                             FieldSection::Role role = kRequest) {
  const std::string whole = decode(body, {body.size()}, limits, role);
  CHECK(decode(body, every_byte(body.size()), limits, role) == whole);
  for (std::size_t i = 0; i <= body.size(); ++i)
    if (decode(body, {i, body.size()}, limits, role) != whole)
      FAIL_CHECK("split at " << i << " reads otherwise: " << body);
  return whole;
}

TEST_CASE("chunks are joined and bytes behind the end are left alone") {
  CHECK(decode_every_way("0\r\n\r\n") == "[] trailers [] bytes 5");
  CHECK(decode_every_way("3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\nGET /") ==
        "[abc0123456789] trailers [] bytes 28");
  CHECK(decode_every_way("000a\r\n0123456789\r\n000\r\n\r\n") ==
        "[0123456789] trailers [] bytes 25");
  CHECK(decode_every_way("1;a=b;c=\"d\t\xff\";\r\nx\r\n0;z\r\n\r\n") == "[x] trailers [] bytes 26");
}

TEST_CASE("an incomplete chunked body is never at its end") {
  const std::string body = "3;a\r\nabc\r\n0;b\r\nX: y\r\n\r\n";
  for (std::size_t i = 0; i < body.size(); ++i)
    CHECK_THAT(decode_every_way(body.substr(0, i)), Catch::StartsWith("more"));
}

TEST_CASE("malformed chunks are refused (RFC 9112 7.1)") {
  for (const char* body : {"\r\n",
                           "\n",
                           ";a\r\n",
                           "g\r\n",
                           "0x1\r\n",
                           "-1\r\n",
                           "+1\r\n",
                           " 1\r\n",
                           "1 \r\n",
                           "1\t;a\r\n",
                           "1\n",
                           "1\r\r\n",
                           "1;a\n",
                           "1;\x01\r\n",
                           "1;a\rb\r\n",
                           "1\r\nab",
                           "1\r\na\n",
                           "1\r\na\rb",
                           "1\r\na\r\r\n",
                           "1\r\na0\r\n",
                           "0\r\n\n",
                           "0\r\n\rx",
                           "0\n",
                           "0\r\n:a\r\n",
                           "0\r\n X: a\r\n",
                           "0\r\nX : a\r\n",
                           "0\r\nX\r\n",
                           "0\r\nX: a\n",
                           "0\r\nX: a\rb",
                           "0\r\nX: \x01\r\n",
                           "0\r\nX: a\r\n b\r\n",
                           "1.0\r\n",
                           "1,1\r\n",
                           "8000000000000000\r\n",
                           "ffffffffffffffff\r\n",
                           "00000000000000001\r\n",
                           "10000000000000000\r\n"}) {
    CAPTURE(body);
    CHECK_THAT(decode_every_way(body), Catch::StartsWith("error 400 "));
    CHECK_THAT(decode_every_way(body, {}, kResponse), Catch::StartsWith("error 502 "));
  }
  CHECK_THAT(decode_every_way(std::string("1;\0\r\n", 6)), Catch::StartsWith("error 400 "));
  CHECK_THAT(decode_every_way("7fffffffffffffff\r\nab"), Catch::StartsWith("more after [ab]"));
}

TEST_CASE("trailers are rebuilt for forwarding") {
  CHECK(decode_every_way("0\r\nX-Sum:  \t1 2\t \r\nY:\r\nZ: :\r\n\r\n") ==
        "[] trailers [X-Sum: 1 2\r\nY: \r\nZ: :\r\n] bytes 31");
}

TEST_CASE("trailers that frame, route or authorise are refused (RFC 9110 6.5.1)") {
  for (const char* name : {"Content-Length", "transfer-encoding", "HOST", "Connection", "Trailer",
                           "TE", "Upgrade", "Set-Cookie", "Cookie", "Authorization", "Expect",
                           "Content-Type", "Cache-Control", "X-Forwarded-For", "Location"}) {
    CAPTURE(name);
    CHECK_THAT(decode_every_way(fmt::format("0\r\n{}: a\r\n\r\n", name)),
               Catch::StartsWith("error 400 "));
  }
}

TEST_CASE("extensions and trailers are bounded over one message") {
  const Limits limits{.chunk_extension_bytes_max = 4, .trailer_bytes_max = 8};
  CHECK_THAT(decode_every_way("1;ab\r\nx\r\n1;cd\r\nx\r\n0\r\n\r\n", limits),
             Catch::StartsWith("[xx]"));
  CHECK_THAT(decode_every_way("1;ab\r\nx\r\n1;cde\r\n", limits), Catch::StartsWith("error 400"));
  CHECK_THAT(decode_every_way("0\r\nX: b\r\n\r\n", limits), Catch::StartsWith("[]"));
  CHECK_THAT(decode_every_way("0\r\nX: bc\r\n\r\n", limits), Catch::StartsWith("error 431"));
  CHECK_THAT(decode_every_way("0\r\nX: bc\r\n\r\n", limits, kResponse),
             Catch::StartsWith("error 502"));
}

TEST_CASE("a chunk's bytes may be moved past the decoder") {
  ChunkedDecoder decoder(kResponse, Limits{});
  CHECK(decoder.data_left() == 0);
  CHECK(decoder.step("a\r\n").kind == BodyStep::Kind::kNeedMore);
  CHECK(decoder.data_left() == 10);
  decoder.skip_data(4);
  const BodyStep step = decoder.step("45");
  CHECK(step.data == "45");
  CHECK(decoder.data_left() == 4);
  decoder.skip_data(4);
  CHECK(decoder.data_left() == 0);
  CHECK_FALSE(decoder.finished());
  CHECK(decoder.step("\r\n0\r\n\r\n").kind == BodyStep::Kind::kEnd);
  CHECK(decoder.finished());
  CHECK(decoder.step("more").kind == BodyStep::Kind::kEnd);
}

TEST_CASE("a body of known length ends to the byte") {
  BodyDecoder decoder(kRequest, Limits{}, {BodyFraming::Kind::kLength, 5});
  CHECK(decoder.data_left() == 5);
  CHECK(decoder.step("").kind == BodyStep::Kind::kNeedMore);
  CHECK(decoder.step("ab").data == "ab");
  CHECK_FALSE(decoder.ends_with_close());
  decoder.skip_data(1);
  const BodyStep last = decoder.step("defg");
  CHECK(last.data == "de");
  CHECK(last.consumed == 2);
  CHECK(decoder.finished());
  CHECK(decoder.ends_with_close());
  CHECK(decoder.step("fg").kind == BodyStep::Kind::kEnd);
}

TEST_CASE("no body and length zero end at once") {
  for (const BodyFraming framing : {BodyFraming{}, BodyFraming{BodyFraming::Kind::kLength, 0}}) {
    BodyDecoder decoder(kRequest, Limits{}, framing);
    CHECK(decoder.finished());
    const BodyStep step = decoder.step("GET");
    CHECK(step.kind == BodyStep::Kind::kEnd);
    CHECK(step.consumed == 0);
  }
}

TEST_CASE("a body until close has no other end") {
  BodyDecoder decoder(kResponse, Limits{}, {BodyFraming::Kind::kUntilClose, 0});
  CHECK(decoder.step("abc").data == "abc");
  CHECK(decoder.data_left() == UINT64_MAX);
  decoder.skip_data(1'000);
  CHECK_FALSE(decoder.finished());
  CHECK(decoder.ends_with_close());
}

TEST_CASE("the body decoder reads chunks like the chunk decoder") {
  const std::string body = "3\r\nabc\r\n0\r\nX: y\r\n\r\n";
  BodyDecoder decoder(kRequest, Limits{}, {BodyFraming::Kind::kChunked, 0});
  CHECK_FALSE(decoder.ends_with_close());
  CHECK(decode_body(decoder, body, every_byte(body.size())) == decode_every_way(body));
  CHECK(decoder.finished());
  CHECK(decoder.trailers() == "X: y\r\n");
}

TEST_CASE("what is written as chunks reads back") {
  std::array<char, kChunkSizeBytesMax> size{};
  for (const std::uint64_t n : {1ULL, 15ULL, 16ULL, 0x4000ULL, 0x7fffffffffffffffULL}) {
    const std::size_t written = write_chunk_size(size.data(), n);
    ChunkedDecoder decoder(kRequest, Limits{});
    CHECK(decoder.step({size.data(), written}).kind == BodyStep::Kind::kNeedMore);
    CHECK(decoder.data_left() == n);
  }
  std::array<char, 32> last{};
  CHECK(write_last_chunk(last, "") == kLastChunk.size());
  CHECK(std::string_view(last.data(), kLastChunk.size()) == kLastChunk);
  const std::string_view trailers = "X: y\r\n";
  const std::size_t written = write_last_chunk(last, trailers);
  CHECK(decode_every_way({last.data(), written}) == "[] trailers [X: y\r\n] bytes 11");
  CHECK(write_last_chunk(std::span(last).first(10), trailers) == 0);
}

}  // namespace
}  // namespace tandem::http
