#include "lb/http2/request_text.h"

#include "http/h1_decoder.h"

#include <catch2/catch.hpp>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tandem::lb::http2 {
namespace {

using namespace std::string_literals;
using Fields = std::vector<std::pair<std::string, std::string>>;

constexpr std::size_t kBytesMax = 15'360;
constexpr std::string_view kKey = "dGhlIHNhbXBsZSBub25jZQ==";

/// What became of a header section.
struct Made {
  std::string text;
  std::string trouble;
  std::string decoder;  // "done", "error 400: …", "more"
  http::RequestHead head;
  bool too_large = false;

  [[nodiscard]] std::string value(std::string_view name) const {
    return std::string(head.value_of(text.data(), name).value_or("<none>"));
  }
};

Made made(const Fields& fields, bool has_body = false, std::size_t bytes_max = kBytesMax) {
  RequestText request(bytes_max);
  for (const auto& [name, value] : fields) request.add(name, value);
  Made made;
  made.too_large = request.is_too_large();
  made.text = request.finish(has_body, kKey);
  if (request.trouble() != nullptr) made.trouble = request.trouble();
  CHECK(made.text.empty() == !made.trouble.empty());
  if (made.text.empty()) return made;
  http::RequestDecoder decoder{http::Limits{}};
  switch (decoder.decode(made.text, made.head)) {
    case http::DecodeResult::kDone:
      CHECK(made.head.head_bytes == made.text.size());
      made.decoder = "done";
      break;
    case http::DecodeResult::kError:
      made.decoder = "error " + std::to_string(decoder.error().status);
      break;
    case http::DecodeResult::kNeedMore:
      made.decoder = "more";
      break;
  }
  return made;
}

/// The pseudo-fields of a request for "/", and `more`.
Fields get(const Fields& more = {}) {
  Fields fields = {
      {":method", "GET"}, {":scheme", "https"}, {":authority", "a.test"}, {":path", "/"}};
  fields.insert(fields.end(), more.begin(), more.end());
  return fields;
}

/// get() with one of its values changed.
Fields get_with(std::string_view name, const std::string& value, const Fields& more = {}) {
  Fields fields = get(more);
  for (auto& field : fields)
    if (field.first == name) field.second = value;
  return fields;
}

Fields websocket(const Fields& more = {}) {
  Fields fields = {{":method", "CONNECT"}, {":protocol", "websocket"},
                   {":scheme", "https"},   {":authority", "a.test"},
                   {":path", "/chat"},     {"sec-websocket-version", "13"}};
  fields.insert(fields.end(), more.begin(), more.end());
  return fields;
}

TEST_CASE("a request becomes the head that a client of HTTP/1.1 would have sent") {
  const Made request = made(get({{"user-agent", "x"}, {"accept", "*/*"}}));
  CHECK(request.text == "GET / HTTP/1.1\r\nhost: a.test\r\nuser-agent: x\r\naccept: */*\r\n\r\n");
  CHECK(request.decoder == "done");
  CHECK(request.head.method == http::Method::kGet);
  CHECK(request.head.authority.in(request.text.data()) == "a.test");
  CHECK(request.head.framing.kind == http::BodyFraming::Kind::kNone);
}

TEST_CASE("a body of a length that was not told is one of chunks, and one that was told is that") {
  const Made chunked = made(get_with(":method", "POST"), true);
  CHECK(chunked.head.framing.kind == http::BodyFraming::Kind::kChunked);
  const Made counted = made(get_with(":method", "POST", {{"content-length", "5"}}), true);
  CHECK(counted.head.framing == http::BodyFraming{http::BodyFraming::Kind::kLength, 5});
  CHECK(counted.value("transfer-encoding") == "<none>");
  // The end of the stream has come with the head: nothing follows, whatever the method.
  const Made none = made(get_with(":method", "POST"), false);
  CHECK(none.head.framing.is_empty());
  CHECK(none.value("transfer-encoding") == "<none>");
  // Two lengths, or one that is none: the decoder of HTTP/1 has its say.
  CHECK(made(get({{"content-length", "5"}, {"content-length", "6"}}), true).decoder == "error 400");
  CHECK(made(get({{"content-length", "-5"}}), true).decoder == "error 400");
  CHECK(made(get({{"content-length", ""}}), true).decoder == "error 400");
}

TEST_CASE("no byte that ends a line or a word gets in with a value") {
  for (const char bad : {'\r', '\n', '\0', '\x01', '\x7F'}) {
    INFO("byte " << static_cast<int>(bad));
    const std::string with_bad = "/"s + bad + "x";
    for (const std::string name : {":method", ":scheme", ":authority", ":path"})
      CHECK(made(get_with(name, with_bad)).trouble == "control byte in a field value");
    CHECK(made(websocket({{":protocol", with_bad}})).trouble == "control byte in a field value");
    CHECK(made(get({{"x", with_bad}})).trouble == "control byte in a field value");
    CHECK(made(get({{"cookie", with_bad}})).trouble == "control byte in a field value");
    CHECK(made(get({{"host", with_bad}})).trouble == "control byte in a field value");
    CHECK(made(get({{"x"s + bad, "v"}})).trouble == "forbidden byte in a field name");
  }
  CHECK(made(get({{"x", "a\r\nhost: b"}})).trouble == "control byte in a field value");
  CHECK(made(get({{"x: 1\r\ny", "v"}})).trouble == "forbidden byte in a field name");
}

TEST_CASE("a space or tab ends no part of the request line early") {
  for (const std::string bad : {" ", "\t"}) {
    CHECK(made(get_with(":method", "GET" + bad + "/x")).trouble == "forbidden byte in the method");
    CHECK(made(get_with(":path", "/x" + bad + "HTTP/1.1")).trouble == "forbidden byte in :path");
    CHECK(made(get_with(":scheme", "http" + bad)).trouble == "scheme other than http and https");
    CHECK(made(get_with(":authority", "a" + bad + "b")).decoder == "error 400");
    CHECK(made(get({{"x" + bad, "v"}})).trouble == "forbidden byte in a field name");
    Fields tunnel = websocket();
    tunnel[1].second = "websocket" + bad + "x";
    CHECK(made(tunnel).trouble == "invalid :protocol");
  }
}

TEST_CASE("bytes that a target may not hold are refused, as those of HTTP/1 are") {
  CHECK(made(get_with(":path", "/a\"b")).decoder == made(get_with(":path", "/a\"b")).decoder);
  CHECK(made(get_with(":path", "x")).trouble == "invalid :path");
  CHECK(made(get_with(":path", "")).trouble == "invalid :path");
  CHECK(made(get_with(":path", "*")).trouble == "invalid :path");
  CHECK(made(get_with(":path", "http://b.test/")).trouble == "invalid :path");
  const Made all =
      made({{":method", "OPTIONS"}, {":scheme", "http"}, {":authority", "a"}, {":path", "*"}});
  CHECK(all.decoder == "done");
  CHECK(all.head.form == http::TargetForm::kAsterisk);
  CHECK(made(get_with(":path", "/#x")).decoder != "done");
}

TEST_CASE("empty pseudo-fields make no request") {
  CHECK(made(get_with(":method", "")).trouble == "forbidden byte in the method");
  CHECK(made(get_with(":scheme", "")).trouble == "scheme other than http and https");
  CHECK(made(get_with(":scheme", "ftp")).trouble == "scheme other than http and https");
  CHECK(made({{":method", "GET"}, {":scheme", "https"}, {":path", "/"}}).decoder == "error 400");
  CHECK(made(get({{":status", "200"}})).trouble == "unknown pseudo-field");
  CHECK(made(get({{":", "200"}})).trouble == "unknown pseudo-field");
}

TEST_CASE("a method that nobody knows passes, and CONNECT is what the decoder makes of it") {
  CHECK(made(get_with(":method", "PURGE")).head.method == http::Method::kOther);
  const Made connect = made({{":method", "CONNECT"}, {":authority", "a.test:443"}});
  CHECK(connect.text.starts_with("CONNECT a.test:443 HTTP/1.1\r\n"));
  CHECK(connect.decoder == "error 405");
}

TEST_CASE("Host and :authority say the same, or the request is refused") {
  // RFC 9113 section 8.3.1.
  const auto with_host = [](const std::string& host) { return made(get({{"host", host}})); };
  CHECK(with_host("a.test").text == "GET / HTTP/1.1\r\nhost: a.test\r\n\r\n");
  CHECK(with_host("A.TEST:443").decoder == "done");
  CHECK(with_host("A.TEST:443").value("host") == "a.test");
  CHECK(with_host("b.test").trouble == "Host disagrees with :authority");
  CHECK(with_host("a.test:80").trouble == "Host disagrees with :authority");
  CHECK(with_host("").trouble == "Host disagrees with :authority");
  CHECK(with_host("a.test, b.test").trouble == "Host disagrees with :authority");
  CHECK(made(get({{"host", "a.test"}, {"host", "a.test"}})).trouble == "repeated Host");
  const Made alone =
      made({{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {"host", "b.test"}});
  CHECK(alone.value("host") == "b.test");
  CHECK(alone.decoder == "done");
  CHECK(made(get_with(":authority", "user@a.test")).decoder == "error 400");
}

TEST_CASE("crumbs of cookies are one field again") {
  // RFC 9113 section 8.2.3.
  const Made request =
      made(get({{"cookie", "a=1"}, {"accept", "*/*"}, {"cookie", "b=2"}, {"cookie", "c=3; d=4"}}));
  CHECK(request.value("cookie") == "a=1; b=2; c=3; d=4");
  CHECK(request.head.cookie(request.text.data(), "b") == "2");
  CHECK(made(get({{"cookie", ""}})).value("cookie") == "<none>");
}

TEST_CASE("TE says \"trailers\" or is refused") {
  const Made request = made(get({{"te", "trailers"}}));
  CHECK(request.decoder == "done");
  CHECK(request.value("te") == "trailers");
  CHECK(made(get({{"te", "gzip"}})).trouble == "TE other than \"trailers\"");
  CHECK(made(get({{"te", "trailers, gzip"}})).trouble == "TE other than \"trailers\"");
}

TEST_CASE("fields of a connection are malformed in HTTP/2") {
  for (const std::string name : {"connection", "keep-alive", "proxy-connection",
                                 "transfer-encoding", "upgrade", "http2-settings"})
    CHECK(made(get({{name, "x"}})).trouble == "a field of a connection (RFC 9113 section 8.2.2)");
}

TEST_CASE("what is over the limit is left out, and what is at the limit is not") {
  const Fields fields = get({{"x", std::string(100, 'v')}});
  std::size_t bytes = 0;
  for (const auto& [name, value] : fields) bytes += name.size() + value.size() + 4;
  CHECK_FALSE(made(fields, false, bytes).too_large);
  const Made large = made(fields, false, bytes - 1);
  CHECK(large.too_large);
  CHECK(large.value("x") == "<none>");
  // Fields behind the one that was too large are not let in again.
  RequestText request(50);
  request.add("x", std::string(100, 'v'));
  request.add("y", "v");
  CHECK(request.is_too_large());
}

TEST_CASE("a field without a value is one, and more fields than a head holds are refused") {
  CHECK(made(get({{"x", ""}})).value("x").empty());
  CHECK(made(get({{"x", ""}})).decoder == "done");
  Fields many = get();
  for (int i = 0; i < 101; ++i) many.emplace_back("x", "v");
  CHECK(made(many).decoder == "error 431");
}

TEST_CASE("an extended CONNECT becomes the handshake of a WebSocket") {
  // RFC 8441 section 5.
  const Made request = made(websocket({{"origin", "https://a.test"}}), true);
  CHECK(request.text ==
        "GET /chat HTTP/1.1\r\nhost: a.test\r\nsec-websocket-version: 13\r\n"
        "origin: https://a.test\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
        "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  CHECK(request.decoder == "done");
  CHECK(request.head.upgrade);
  CHECK(request.head.framing.is_empty());
}

TEST_CASE("a tunnel is asked for by :protocol, and not every protocol may have one") {
  RequestText plain(kBytesMax);
  plain.add(":method", "GET");
  CHECK_FALSE(plain.asks_for_tunnel());
  plain.add(":protocol", "websocket");
  CHECK(plain.asks_for_tunnel());
  for (const std::string protocol : {"h2c", "http/1.1", "tls"}) {
    Fields fields = websocket();
    fields[1].second = protocol;
    const Made request = made(fields);
    INFO(protocol << ": " << request.trouble << request.decoder);
    CHECK_FALSE(request.head.upgrade);
  }
}

TEST_CASE("the first thing that is wrong is the one that is told") {
  CHECK(made(get({{"te", "gzip"}, {"connection", "close"}})).trouble ==
        "TE other than \"trailers\"");
}

}  // namespace
}  // namespace tandem::lb::http2
