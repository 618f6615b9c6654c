// ResponseDecoder: servers are not trusted either. Every row whole, byte by byte and split.
#include "test/unit/http/describe.h"

#include <catch2/catch.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace tandem::http {
namespace {

std::string decode_every_way(std::string_view message, const ResponseContext& context = {},
                             const Limits& limits = {}) {
  const std::string whole = decode_response(message, {message.size()}, context, limits);
  CHECK(decode_response(message, every_byte(message.size()), context, limits) == whole);
  for (std::size_t i = 0; i <= message.size(); ++i)
    if (decode_response(message, {i, message.size()}, context, limits) != whole)
      FAIL_CHECK("split at " << i << " reads otherwise: " << message);
  return whole;
}

ResponseHead parse(std::string_view message, const ResponseContext& context = {}) {
  INFO(message);
  INFO(decode_every_way(message, context));
  ResponseDecoder decoder{Limits{}};
  decoder.reset(context);
  ResponseHead head;
  REQUIRE(decoder.decode(message, head) == DecodeResult::kDone);
  return head;
}

void check_refused(const std::vector<std::string>& messages, const ResponseContext& context = {}) {
  for (const std::string& message : messages) {
    CAPTURE(message);
    CHECK_THAT(decode_every_way(message, context), Catch::StartsWith("error 502 "));
  }
}

using Kind = BodyFraming::Kind;

TEST_CASE("a typical response is read into its parts") {
  const std::string message =
      "HTTP/1.1 404 Not \xa0 Found\r\nServer: s\r\nContent-Length: 12\r\nDate: d\r\n\r\n";
  const ResponseHead head = parse(message);
  CHECK(head.status == 404);
  CHECK(head.view(message.data(), head.reason) == "Not \xa0 Found");
  CHECK(head.framing == BodyFraming{Kind::kLength, 12});
  CHECK(head.keep_alive);
  CHECK_FALSE(head.interim);
  CHECK(head.find(FieldId::kDate) == &head.fields[2]);
  CHECK(head.head_bytes == message.size());
}

TEST_CASE("status lines may lack the phrase and nothing else") {
  CHECK(parse("HTTP/1.1 200 \r\n\r\n").reason.empty());
  CHECK(parse("HTTP/1.1 200\r\n\r\n").reason.empty());
  CHECK(parse("HTTP/1.1 599 a\r\n\r\n").status == 599);
  check_refused({
      "\r\nHTTP/1.1 200 OK\r\n\r\n",
      "HTTP/1.1 2OO OK\r\n\r\n",
      "HTTP/1.1 20 OK\r\n\r\n",
      "HTTP/1.1 2000 OK\r\n\r\n",
      "HTTP/1.1 099 OK\r\n\r\n",
      "HTTP/1.1 600 OK\r\n\r\n",
      "HTTP/1.1 -20 OK\r\n\r\n",
      "HTTP/1.1  200 OK\r\n\r\n",
      "HTTP/1.1\t200 OK\r\n\r\n",
      "HTTP/1.1 200\tOK\r\n\r\n",
      "HTTP/2.0 200 OK\r\n\r\n",
      "HTTP/0.9 200 OK\r\n\r\n",
      "ICY 200 OK\r\n\r\n",
      "http/1.1 200 OK\r\n\r\n",
      "HTTP/1.1200 OK\r\n\r\n",
      "HTTP/1.1 200 OK\n\r\n",
      "HTTP/1.1 200 OK\rX",
      "HTTP/1.1 200 O\x01K\r\n\r\n",
      "HTTP/1.1 200\n",
      "SSH-2.0-OpenSSH\r\n",
      "<html>",
  });
}

TEST_CASE("malformed fields from servers are refused") {
  const std::string line = "HTTP/1.1 200 OK\r\n";
  check_refused({
      line + " X: 1\r\n\r\n",
      line + "X: 1\r\n 2\r\n\r\n",
      line + "X : 1\r\n\r\n",
      line + "X: 1\n\r\n",
      line + "X: 1\r\n\n",
      line + "X: a\rb\r\n\r\n",
      line + std::string("X: \0\r\n\r\n", 8),
      line + ": 1\r\n\r\n",
      line + "X\r\n\r\n",
      line + "X: \x7f\r\n\r\n",
  });
}

TEST_CASE("two lengths and bad lengths from servers are refused") {
  const std::string line = "HTTP/1.1 200 OK\r\n";
  check_refused({
      line + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
      line + "Content-Length: 1\r\nContent-Length: 1\r\n\r\n",
      line + "Content-Length: 1, 1\r\n\r\n",
      line + "Content-Length: -1\r\n\r\n",
      line + "Content-Length: 99999999999999999999\r\n\r\n",
      line + "Content-Length:\r\n\r\n",
      line + "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
      line + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
      line + "Transfer-Encoding: gzip, chunked\r\n\r\n",
      line + "Transfer-Encoding: identity\r\n\r\n",
      line + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
      "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
  });
}

TEST_CASE("the framing of responses follows RFC 9112 6.3 in its order") {
  struct Row {
    const char* rest;
    Method method;
    BodyFraming framing;
  };
  for (const Row& row : std::vector<Row>{
           {"200 OK\r\nContent-Length: 5\r\n", Method::kGet, {Kind::kLength, 5}},
           {"200 OK\r\nTransfer-Encoding: chunked\r\n", Method::kGet, {Kind::kChunked, 0}},
           {"200 OK\r\n", Method::kGet, {Kind::kUntilClose, 0}},
           {"200 OK\r\nContent-Length: 5\r\n", Method::kHead, {}},
           {"200 OK\r\nTransfer-Encoding: chunked\r\n", Method::kHead, {}},
           {"304 Not Modified\r\nContent-Length: 5\r\n", Method::kGet, {}},
           {"204 No Content\r\nContent-Length: 5\r\n", Method::kGet, {}},
           {"204 No Content\r\nTransfer-Encoding: chunked\r\n", Method::kGet, {}},
           {"100 Continue\r\nContent-Length: 5\r\n", Method::kPost, {}},
       }) {
    CAPTURE(row.rest);
    const ResponseHead head =
        parse("HTTP/1.1 " + std::string(row.rest) + "\r\n", {.request_method = row.method});
    CHECK(head.framing == row.framing);
    CHECK(head.keep_alive == (row.framing.kind != Kind::kUntilClose));
  }
}

TEST_CASE("the length of an answer without a body is kept for HEAD and 304 only") {
  const std::string length = "Content-Length: 5\r\n\r\n";
  CHECK(parse("HTTP/1.1 200 OK\r\n" + length, {.request_method = Method::kHead}).announced_length ==
        5U);
  CHECK(parse("HTTP/1.1 304 x\r\n" + length).announced_length == 5U);
  CHECK_FALSE(parse("HTTP/1.1 204 x\r\n" + length).announced_length);
  CHECK_FALSE(parse("HTTP/1.1 100 x\r\n" + length).announced_length);
  CHECK_FALSE(
      parse("HTTP/1.1 204 x\r\n" + length, {.request_method = Method::kHead}).announced_length);
}

TEST_CASE("interim responses are told apart and the final one is read after reset") {
  const std::string interim = "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n";
  const std::string last = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
  ResponseDecoder decoder{Limits{}};
  decoder.reset({});
  ResponseHead head;
  const std::string both = interim + last;
  REQUIRE(decoder.decode(both, head) == DecodeResult::kDone);
  CHECK(head.interim);
  CHECK(head.head_bytes == interim.size());
  decoder.reset({});
  REQUIRE(decoder.decode(std::string_view(both).substr(head.head_bytes), head) ==
          DecodeResult::kDone);
  CHECK(head.status == 200);
  CHECK_FALSE(head.interim);
}

TEST_CASE("101 is valid only if an upgrade was asked for") {
  const std::string message =
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
  check_refused({message});
  const ResponseContext asked{.request_method = Method::kGet, .upgrade_sent = true};
  check_refused({"HTTP/1.1 101 x\r\nConnection: upgrade\r\n\r\n"}, asked);
  const ResponseHead head = parse(message, asked);
  CHECK(head.upgrade);
  CHECK_FALSE(head.interim);
  CHECK_FALSE(head.keep_alive);
  CHECK(head.framing == BodyFraming{});
}

TEST_CASE("keep-alive of servers follows version and Connection") {
  CHECK(parse("HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n").keep_alive);
  CHECK_FALSE(parse("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n").keep_alive);
  CHECK_FALSE(
      parse("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").keep_alive);
}

TEST_CASE("heads of servers are bounded") {
  const Limits limits{.head_bytes_max = 100, .fields_max = 2};
  const auto with_head = [](std::size_t size) {
    return "HTTP/1.1 200 OK\r\nX: " + std::string(size - 24, 'b') + "\r\n\r\n";
  };
  CHECK_THAT(decode_every_way(with_head(100), {}, limits), Catch::StartsWith("200"));
  CHECK_THAT(decode_every_way(with_head(101), {}, limits), Catch::StartsWith("error 502"));
  CHECK_THAT(decode_every_way("HTTP/1.1 200 " + std::string(200, 'a'), {}, limits),
             Catch::StartsWith("error 502"));
  CHECK_THAT(decode_every_way("HTTP/1.1 200 OK\r\nA: 1\r\nB: 1\r\nC: 1\r\n\r\n", {}, limits),
             Catch::StartsWith("error 502"));
}

}  // namespace
}  // namespace tandem::http
