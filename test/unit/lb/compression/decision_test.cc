#include "lb/compression/decision.h"

#include "http/h1_decoder.h"
#include "lb/compression/head_edits.h"

#include <catch2/catch.hpp>

#include <string>

namespace tandem::lb::compression {
namespace {

using Kind = Decision::Kind;
using enum http::ContentCoding;

config::Compression settings_of() {
  return {.algorithms = {kBrotli, kGzip}, .types = {"text/*", "application/json"}, .min_size = 100};
}

/// A request with these fields and an answer with those, as they come over the wire.
struct Pair {
  std::string method = "GET";
  std::string version = "HTTP/1.1";
  std::string asked = "Accept-Encoding: gzip\r\n";
  std::string status = "200 OK";
  std::string answered = "Content-Type: text/html\r\nContent-Length: 1000\r\n";

  [[nodiscard]] std::string request_text() const {
    return method + " / " + version + "\r\nHost: a\r\n" + asked + "\r\n";
  }
  [[nodiscard]] std::string response_text() const {
    return "HTTP/1.1 " + status + "\r\n" + answered + "\r\n";
  }
};

/// Calls `visit` with the decoded messages.
template <class Visit>
auto with(const Pair& pair, Visit visit) {
  const std::string request_text = pair.request_text();
  const std::string response_text = pair.response_text();
  http::RequestHead request;
  http::RequestDecoder request_decoder{http::Limits{}};
  REQUIRE(request_decoder.decode(request_text, request) == http::DecodeResult::kDone);
  http::ResponseHead response;
  http::ResponseDecoder response_decoder{http::Limits{}};
  response_decoder.reset({.request_method = request.method, .upgrade_sent = false});
  REQUIRE(response_decoder.decode(response_text, response) == http::DecodeResult::kDone);
  return visit(Messages{.request = request,
                        .request_base = request_text.data(),
                        .response = response,
                        .response_base = response_text.data()});
}

Decision decided(const Pair& pair, const config::Compression& settings = settings_of()) {
  return with(pair, [&](const Messages& messages) { return decide(settings, messages); });
}

/// The head as the client gets it, framing aside.
std::string edited(const Pair& pair, const config::Compression& settings = settings_of()) {
  return with(pair, [&](const Messages& messages) {
    const HeadEdits edits(decide(settings, messages), messages);
    std::string head(4096, '\0');
    const auto size = http::encode_response(head, messages.response_base, messages.response,
                                            {.framing = {.kind = http::BodyFraming::Kind::kChunked},
                                             .added = edits.added(),
                                             .removed = edits.removed()});
    REQUIRE(size);
    return head.substr(0, *size);
  });
}

TEST_CASE("An answer of a wanted type is compressed for a client that takes it") {
  CHECK(decided({}).kind == Kind::kCompress);
  CHECK(decided({}).coding == kGzip);
  CHECK(decided({.asked = "Accept-Encoding: gzip, br\r\n"}).coding == kBrotli);
  CHECK(decided({.asked = "Accept-Encoding: gzip\r\naccept-encoding: br\r\n"}).coding == kBrotli);
  CHECK(decided({.asked = "Accept-Encoding: gzip, br;q=0.5\r\n"}).coding == kGzip);
  CHECK(decided({.method = "POST"}).kind == Kind::kCompress);
  CHECK(decided({.status = "201 Created"}).kind == Kind::kCompress);
  CHECK(decided({.status = "203 Changed"}).kind == Kind::kCompress);
}

TEST_CASE("What could have been compressed and is not, varies") {
  for (const char* asked :
       {"", "Accept-Encoding:\r\n", "Accept-Encoding: deflate\r\n", "Accept-Encoding: gzip;q=0\r\n",
        "Accept-Encoding: identity, gzip;q=0.5\r\n",
        "Accept-Encoding: gzip\r\nCache-Control: max-age=0, no-transform\r\n"}) {
    CAPTURE(asked);
    CHECK(decided({.asked = asked}).kind == Kind::kVary);
  }
  CHECK(decided({.version = "HTTP/1.0"}).kind == Kind::kVary);
}

TEST_CASE("Only whole answers of good statuses are compressed") {
  for (const char* status : {"204 No Content", "205 Reset", "206 Partial Content", "301 Moved",
                             "304 Not Modified", "404 Not Found", "500 Oops", "226 IM Used"}) {
    CAPTURE(status);
    CHECK(decided({.status = status}).kind == Kind::kUntouched);
  }
}

TEST_CASE("Types are those of the configuration; parts and gRPC never are") {
  config::Compression all = settings_of();
  all.types = {"multipart/*", "application/*", "text/*"};
  struct Row {
    const char* type;
    Kind kind;
    Kind kind_with_all;
  };
  for (const Row& row : std::initializer_list<Row>{
           {"text/plain", Kind::kCompress, Kind::kCompress},
           {"TEXT/Html;charset=utf-8", Kind::kCompress, Kind::kCompress},
           {"application/json ; a=b", Kind::kCompress, Kind::kCompress},
           {"application/octet-stream", Kind::kUntouched, Kind::kCompress},
           {"image/png", Kind::kUntouched, Kind::kUntouched},
           {"multipart/mixed; boundary=text/html", Kind::kUntouched, Kind::kUntouched},
           {"application/grpc", Kind::kUntouched, Kind::kUntouched},
           {"application/grpc-web+proto", Kind::kUntouched, Kind::kUntouched},
           {"", Kind::kUntouched, Kind::kUntouched}}) {
    CAPTURE(row.type);
    const Pair pair{.answered =
                        std::string("Content-Length: 1000\r\nContent-Type: ") + row.type + "\r\n"};
    CHECK(decided(pair).kind == row.kind);
    CHECK(decided(pair, all).kind == row.kind_with_all);
  }
  CHECK(decided({.answered = "Content-Length: 1000\r\n"}).kind == Kind::kUntouched);
}

TEST_CASE("A length that is known has to be worth it") {
  const auto with_length = [](const std::string& framing) {
    return decided({.answered = "Content-Type: text/html\r\n" + framing}).kind;
  };
  CHECK(with_length("Content-Length: 0\r\n") == Kind::kUntouched);
  CHECK(with_length("Content-Length: 99\r\n") == Kind::kUntouched);
  CHECK(with_length("Content-Length: 100\r\n") == Kind::kCompress);
  CHECK(with_length("Transfer-Encoding: chunked\r\n") == Kind::kCompress);
  CHECK(with_length("") == Kind::kCompress);  // until the server closes
  config::Compression any = settings_of();
  any.min_size = 0;
  const auto with_any = [&any](const char* length) {
    return decided({.answered = std::string("Content-Type: text/html\r\nContent-Length: ") +
                                length + "\r\n"},
                   any)
        .kind;
  };
  CHECK(with_any("1") == Kind::kCompress);
  CHECK(with_any("0") == Kind::kUntouched);
}

TEST_CASE("HEAD is decided as GET would be") {
  CHECK(decided({.method = "HEAD"}).kind == Kind::kCompress);
  CHECK(decided({.method = "HEAD", .asked = ""}).kind == Kind::kVary);
  CHECK(decided({.method = "HEAD", .answered = "Content-Type: text/html\r\n"}).kind ==
        Kind::kCompress);
  CHECK(decided({.method = "HEAD", .answered = "Content-Type: text/html\r\nContent-Length: 99\r\n"})
            .kind == Kind::kUntouched);
}

TEST_CASE("Fields that speak of the very bytes, or forbid it, keep an answer as it is") {
  for (const char* field :
       {"Content-Encoding: gzip", "Content-Encoding: identity", "Content-Range: bytes 0-1/2",
        "Content-MD5: x", "Digest: sha-256=x",
        "Content-Digest: sha-256=:x:", "Repr-Digest: sha-256=:x:", "Cache-Control: no-transform",
        "Cache-Control: public\r\nCache-Control: max-age=3, No-Transform", "ETag: unquoted",
        "ETag: \"a\"\r\nETag: \"b\"", "ETag: w/\"a\"", "ETag: \"a\"b\"", "ETag: \""}) {
    CAPTURE(field);
    const Pair pair{.answered = std::string("Content-Type: text/html\r\nContent-Length: 1000\r\n") +
                                field + "\r\n"};
    CHECK(decided(pair).kind == Kind::kUntouched);
  }
}

TEST_CASE("Nothing is touched where compression is off") {
  CHECK(decided({}, config::Compression{.types = {"text/*"}}).kind == Kind::kUntouched);
}

TEST_CASE("The head of a compressed answer says so") {
  const std::string head =
      edited({.answered = "Content-Type: text/html\r\nContent-Length: 1000\r\n"
                          "ETag: \"abc\"\r\nAccept-Ranges: bytes\r\nDate: now\r\n"});
  CHECK(head ==
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nDate: now\r\nTransfer-Encoding: chunked\r\n"
        "Content-Encoding: gzip\r\nETag: W/\"abc\"\r\nVary: Accept-Encoding\r\n\r\n");
}

TEST_CASE(
    "Vary is added where it is missing, a weak tag stays, and so does what is not compressed") {
  struct Row {
    const char* fields;
    const char* expected;  // behind the framing
  };
  for (const Row& row :
       std::initializer_list<Row>{{"", "Vary: Accept-Encoding\r\n"},
                                  {"Vary: Cookie\r\n", "Vary: Accept-Encoding\r\n"},
                                  {"Vary: Cookie, accept-encoding\r\n", ""},
                                  {"Vary: Cookie\r\nvary: Accept-Encoding\r\n", ""},
                                  {"Vary: *\r\n", ""}}) {
    CAPTURE(row.fields);
    const std::string answered =
        std::string("Content-Type: text/html\r\nETag: W/\"a\"\r\nAccept-Ranges: none\r\n") +
        row.fields;
    const std::string untouched = edited({.asked = "", .answered = answered});
    CHECK(untouched == "HTTP/1.1 200 OK\r\n" + answered + "Transfer-Encoding: chunked\r\n" +
                           row.expected + "\r\n");
    const std::string compressed = edited({.answered = answered});
    CHECK(compressed.find("ETag: W/\"a\"\r\n") != std::string::npos);
    CHECK(compressed.find("Accept-Ranges") == std::string::npos);
    CHECK(compressed.ends_with(std::string("chunked\r\nContent-Encoding: gzip\r\n") + row.expected +
                               "\r\n"));
  }
}

TEST_CASE("A 304 tells the tag as the client knows it") {
  const auto answer_to = [](const std::string& condition) {
    return edited({.asked = "If-None-Match: " + condition + "\r\n",
                   .status = "304 Not Modified",
                   .answered = "ETag: \"abc\"\r\n"});
  };
  const auto is_weak = [&](const std::string& condition) {
    const std::string head = answer_to(condition);
    const bool varies = head.find("Vary: Accept-Encoding\r\n") != std::string::npos;
    const bool weak = head.find("ETag: W/\"abc\"\r\n") != std::string::npos;
    const bool strong = head.find("ETag: \"abc\"\r\n") != std::string::npos;
    REQUIRE(weak != strong);
    REQUIRE(varies == weak);
    return weak;
  };
  CHECK(is_weak("W/\"abc\""));
  CHECK(is_weak("\"x\", W/\"abc\""));
  CHECK_FALSE(is_weak("\"abc\""));
  CHECK_FALSE(is_weak("W/\"abc\", \"abc\""));
  CHECK_FALSE(is_weak("*"));
  CHECK_FALSE(is_weak("W/\"abcd\""));
  CHECK(decided({.asked = "If-None-Match: W/\"abc\"\r\n",
                 .status = "304 Not Modified",
                 .answered = "ETag: W/\"abc\"\r\n"})
            .kind == Kind::kUntouched);
}

}  // namespace
}  // namespace tandem::lb::compression
