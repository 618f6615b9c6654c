#include "lb/http2/field_block.h"

#include "http/h1_decoder.h"

#include <catch2/catch.hpp>

#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::lb::http2 {
namespace {

/// Fields as "name: value" lines.
std::string text_of(const FieldBlock& block) {
  std::string text;
  for (const nghttp2_nv& field : block.fields()) {
    text.append(reinterpret_cast<const char*>(field.name), field.namelen).append(": ");
    text.append(reinterpret_cast<const char*>(field.value), field.valuelen).append("\n");
  }
  return text;
}

/// What a client of HTTP/2 gets of an answer.
std::string put(const std::string& answer, http::ResponseEdits edits = {},
                const http::ResponseContext& context = {}) {
  http::ResponseDecoder decoder{http::Limits{}};
  decoder.reset(context);
  http::ResponseHead head;
  REQUIRE(decoder.decode(answer, head) == http::DecodeResult::kDone);
  if (edits.framing == http::BodyFraming{}) edits.framing = head.framing;
  FieldBlock block;
  put_response(block, answer.data(), head, edits);
  return text_of(block);
}

TEST_CASE("names go out in lower case, values as they stand") {
  FieldBlock block;
  block.add("X-Some-NAME", "VaLue");
  block.add("plain", "");
  CHECK(text_of(block) == "x-some-name: VaLue\nplain: \n");
}

TEST_CASE("numbers are written whole") {
  FieldBlock block;
  block.add_number("a", 0);
  block.add_number("b", std::numeric_limits<std::uint64_t>::max());
  CHECK(text_of(block) == "a: 0\nb: 18446744073709551615\n");
}

TEST_CASE("what a block holds stays where it is, however much is added, and clear() forgets it") {
  FieldBlock block;
  for (int round = 0; round < 3; ++round) {
    block.clear();
    std::string expected;
    for (int i = 0; i < 500; ++i) {
      const std::string name =
          "X-" + std::string(static_cast<std::size_t>(i * 7 % 300), 'N') + std::to_string(i);
      block.add(name, "v");
      block.add_number("n", static_cast<std::uint64_t>(i));
      std::string lower = name;
      for (char& c : lower) c = c == 'X' ? 'x' : c == 'N' ? 'n' : c;
      expected += lower + ": v\nn: " + std::to_string(i) + "\n";
    }
    CHECK(text_of(block) == expected);
  }
}

TEST_CASE("names that fill a block, and longer ones, are lowered too") {
  for (const std::size_t size : {4'095U, 4'096U, 4'097U, 40'000U}) {
    FieldBlock block;
    block.add("X", "1");
    block.add(std::string(size, 'A'), "2");
    block.add("Y", "3");
    CHECK(text_of(block) == "x: 1\n" + std::string(size, 'a') + ": 2\ny: 3\n");
  }
}

TEST_CASE("secrets are kept out of the table that lets them be guessed") {
  FieldBlock block;
  block.add("Set-Cookie", "s=1");
  block.add("authorization", "Basic x");
  block.add("server", "x");
  REQUIRE(block.fields().size() == 3);
  CHECK(block.fields()[0].flags == NGHTTP2_NV_FLAG_NO_INDEX);
  CHECK(block.fields()[1].flags == NGHTTP2_NV_FLAG_NO_INDEX);
  CHECK(block.fields()[2].flags == NGHTTP2_NV_FLAG_NONE);
}

TEST_CASE("an answer keeps its fields and loses those that end at this hop") {
  CHECK(put("HTTP/1.1 200 OK\r\nServer: x\r\nConnection: close, X-Private\r\nX-Private: 1\r\n"
            "Keep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\nUpgrade: h2c\r\n"
            "Content-Length: 5\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\n") ==
        ":status: 200\nserver: x\nset-cookie: a=1\nset-cookie: b=2\ncontent-length: 5\n");
}

TEST_CASE("a length is told once, or not at all for a body of chunks") {
  CHECK(put("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n") ==
        ":status: 200\ntrailer: X-Sum\n");
  CHECK(put("HTTP/1.1 200 OK\r\nServer: x\r\n\r\n") == ":status: 200\nserver: x\n");
  // Announced, but no bytes of it come.
  CHECK(put("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", {},
            {.request_method = http::Method::kHead}) == ":status: 200\ncontent-length: 9\n");
  CHECK(put("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\nETag: x\r\n\r\n") ==
        ":status: 304\netag: x\ncontent-length: 9\n");
  // Trailers that will not come are not promised.
  CHECK(put("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTrailer: X-Sum\r\n\r\n") ==
        ":status: 200\ncontent-length: 1\n");
}

TEST_CASE("edits take fields away and add others behind") {
  const std::vector<std::string_view> removed = {"SERVER", "x-none"};
  const std::vector<http::AddedField> added = {
      {.name = "Strict-Transport-Security", .value = "max-age=1"}};
  CHECK(put("HTTP/1.1 204 No Content\r\nServer: x\r\nDate: now\r\n\r\n",
            {.added = added, .removed = removed}) ==
        ":status: 204\ndate: now\nstrict-transport-security: max-age=1\n");
}

TEST_CASE("interim answers have a head as others do") {
  CHECK(put("HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n") ==
        ":status: 103\nlink: </a>; rel=preload\n");
}

TEST_CASE("a 101 becomes 200 for a client that asked for a tunnel") {
  // RFC 8441 section 5: the digest of the key that we made up means nothing to it.
  CHECK(put("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Accept: abc=\r\nSec-WebSocket-Protocol: chat\r\n\r\n",
            {.keep_upgrade = true},
            {.upgrade_sent = true}) == ":status: 200\nsec-websocket-protocol: chat\n");
}

/// What a server of HTTP/2 gets of a request.
std::string put_for_server(const std::string& request, const http::RequestEdits& edits = {},
                           bool as_tunnel = false) {
  http::RequestDecoder decoder{http::Limits{}};
  http::RequestHead head;
  REQUIRE(decoder.decode(request, head) == http::DecodeResult::kDone);
  FieldBlock block;
  put_request(block, request.data(), head, edits, "https", as_tunnel);
  return text_of(block);
}

TEST_CASE("a request keeps its fields and loses those that end at this hop") {
  CHECK(put_for_server("POST /x?y HTTP/1.1\r\nHost: a.test\r\nAccept: */*\r\nKeep-Alive: 5\r\n"
                       "Connection: close, X-Private\r\nX-Private: 1\r\nContent-Length: 5\r\n"
                       "Cookie: a=1\r\n\r\n") ==
        ":method: POST\n:scheme: https\n:authority: a.test\n:path: /x?y\naccept: */*\n"
        "cookie: a=1\ncontent-length: 5\n");
  CHECK(put_for_server("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
                       "TE: trailers\r\nConnection: te\r\n\r\n") ==
        ":method: POST\n:scheme: https\n:authority: a\n:path: /\nte: trailers\n");
}

TEST_CASE("edits of a request are those of HTTP/1") {
  const std::vector<std::string_view> removed = {"ACCEPT"};
  const std::vector<http::AddedField> added = {{.name = "X-Added", .value = "1"}};
  CHECK(put_for_server(
            "GET / HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n",
            {.forwarded_for = "192.0.2.1", .authority = "b", .added = added, .removed = removed}) ==
        ":method: GET\n:scheme: https\n:authority: b\n:path: /\nx-added: 1\n"
        "x-forwarded-for: 192.0.2.1\n");
}

TEST_CASE("an upgrade becomes an extended CONNECT") {
  CHECK(put_for_server("GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n"
                       "Upgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                       "Sec-WebSocket-Version: 13\r\n\r\n",
                       {.keep_upgrade = true}, true) ==
        ":method: CONNECT\n:scheme: https\n:authority: a\n:path: /chat\n:protocol: websocket\n"
        "sec-websocket-version: 13\n");
}

TEST_CASE("trailers are lines with names in lower case") {
  FieldBlock block;
  put_trailers(block, "X-Sum: abc\r\nX-Empty: \r\nx-colon: a: b\r\n");
  CHECK(text_of(block) == "x-sum: abc\nx-empty: \nx-colon: a: b\n");
  block.clear();
  put_trailers(block, "");
  CHECK(block.fields().empty());
}

}  // namespace
}  // namespace tandem::lb::http2
