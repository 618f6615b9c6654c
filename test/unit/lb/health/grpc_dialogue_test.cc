// The gRPC check against answers made by hand, frame by frame; all of it whole and byte by byte.
#include "test/unit/lb/health/dialogue_harness.h"

#include <catch2/catch.hpp>

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tandem::lb::health {
namespace {

using namespace std::string_literals;
using Fields = std::vector<std::pair<std::string, std::string>>;

enum Type : std::uint8_t {
  kData = 0,
  kHeaders = 1,
  kReset = 3,
  kSettings = 4,
  kPing = 6,
  kGoaway = 7
};
constexpr std::uint8_t kEndStream = 1;
constexpr std::uint8_t kEndHeaders = 4;

std::string frame(std::uint8_t type, std::uint8_t flags, std::uint8_t stream,
                  const std::string& payload) {
  std::string head;
  for (const unsigned shift : {16U, 8U, 0U})
    head += static_cast<char>(payload.size() >> shift & 0xffU);
  head += static_cast<char>(type);
  head += static_cast<char>(flags);
  return head + "\0\0\0"s + static_cast<char>(stream) + payload;
}

/// A head whose fields stand there letter by letter.
std::string headers(const Fields& fields, bool is_end = false) {
  std::string block;
  for (const auto& [name, value] : fields) {
    block += '\0';
    block += static_cast<char>(name.size()) + name;
    block += static_cast<char>(value.size()) + value;
  }
  return frame(kHeaders, is_end ? kEndHeaders | kEndStream : kEndHeaders, 1, block);
}

std::string data(const std::string& message, bool is_end = false) {
  return frame(kData, is_end ? kEndStream : 0, 1,
               "\0\0\0\0"s + static_cast<char>(message.size()) + message);
}

const std::string kHello = frame(kSettings, 0, 0, "");
const Fields kGood = {{":status", "200"}, {"content-type", "application/grpc"}};
const Fields kTrailer = {{"grpc-status", "0"}};
const std::string kServing = "\x08\x01";

config::Check grpc(std::string service = "") {
  config::Check check;
  check.type = config::Check::Type::kGrpc;
  check.service = std::move(service);
  return check;
}

std::string result_of(const std::string& answer) {
  const config::Check check = grpc();
  const Talk whole(check, {answer}, false);
  const Talk bytes(check, {answer}, true);
  CHECK(whole.result() == bytes.result());
  return whole.result();
}

/// What an answer of this message comes to.
std::string result_of_message(const std::string& message) {
  return result_of(kHello + headers(kGood) + data(message) + headers(kTrailer, true));
}

std::string result_of_trailers(Fields fields) {
  fields.insert(fields.begin(), kGood.begin(), kGood.end());
  return result_of(kHello + headers(fields, true));
}

TEST_CASE("the call is one POST to the health service") {
  const config::Check check = grpc("shop.Cart");
  const std::string sent = Talk(check, {}, false).sent();
  CHECK(sent.starts_with("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
  // The message ends what is said: its flag, its length, the field, the name.
  CHECK(sent.ends_with("\0\0\0\0\x0b\x0a\x09shop.Cart"s));
  CHECK(Talk(grpc(), {}, false).sent().ends_with("\0\0\0\0\0"s));
}

TEST_CASE("what serves passes, and anything else fails in its own word") {
  CHECK(result_of_message(kServing) == "L7OK 0 gRPC server is SERVING");
  CHECK(result_of_message("\x08\x02") == "L7STS 0 gRPC server is NOT_SERVING");
  CHECK(result_of_message("\x08\x03") == "L7STS 0 gRPC server is SERVICE_UNKNOWN");
  CHECK(result_of_message("\x08\0"s) == "L7STS 0 gRPC server is UNKNOWN");
  CHECK(result_of_message("") == "L7STS 0 gRPC server is UNKNOWN");
  CHECK(result_of_message("\x08\x63") == "L7STS 0 gRPC server has health 99");
}

TEST_CASE("a message is read as protobuf, later fields are passed over") {
  CHECK(result_of_message("\x10\x05" + kServing + "\x1a\x02hi") == "L7OK 0 gRPC server is SERVING");
  CHECK(result_of_message("\x08\x02\x08\x01") == "L7OK 0 gRPC server is SERVING");
  for (const std::string& bad :
       {"\x08"s, "\x08\x80"s, "\0\x01"s, "\x0a\x01x"s, "\x1a\x09hi"s, "\x0b"s,
        "\x08"s + std::string(9, '\xff') + "\x7f", "\x11xxx"s, "\x15x"s})
    CHECK(result_of_message(bad) == "L7RSP 0 the message tells no health");
}

TEST_CASE("a status of gRPC that is not 0 is told with its number, name and words") {
  CHECK(result_of_trailers({{"grpc-status", "12"}, {"grpc-message", "no such method"}}) ==
        "L7STS 12 gRPC status 12 UNIMPLEMENTED: no such method");
  CHECK(result_of_trailers({{"grpc-status", "5"}}) == "L7STS 5 gRPC status 5 NOT_FOUND");
  CHECK(result_of_trailers({{"grpc-status", "99"}}) == "L7STS 99 gRPC status 99");
  CHECK(result_of_trailers({{"grpc-status", "no"}}) == "L7RSP 0 the answer has no gRPC status");
  CHECK(result_of_trailers({}) == "L7RSP 0 the answer has no gRPC status");
  CHECK(result_of_trailers(kTrailer) == "L7RSP 0 the answer is not one message");
}

TEST_CASE("HTTP that is not gRPC fails with its status") {
  CHECK(result_of(kHello + headers({{":status", "503"}}, true)) == "L7STS 503 HTTP status 503");
  CHECK(result_of(kHello + headers({{":status", "200"}, {"content-type", "text/html"}}, true)) ==
        "L7RSP 0 the answer is not gRPC");
  // An interim answer does not count.
  CHECK(result_of(kHello + headers({{":status", "103"}}) + headers({{":status", "404"}}, true)) ==
        "L7STS 404 HTTP status 404");
}

TEST_CASE("an answer of more, or other, than one message is none") {
  const std::string head = kHello + headers(kGood);
  const std::string end = headers(kTrailer, true);
  const std::string none = "L7RSP 0 the answer is not one message";
  CHECK(result_of(head + data(kServing) + data(kServing) + end) == none);
  CHECK(result_of(head + frame(kData, 0, 1, "\1\0\0\0\2"s + kServing) + end) == none);
  CHECK(result_of(head + frame(kData, 0, 1, "\0\0\0\0\3"s + kServing) + end) == none);
  CHECK(result_of(head + frame(kData, 0, 1, "\0\0"s) + end) == none);
  CHECK(result_of(head + frame(kData, 0, 1, std::string(2000, 'x'))) ==
        "L7RSP 0 the answer is longer than one of this service");
}

TEST_CASE("what is not HTTP/2, breaks its rules or breaks off is an invalid answer") {
  const std::string none = "L7RSP 0 the answer is not HTTP/2";
  CHECK(result_of("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n") == none);
  CHECK(result_of("-ERR unknown command 'PRI'\r\n") == none);
  CHECK(result_of(kHello + frame(kData, 0, 0, "x")) == none);
  CHECK(result_of(kHello + frame(kPing, 0, 0, "short")) == none);
  CHECK(result_of(kHello + frame(kReset, 0, 1, "\0\0\0\7"s)) ==
        "L7RSP 0 the call was broken off: REFUSED_STREAM");
  CHECK(result_of(kHello + frame(kGoaway, 0, 0, std::string(8, '\0'))) ==
        "L7RSP 0 the call was broken off: REFUSED_STREAM");
}

TEST_CASE("silence is told by what was waited for, and a check leaves politely") {
  const config::Check check = grpc();
  CHECK(Talk(check, {kHello}, true).result_when_late() ==
        "L7TOUT 0 waited for the answer to the call");
  CHECK(Talk(check, {kHello + headers(kGood)}, true).result_when_late() ==
        "L7TOUT 0 waited for the end of the call");
  CHECK(Talk(check, {kHello}, true).result_when_closed() ==
        "L7RSP 0 connection closed before the answer to the call");
  const Talk done(check, {kHello + headers(kGood) + data(kServing) + headers(kTrailer, true)},
                  false);
  CHECK(done.sent().ends_with(std::string(kGoaway == 7 ? "\0\0\x08\7\0\0\0\0\0"s : ""s) +
                              std::string(8, '\0')));
}

TEST_CASE("pings are answered up to the bound on what is heard") {
  const config::Check check = grpc();
  std::string pings = kHello;
  while (pings.size() + 17 < Dialogue::kHeardBytesMax) pings += frame(kPing, 0, 0, "12345678");
  CHECK(result_of(pings) == "open");
  CHECK(result_of(pings + pings) == "L7RSP 0 the server says too much");
}

}  // namespace
}  // namespace tandem::lb::health
