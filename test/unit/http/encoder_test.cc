// The encoders: what leaves is built from parsed parts, reads back as the same message, and carries
// nothing that ends at this hop. Also the proxy's own answers.
#include "http/h1_encoder.h"
#include "http/local_response.h"
#include "test/unit/http/describe.h"

#include <catch2/catch.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace tandem::http {
namespace {

std::string forward(const std::string& message, const RequestEdits& edits = {}) {
  RequestDecoder decoder{Limits{}};
  RequestHead head;
  INFO(message);
  REQUIRE(decoder.decode(message, head) == DecodeResult::kDone);
  std::string out(request_bytes_bound(head, edits), '?');
  const auto size = encode_request(out, message.data(), head, edits);
  REQUIRE(size);
  CHECK(*size <= out.size());
  CHECK_FALSE(encode_request(std::span(out).first(out.size() - 1), message.data(), head, edits));
  return out.substr(0, *size);
}

std::string forward_response(const std::string& message, const ResponseContext& context = {},
                             ResponseEdits edits = {}, std::uint8_t client_version = 11) {
  ResponseDecoder decoder{Limits{}};
  decoder.reset(context);
  ResponseHead head;
  INFO(message);
  REQUIRE(decoder.decode(message, head) == DecodeResult::kDone);
  edits.framing = framing_for_client(head, client_version);
  std::string out(response_bytes_bound(head, edits), '?');
  const auto size = encode_response(out, message.data(), head, edits);
  REQUIRE(size);
  CHECK_FALSE(encode_response(std::span(out).first(out.size() - 1), message.data(), head, edits));
  return out.substr(0, *size);
}

std::string get(std::string_view fields) {
  return "GET / HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n";
}

TEST_CASE("a plain request passes unchanged, an untidy one is tidied") {
  const std::string plain = get("User-Agent: t\r\nAccept: */*\r\nCookie: a=b; c=d\r\n");
  CHECK(forward(plain) == plain);
  CHECK(forward(
            "\r\nGET /x?y HTTP/1.0\r\nHost:a\r\nX:\t1 \r\nY:  2\r\nZ:\r\nQ: \t\r\nV: 3\r\n\r\n") ==
        "GET /x?y HTTP/1.1\r\nHost: a\r\nX: 1\r\nY: 2\r\nZ: \r\nQ: \r\nV: 3\r\n\r\n");
}

TEST_CASE("fields that end at this hop are left out wherever they stand") {
  const std::string kept = get("A: 1\r\nB: 2\r\nC: 3\r\n");
  CHECK(forward("GET / HTTP/1.1\r\nConnection: keep-alive, X-Hop\r\nHost: a\r\nA: 1\r\n"
                "Keep-Alive: 5\r\nProxy-Connection: close\r\nX-Hop: y\r\nB: 2\r\nTE: gzip\r\n"
                "Upgrade: websocket\r\nHTTP2-Settings: x\r\nTrailer: x\r\nC: 3\r\n\r\n") == kept);
  CHECK(forward(get("A: 1\r\nConnection: close\r\nB: 2\r\nC: 3\r\nKeep-Alive: 1\r\n")) == kept);
}

TEST_CASE("Connection cannot strip Host, framing, credentials or forwarding fields") {
  CHECK(forward(
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nAuthorization: s\r\n"
            "X-Forwarded-For: 1\r\nX-Forwarded-Proto: https\r\nCookie: c\r\nConnection: host, "
            "content-length, authorization, x-forwarded-for, x-forwarded-proto, cookie\r\n\r\n") ==
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nAuthorization: s\r\n"
        "X-Forwarded-For: 1\r\nX-Forwarded-Proto: https\r\nCookie: c\r\n\r\n");
}

TEST_CASE("a length that is written as we would write it stays in its place, and only then") {
  const std::string start = "POST / HTTP/1.1\r\nHost: a\r\n";
  CHECK(forward(start + "Content-Length: 7\r\nA: 1\r\n\r\n") ==
        start + "Content-Length: 7\r\nA: 1\r\n\r\n");
  CHECK(forward(start + "Content-Length: 0\r\nA: 1\r\n\r\n") ==
        start + "Content-Length: 0\r\nA: 1\r\n\r\n");
  CHECK(forward(start + "Content-Length: 07\r\nA: 1\r\n\r\n") ==
        start + "A: 1\r\nContent-Length: 7\r\n\r\n");
  // A rule may take the field away, never the framing.
  const std::vector<std::string_view> removed = {"content-length"};
  CHECK(forward(start + "Content-Length: 7\r\nA: 1\r\n\r\n", {.removed = removed}) ==
        start + "A: 1\r\nContent-Length: 7\r\n\r\n");
  CHECK(forward_response("HTTP/1.1 200 OK\r\nContent-Length: 007\r\nA: 1\r\n\r\n") ==
        "HTTP/1.1 200 OK\r\nA: 1\r\nContent-Length: 7\r\n\r\n");
  CHECK(forward_response("HTTP/1.1 204 No Content\r\nContent-Length: 7\r\nA: 1\r\n\r\n") ==
        "HTTP/1.1 204 No Content\r\nA: 1\r\n\r\n");
}

TEST_CASE("framing is written anew") {
  CHECK(forward("POST / HTTP/1.1\r\ncontent-length:  007\r\nHost: a\r\n\r\n") ==
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\n\r\n");
  CHECK(forward("POST / HTTP/1.1\r\nTRANSFER-ENCODING: Chunked\r\nHost: a\r\nTrailer: X\r\n\r\n") ==
        "POST / HTTP/1.1\r\nHost: a\r\nTrailer: X\r\nTransfer-Encoding: chunked\r\n\r\n");
}

TEST_CASE("TE keeps trailers alone") {
  CHECK(forward(get("TE: gzip;q=1, Trailers\r\nConnection: TE\r\n")) ==
        get("Connection: TE\r\nTE: trailers\r\n"));
  CHECK(forward(get("TE: trailers;q=1\r\n")) == get(""));
}

TEST_CASE("absolute-form becomes origin-form with Host from the target") {
  CHECK(forward("GET http://a:80/b?c HTTP/1.1\r\nX: 1\r\nHost: A\r\n\r\n") ==
        "GET /b?c HTTP/1.1\r\nHost: a:80\r\nX: 1\r\n\r\n");
  CHECK(forward("GET http://a HTTP/1.1\r\nHost: a\r\n\r\n") == get(""));
  CHECK(forward("GET http://a?b HTTP/1.1\r\nHost: a\r\n\r\n") ==
        "GET /?b HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(forward("OPTIONS http://a HTTP/1.1\r\nHost: a\r\n\r\n") ==
        "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
}

TEST_CASE("Host is replaced or supplied") {
  CHECK(forward(get("X: 1\r\n"), {.authority = "b:1"}) ==
        "GET / HTTP/1.1\r\nHost: b:1\r\nX: 1\r\n\r\n");
  CHECK(forward("GET / HTTP/1.0\r\nX: 1\r\n\r\n", {.missing_host = "s"}) ==
        "GET / HTTP/1.1\r\nHost: s\r\nX: 1\r\n\r\n");
  CHECK(forward("GET / HTTP/1.0\r\n\r\n") == "GET / HTTP/1.1\r\nHost: \r\n\r\n");
  CHECK(forward(get(""), {.missing_host = "s"}) == get(""));
}

TEST_CASE("edits of requests: forwarded-for behind the rest, added, removed, Expect, close") {
  const std::vector<AddedField> added = {{"X-Id", "7"}, {"X-Empty", ""}};
  const std::vector<std::string_view> removed = {"x-secret", "Y"};
  CHECK(forward(get("X-Secret: 1\r\nX-Forwarded-For: 9.9.9.9\r\ny: 2\r\nExpect: 100-continue\r\n"),
                {.forwarded_for = "192.0.2.1",
                 .added = added,
                 .removed = removed,
                 .drop_expect = true,
                 .close = true}) ==
        get("X-Forwarded-For: 9.9.9.9\r\nConnection: close\r\nX-Id: 7\r\nX-Empty: \r\n"
            "X-Forwarded-For: 192.0.2.1\r\n"));
  CHECK(forward(get("Expect: 100-continue\r\n")) == get("Expect: 100-continue\r\n"));
}

TEST_CASE("an upgrade passes only when it is kept") {
  const std::string ask =
      get("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\n");
  CHECK(forward(ask) == get("Sec-WebSocket-Key: k\r\n"));
  CHECK(forward(ask, {.keep_upgrade = true, .close = true}) ==
        get("Upgrade: websocket\r\nSec-WebSocket-Key: k\r\nConnection: upgrade\r\n"));
  CHECK(forward(get("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n"),
                {.keep_upgrade = true}) == get(""));
}

TEST_CASE("a forwarded request reads back as the same message and is then stable") {
  for (const std::string& message : {
           get("A: 1\r\nConnection: x, y\r\nX: 2\r\nA:3\r\n"),
           std::string("POST http://h/p HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n"),
           std::string("BREW /pot HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"),
       }) {
    const std::string once = forward(message);
    CHECK(forward(once) == once);
  }
}

TEST_CASE("a plain response passes as it came") {
  CHECK(forward_response("HTTP/1.1 200 OK\r\nServer: s\r\nContent-Length: 5\r\nDate: d\r\n\r\n") ==
        "HTTP/1.1 200 OK\r\nServer: s\r\nContent-Length: 5\r\nDate: d\r\n\r\n");
  CHECK(forward_response("HTTP/1.0 204\r\nContent-Length: 0\r\nX:1\r\n\r\n") ==
        "HTTP/1.1 204 \r\nX: 1\r\n\r\n");
}

TEST_CASE("fields of responses that end at this hop are left out") {
  CHECK(
      forward_response("HTTP/1.1 200 OK\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\n"
                       "Keep-Alive: timeout=5\r\nUpgrade: h2\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n"
                       "Content-Length: 0\r\n\r\n") ==
      "HTTP/1.1 200 OK\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nContent-Length: 0\r\n\r\n");
}

TEST_CASE("framing towards the client depends on its version") {
  const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n";
  CHECK(forward_response(chunked) ==
        "HTTP/1.1 200 OK\r\nTrailer: X\r\nTransfer-Encoding: chunked\r\n\r\n");
  CHECK(forward_response(chunked, {}, {}, 10) == "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
  const std::string until_close = "HTTP/1.0 200 OK\r\n\r\n";
  CHECK(forward_response(until_close) == "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  CHECK(forward_response(until_close, {},
                         {.connection = ResponseEdits::Connection::kKeepAlive,
                          .framing = {},
                          .added = {},
                          .removed = {}},
                         10) == "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
}

TEST_CASE("answers without a body announce the length they were given") {
  const std::string message = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n";
  CHECK(forward_response(message, {.request_method = Method::kHead}) == message);
  CHECK(forward_response("HTTP/1.1 304 x\r\nETag: e\r\n\r\n") ==
        "HTTP/1.1 304 x\r\nETag: e\r\n\r\n");
}

TEST_CASE("edits of responses: connection, added, removed, upgrade") {
  const std::vector<AddedField> added = {{"Set-Cookie", "SRV=1"}};
  const std::vector<std::string_view> removed = {"server"};
  const std::string message = "HTTP/1.1 200 OK\r\nServer: s\r\nContent-Length: 0\r\n\r\n";
  CHECK(forward_response(message, {},
                         {.connection = ResponseEdits::Connection::kKeepAlive,
                          .framing = {},
                          .added = added,
                          .removed = removed}) ==
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\nSet-Cookie: "
        "SRV=1\r\n\r\n");
  const std::string switched =
      "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
  CHECK(forward_response(switched, {.request_method = Method::kGet, .upgrade_sent = true},
                         {.framing = {}, .added = {}, .removed = {}, .keep_upgrade = true}) ==
        "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n");
}

// Found by fuzz_h1_response: test/corpus/http/responses/most-fields.
TEST_CASE("an answer with as many fields as there may be gets its framing all the same") {
  std::string message = "HTTP/1.1 200 OK\r\n";
  for (std::uint32_t i = 0; i < kFieldCapacity; ++i) message += "A: b\r\n";
  CHECK(forward_response(message + "\r\n") == message + "Transfer-Encoding: chunked\r\n\r\n");
}

std::string local(const LocalResponse& response) {
  std::string out(local_response_bytes_bound(response), '?');
  const auto size = write_local_response(out, response);
  REQUIRE(size);
  CHECK_FALSE(write_local_response(std::span(out).first(out.size() - 1), response));
  return out.substr(0, *size);
}

TEST_CASE("local errors are worded as HAProxy words them") {
  CHECK(local({.status = 503, .close = true}) ==
        "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 107\r\nCache-Control: no-cache\r\n"
        "Content-Type: text/html\r\nConnection: close\r\n\r\n"
        "<html><body><h1>503 Service Unavailable</h1>\n"
        "No server is available to handle this request.\n</body></html>\n");
  CHECK_THAT(local({.status = 405}), Catch::Contains("\r\nAllow: GET, HEAD"));
}

TEST_CASE("every local answer is a valid response whose length is right") {
  for (const int status : {200, 204, 301, 302, 303, 304, 307, 308, 400, 403, 404, 405, 408,
                           413, 414, 421, 425, 429, 431, 500, 501, 502, 503, 504, 505, 599}) {
    CAPTURE(status);
    const std::string answer = local({.status = status, .location = "/x"});
    ResponseDecoder decoder{Limits{}};
    decoder.reset({});
    ResponseHead head;
    REQUIRE(decoder.decode(answer, head) == DecodeResult::kDone);
    CHECK(head.status == status);
    CHECK(head.head_bytes + head.framing.length == answer.size());
    CHECK(head.keep_alive);
    const std::string without = local({.status = status, .location = "/x", .head_only = true});
    CHECK(without == answer.substr(0, head.head_bytes));
  }
}

TEST_CASE("redirects and plain returns") {
  const std::vector<AddedField> added = {{"X-A", "b"}};
  CHECK(local({.status = 302, .location = "https://a/", .keep_alive = true}) ==
        "HTTP/1.1 302 Found\r\nContent-Length: 0\r\nCache-Control: no-cache\r\n"
        "Location: https://a/\r\nConnection: keep-alive\r\n\r\n");
  CHECK(local({.status = 200, .content_type = "text/plain", .body = "hello", .added = added}) ==
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Type: text/plain\r\nX-A: b\r\n\r\nhello");
}

}  // namespace
}  // namespace tandem::http
