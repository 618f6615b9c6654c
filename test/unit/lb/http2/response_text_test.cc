#include "lb/http2/response_text.h"

#include "http/h1_decoder.h"

#include <catch2/catch.hpp>

#include <string>
#include <utility>
#include <vector>

namespace tandem::lb::http2 {
namespace {

using namespace std::string_literals;
using Fields = std::vector<std::pair<std::string, std::string>>;

struct Ends {
  bool is_last = false;
  bool is_bodiless = false;
};

/// The head, or nothing; what there is the decoder has to read whole.
std::string made(const Fields& fields, Ends ends = {}, std::size_t bytes_max = 15'360) {
  ResponseText response(bytes_max);
  response.begin();
  for (const auto& [name, value] : fields) response.add(name, value);
  return response.finish(ends.is_last, ends.is_bodiless);
}

http::ResponseHead decoded(const std::string& text, http::Method method = http::Method::kGet) {
  http::ResponseDecoder decoder{http::Limits{}};
  decoder.reset({.request_method = method});
  http::ResponseHead head;
  REQUIRE(decoder.decode(text, head) == http::DecodeResult::kDone);
  CHECK(head.head_bytes == text.size());
  return head;
}

TEST_CASE("an answer becomes the head that a server of HTTP/1.1 would have sent") {
  const std::string text =
      made({{":status", "200"}, {"server", "x"}, {"content-length", "5"}, {"set-cookie", "a=1"}});
  CHECK(text == "HTTP/1.1 200 OK\r\nserver: x\r\ncontent-length: 5\r\nset-cookie: a=1\r\n\r\n");
  CHECK(decoded(text).framing == http::BodyFraming{http::BodyFraming::Kind::kLength, 5});
}

TEST_CASE("a body is one of chunks where no length is told, and none where the stream ends") {
  using Kind = http::BodyFraming::Kind;
  CHECK(decoded(made({{":status", "200"}})).framing.kind == Kind::kChunked);
  CHECK(decoded(made({{":status", "200"}}, {.is_last = true})).framing.is_empty());
  CHECK(decoded(made({{":status", "200"}}, {.is_bodiless = true}), http::Method::kHead)
            .framing.is_empty());
  for (const std::string status : {"103 Early Hints", "204 No Content", "304 Not Modified"}) {
    const std::string text = made({{":status", status.substr(0, 3)}});
    CHECK(text == "HTTP/1.1 " + status + "\r\n\r\n");
    CHECK(decoded(text).framing.is_empty());
  }
}

TEST_CASE("the words that belong to a status are added: clients of HTTP/1 may want some") {
  CHECK(made({{":status", "404"}}).starts_with("HTTP/1.1 404 Not Found\r\n"));
  CHECK(made({{":status", "206"}}).starts_with("HTTP/1.1 206 Partial Content\r\n"));
  CHECK(made({{":status", "799"}}).starts_with("HTTP/1.1 799 Other\r\n"));
}

TEST_CASE("an answer that HTTP/1 could not say is none") {
  CHECK(made({}).empty());
  CHECK(made({{"server", "x"}}).empty());
  CHECK(made({{":status", "20"}}).empty());
  CHECK(made({{":status", "2000"}}).empty());
  // There is no switch of protocols in HTTP/2.
  CHECK(made({{":status", "101"}}).empty());
  for (const std::string name :
       {"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"})
    CHECK(made({{":status", "200"}, {name, "x"}}).empty());
  for (const char bad : {'\r', '\n', '\0', '\x7F'}) {
    CHECK(made({{":status", "200"}, {"x", "a"s + bad}}).empty());
    CHECK(made({{":status", "200"}, {"x"s + bad, "a"}}).empty());
    CHECK(made({{":status", "20"s + bad}}).empty());
  }
  CHECK(made({{":status", "200"}, {"x y", "a"}}).empty());
  CHECK(made({{":status", "200"}, {"", "a"}}).empty());
  // What was wrong once stays so.
  CHECK(made({{":status", "200"}, {"x", "\n"}, {"y", "v"}}).empty());
}

TEST_CASE("an answer that is too large is none, and the next head begins anew") {
  CHECK_FALSE(made({{":status", "200"}, {"x", "12345"}}, {}, 24).empty());
  CHECK(made({{":status", "200"}, {"x", "123456"}}, {}, 24).empty());
  ResponseText response(100);
  response.begin();
  response.add(":status", "103");
  response.add("x", std::string(100, 'v'));
  CHECK(response.finish(false, false).empty());
  response.begin();
  response.add(":status", "204");
  CHECK(response.finish(true, false) == "HTTP/1.1 204 No Content\r\n\r\n");
}

}  // namespace
}  // namespace tandem::lb::http2
