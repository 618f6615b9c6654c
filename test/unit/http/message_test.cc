// Look-ups in a parsed head, and what methods promise.
#include "http/message.h"

#include "http/h1_decoder.h"

#include <catch2/catch.hpp>

#include <string>
#include <string_view>

namespace tandem::http {
namespace {

RequestHead parse(std::string_view message) {
  RequestDecoder decoder{Limits{}};
  RequestHead head;
  REQUIRE(decoder.decode(message, head) == DecodeResult::kDone);
  return head;
}

TEST_CASE("methods promise what RFC 9110 9.2 says") {
  for (const Method method : {Method::kGet, Method::kHead, Method::kOptions, Method::kTrace}) {
    CHECK(is_safe(method));
    CHECK(is_idempotent(method));
  }
  for (const Method method : {Method::kPut, Method::kDelete}) {
    CHECK_FALSE(is_safe(method));
    CHECK(is_idempotent(method));
  }
  for (const Method method : {Method::kPost, Method::kPatch, Method::kConnect, Method::kOther})
    CHECK_FALSE(is_idempotent(method));
}

TEST_CASE("field names are known in any case and near misses are not") {
  struct Row {
    const char* name;
    FieldId id;
  };
  for (const Row& row :
       std::initializer_list<Row>{{"connection", FieldId::kConnection},
                                  {"content-length", FieldId::kContentLength},
                                  {"cookie", FieldId::kCookie},
                                  {"date", FieldId::kDate},
                                  {"expect", FieldId::kExpect},
                                  {"host", FieldId::kHost},
                                  {"http2-settings", FieldId::kHttp2Settings},
                                  {"keep-alive", FieldId::kKeepAlive},
                                  {"proxy-connection", FieldId::kProxyConnection},
                                  {"set-cookie", FieldId::kSetCookie},
                                  {"te", FieldId::kTe},
                                  {"trailer", FieldId::kTrailer},
                                  {"transfer-encoding", FieldId::kTransferEncoding},
                                  {"upgrade", FieldId::kUpgrade},
                                  {"x-forwarded-for", FieldId::kXForwardedFor}}) {
    const std::string name = row.name;
    CAPTURE(name);
    CHECK(field_id(name) == row.id);
    for (std::size_t i = 0; i < name.size(); ++i) {
      std::string upper = name;
      upper[i] = static_cast<char>(name[i] >= 'a' && name[i] <= 'z' ? name[i] - 32 : name[i]);
      CHECK(field_id(upper) == row.id);
      std::string other = name;
      other[i] = other[i] == '!' ? '~' : '!';
      CHECK(field_id(other) == FieldId::kOther);
    }
    CHECK(field_id(name + "s") == FieldId::kOther);
  }
}

TEST_CASE("query parameters are found by their whole name") {
  const std::string_view m = "GET /p?a=1&bb=2&c&d=&a=9&=e HTTP/1.1\r\nHost: h\r\n\r\n";
  const RequestHead head = parse(m);
  CHECK(head.query_parameter(m.data(), "a") == "1");
  CHECK(head.query_parameter(m.data(), "bb") == "2");
  CHECK(head.query_parameter(m.data(), "c") == "");
  CHECK(head.query_parameter(m.data(), "d") == "");
  CHECK_FALSE(head.query_parameter(m.data(), "b"));
  CHECK_FALSE(head.query_parameter(m.data(), "e"));
  const std::string_view none = "GET /p HTTP/1.1\r\nHost: h\r\n\r\n";
  CHECK_FALSE(parse(none).query_parameter(none.data(), "a"));
}

TEST_CASE("cookies are found over all Cookie fields") {
  const std::string_view m =
      "GET / HTTP/1.1\r\nHost: h\r\nCookie: SRV=one; xSRV=two;e=\r\nCookie: late = 3 ; bad\r\n\r\n";
  const RequestHead head = parse(m);
  CHECK(head.cookie(m.data(), "SRV") == "one");
  CHECK(head.cookie(m.data(), "xSRV") == "two");
  CHECK(head.cookie(m.data(), "e") == "");
  CHECK(head.cookie(m.data(), "late") == "3");
  CHECK_FALSE(head.cookie(m.data(), "bad"));
  CHECK_FALSE(head.cookie(m.data(), "srv"));
}

TEST_CASE("host is the authority without its port") {
  const auto host_of = [](const std::string& authority) {
    const std::string m = "GET / HTTP/1.1\r\nHost: " + authority + "\r\n\r\n";
    return std::string(parse(m).host(m.data()));
  };
  CHECK(host_of("A.example") == "A.example");
  CHECK(host_of("a.example:80") == "a.example");
  CHECK(host_of("[::1]") == "[::1]");
  CHECK(host_of("[::1]:80") == "[::1]");
}

TEST_CASE("a copied head reads the same in a moved buffer") {
  const std::string m = "GET /a HTTP/1.1\r\nHost: h\r\nX: y\r\n\r\n";
  RequestHead copy = parse("GET / HTTP/1.1\r\nHost: longer\r\nA: b\r\nC: d\r\nE: f\r\n\r\n");
  copy = parse(m);
  const std::string moved = m;
  CHECK(copy.fields.size() == 2);
  CHECK(copy.value_of(moved.data(), "x") == "y");
  CHECK(copy.find(FieldId::kHost)->value.in(moved.data()) == "h");
  CHECK(copy.find(FieldId::kCookie) == nullptr);
}

}  // namespace
}  // namespace tandem::http
