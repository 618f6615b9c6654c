// RequestDecoder against RFC 9112, one row for each case; every row whole, byte by byte and split
// at each offset.
#include "test/unit/http/describe.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>
#include <string_view>

namespace tandem::http {
namespace {

/// The one answer that all ways of cutting `message` give; differences fail the test.
std::string decode_every_way(std::string_view message, const Limits& limits = {}) {
  const std::string whole = decode_request(message, {message.size()}, limits);
  CHECK(decode_request(message, every_byte(message.size()), limits) == whole);
  if (message.size() < 2'000)
    for (std::size_t i = 0; i <= message.size(); ++i)
      if (decode_request(message, {i, message.size()}, limits) != whole) {
        CAPTURE(i);
        CHECK(decode_request(message, {i, message.size()}, limits) == whole);
      }
  return whole;
}

struct Parsed {
  std::string bytes;
  RequestHead head;
  [[nodiscard]] const char* base() const { return bytes.data(); }
};
Parsed parse(std::string message) {
  Parsed parsed{std::move(message), {}};
  RequestDecoder decoder{Limits{}};
  INFO(parsed.bytes);
  INFO(decode_every_way(parsed.bytes));
  REQUIRE(decoder.decode(parsed.bytes, parsed.head) == DecodeResult::kDone);
  return parsed;
}

std::string with_fields(std::string_view fields) {
  return "GET / HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n";
}

struct Refused {
  std::string message;
  int status;
  const char* section;
};

void check_refused(const std::vector<Refused>& rows) {
  for (const Refused& row : rows) {
    CAPTURE(row.message, row.section);
    CHECK_THAT(decode_every_way(row.message),
               Catch::StartsWith(fmt::format("error {} ", row.status)));
  }
}

TEST_CASE("a typical request is read into its parts") {
  const Parsed p = parse(
      "GET /a/b?x=1 HTTP/1.1\r\nHost: Example.org:8080\r\nUser-Agent: t/1\r\n"
      "Accept:*/*\r\nX-Empty:\r\nX-Spaces: \t a b \t \r\n\r\n");
  const RequestHead& head = p.head;
  CHECK(head.method == Method::kGet);
  CHECK(head.view(p.base(), head.target) == "/a/b?x=1");
  CHECK(head.path_and_query(p.base()) == "/a/b?x=1");
  CHECK(head.path_only(p.base()) == "/a/b");
  CHECK(head.query(p.base()) == "x=1");
  CHECK(head.view(p.base(), head.authority) == "Example.org:8080");
  CHECK(head.host(p.base()) == "Example.org");
  CHECK(head.version == 11);
  CHECK(head.keep_alive);
  CHECK(head.framing == BodyFraming{});
  CHECK(head.fields.size() == 5);
  CHECK(head.value_of(p.base(), "accept") == "*/*");
  CHECK(head.value_of(p.base(), "x-empty") == "");
  CHECK(head.value_of(p.base(), "X-SPACES") == "a b");
  CHECK_FALSE(head.value_of(p.base(), "x-none"));
  CHECK(head.head_bytes == p.bytes.size());
}

TEST_CASE("bytes behind a head are not looked at") {
  const std::string head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  CHECK(decode_every_way(head + "\n\r\x01 rubbish") == decode_every_way(head));
}

TEST_CASE("an incomplete head asks for more at every length") {
  const std::string head = "\r\nPOST http://a/b HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n";
  for (std::size_t i = 0; i < head.size(); ++i)
    CHECK(decode_every_way(head.substr(0, i)) == "more");
}

TEST_CASE("a decoder is ready for the next request after reset") {
  RequestDecoder decoder{Limits{}};
  RequestHead head;
  const std::string first =
      "POST /1 HTTP/1.0\r\nConnection: keep-alive, x\r\nX: 1\r\nContent-Length: 3\r\n\r\n";
  const std::string second = "GET /2 HTTP/1.1\r\nHost: b\r\n\r\n";
  REQUIRE(decoder.decode(first, head) == DecodeResult::kDone);
  CHECK(decoder.decode(first, head) == DecodeResult::kDone);
  decoder.reset();
  CHECK_FALSE(decoder.started());
  REQUIRE(decoder.decode(second, head) == DecodeResult::kDone);
  CHECK(describe(head, second.data()) == decode_request(second, {second.size()}));
  decoder.reset();
  REQUIRE(decoder.decode("GET /\x01", head) == DecodeResult::kError);
  CHECK(decoder.decode("GET /\x01", head) == DecodeResult::kError);
  decoder.reset();
  CHECK(decoder.decode(second, head) == DecodeResult::kDone);
}

TEST_CASE("at most two empty lines before a request are passed over") {
  CHECK(parse("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n").head.method == Method::kGet);
  check_refused({
      {"\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "9112 2.2"},
      {"\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "9112 2.2"},
      {"\rGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "9112 2.2"},
      {"\r\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "9112 2.2"},
  });
  RequestDecoder decoder{Limits{}};
  RequestHead head;
  CHECK(decoder.decode("\r\n", head) == DecodeResult::kNeedMore);
  CHECK_FALSE(decoder.started());
  CHECK(decoder.decode("\r\nG", head) == DecodeResult::kNeedMore);
  CHECK(decoder.started());
}

TEST_CASE("methods are case-sensitive and unknown ones pass") {
  const auto method_of = [](const std::string& name) {
    return parse(name + " / HTTP/1.1\r\nHost: a\r\n\r\n").head.method;
  };
  CHECK(method_of("HEAD") == Method::kHead);
  CHECK(method_of("POST") == Method::kPost);
  CHECK(method_of("PUT") == Method::kPut);
  CHECK(method_of("DELETE") == Method::kDelete);
  CHECK(method_of("OPTIONS") == Method::kOptions);
  CHECK(method_of("TRACE") == Method::kTrace);
  CHECK(method_of("PATCH") == Method::kPatch);
  CHECK(method_of("get") == Method::kOther);
  CHECK(method_of("M-SEARCH!") == Method::kOther);
  CHECK(method_of(std::string(32, 'X')) == Method::kOther);
}

TEST_CASE("malformed request lines are refused") {
  const std::string host = "\r\nHost: a\r\n\r\n";
  check_refused({
      {" GET / HTTP/1.1" + host, 400, "9112 3"},
      {"G\tT / HTTP/1.1" + host, 400, "9112 3.1"},
      {"G\x80T / HTTP/1.1" + host, 400, "9112 3.1"},
      {"GET\t/ HTTP/1.1" + host, 400, "9112 3"},
      {"GET  / HTTP/1.1" + host, 400, "9112 3"},
      {"GET /  HTTP/1.1" + host, 400, "9112 3"},
      {"GET /\tHTTP/1.1" + host, 400, "9112 3"},
      {"GET / HTTP/1.1 " + host, 400, "9112 3"},
      {"GET / a HTTP/1.1" + host, 400, "9112 3"},
      {"GET" + host, 400, "9112 3"},
      {"GET\n", 400, "9112 2.2"},
      {"GET /\r\n", 400, "HTTP/0.9"},
      {"GET /\n", 400, "9112 2.2"},
      {"GET / \r\n", 400, "9112 2.3"},
      {"GET / HTTP/1.1\nHost: a\r\n\r\n", 400, "9112 2.2"},
      {"GET / HTTP/1.1\rHost: a\r\n\r\n", 400, "9112 2.2"},
      {"GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", 400, "9112 2.2"},
      {std::string(33, 'X') + " / HTTP/1.1" + host, 501, "9112 3"},
      {"CONNECT a:443 HTTP/1.1" + host, 405, "9110 9.3.6"},
      {"\x16\x03\x01\x02", 400, "a TLS hello"},
  });
}

TEST_CASE("versions: 1.x is read, other majors are 505, anything else is 400") {
  const std::string rest = "\r\nHost: a\r\n\r\n";
  CHECK(parse("GET / HTTP/1.0" + rest).head.version == 10);
  CHECK(parse("GET / HTTP/1.1" + rest).head.version == 11);
  CHECK(parse("GET / HTTP/1.2" + rest).head.version == 11);
  check_refused({
      {"GET / HTTP/2.0" + rest, 505, "9110 15.6.6"},
      {"GET / HTTP/0.9" + rest, 505, "9110 15.6.6"},
      {"GET / HTTP/9.1" + rest, 505, "9110 15.6.6"},
      {"GET / http/1.1" + rest, 400, "9112 2.3"},
      {"GET / HTTP/1.10" + rest, 400, "9112 2.3"},
      {"GET / HTTP/1" + rest, 400, "9112 2.3"},
      {"GET / HTTP/1.x" + rest, 400, "9112 2.3"},
      {"GET / HTTP/x.1" + rest, 400, "9112 2.3"},
      {"GET / HTTP/1,1" + rest, 400, "9112 2.3"},
      {"GET / HTTP /1.1" + rest, 400, "9112 2.3"},
      {"GET / HTTPS/1.1" + rest, 400, "9112 2.3"},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "9113 3.4 without HTTP/2"},
  });
}

TEST_CASE("targets: bytes outside printable ASCII, fragments and odd forms are refused") {
  const std::string rest = " HTTP/1.1\r\nHost: a\r\n\r\n";
  CHECK(parse("GET /a\\b|c{}\"<>^`%zz" + rest).head.form == TargetForm::kOrigin);
  check_refused({
      {"GET /\x01" + rest, 400, "9112 3.2"},
      {"GET /\x7f" + rest, 400, "9112 3.2"},
      {"GET /\xc3\xa4" + rest, 400, "9112 3.2"},
      {std::string("GET /\0a", 7) + rest, 400, "9112 3.2"},
      {"GET /a#b" + rest, 400, "9112 3.2"},
      {"GET #" + rest, 400, "9112 3.2"},
      {"GET *" + rest, 400, "9112 3.2.4"},
      {"OPTIONS **" + rest, 400, "9112 3.2.4"},
      {"GET a" + rest, 400, "9112 3.2"},
      {"GET a:80" + rest, 400, "9112 3.2.3"},
      {"GET ?a" + rest, 400, "9112 3.2.1"},
      {"GET ftp://a/" + rest, 400, "9112 3.2.2"},
      {"GET http:/a/" + rest, 400, "9112 3.2.2"},
      {"GET http:///a" + rest, 400, "9110 4.2.1"},
      {"GET http://u@a/" + rest, 400, "9110 4.2.4"},
      {"GET http://u:p@a/" + rest, 400, "9110 4.2.4"},
      {"GET http://a:/" + rest, 400, "9110 4.2.3"},
      {"GET http://a:x/" + rest, 400, "3986 3.2.3"},
      {"GET http://a\\b/" + rest, 400, "3986 3.2.2"},
      {"GET http://[::1/" + rest, 400, "3986 3.2.2"},
  });
}

TEST_CASE("absolute-form names authority and path") {
  struct Row {
    const char* line;
    const char* host_field;
    const char* authority;
    const char* path;
    const char* path_only;
  };
  const std::vector<Row> rows = {
      {"GET http://a.b/c?d", "a.b", "a.b", "/c?d", "/c"},
      {"GET HTTP://a.b:81/c", "A.B:81", "a.b:81", "/c", "/c"},
      {"GET http://a.b", "a.b:80", "a.b", "/", "/"},
      {"GET https://a.b:443/", "a.b", "a.b:443", "/", "/"},
      {"GET http://a.b?x=/y", "a.b", "a.b", "?x=/y", "/"},
      {"GET http://[::1]:8/", "[::1]:8", "[::1]:8", "/", "/"},
      {"OPTIONS http://a.b", "a.b", "a.b", "*", "*"},
      {"OPTIONS http://a.b/", "a.b", "a.b", "/", "/"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.line);
    const Parsed p =
        parse(fmt::format("{} HTTP/1.1\r\nHost: {}\r\n\r\n", row.line, row.host_field));
    CHECK(p.head.authority.in(p.base()) == row.authority);
    CHECK(p.head.path_and_query(p.base()) == row.path);
    CHECK(p.head.path_only(p.base()) == row.path_only);
  }
}

TEST_CASE("OPTIONS takes an asterisk") {
  const Parsed p = parse("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(p.head.form == TargetForm::kAsterisk);
  CHECK(p.head.path_only(p.base()) == "*");
}

TEST_CASE("malformed field lines are refused") {
  check_refused({
      {"GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400, "9112 2.2"},
      {"GET / HTTP/1.1\r\n\tHost: a\r\n\r\n", 400, "9112 2.2"},
      {with_fields("X: 1\r\n 2\r\n"), 400, "9112 5.2"},
      {with_fields("X: 1\r\n\t2\r\n"), 400, "9112 5.2"},
      {with_fields("X : 1\r\n"), 400, "9112 5.1"},
      {with_fields("X\t: 1\r\n"), 400, "9112 5.1"},
      {with_fields(": 1\r\n"), 400, "9110 5.1"},
      {with_fields("X\r\n"), 400, "9112 5"},
      {with_fields("X 1\r\n"), 400, "9112 5"},
      {with_fields("X@Y: 1\r\n"), 400, "9110 5.1"},
      {with_fields("X(Y): 1\r\n"), 400, "9110 5.1"},
      {with_fields("X\x80: 1\r\n"), 400, "9110 5.1"},
      {with_fields(std::string("X\0Y: 1\r\n", 8)), 400, "9110 5.1"},
      {with_fields("\x01: 1\r\n"), 400, "9110 5.1"},
      {with_fields(std::string("X: 1\0\r\n", 7)), 400, "9110 5.5"},
      {with_fields("X: \x01\r\n"), 400, "9110 5.5"},
      {with_fields("X: \x7f\r\n"), 400, "9110 5.5"},
      {with_fields("X: 0123456789abcdef\x1f\r\n"), 400, "9110 5.5"},
      {with_fields("X: 1\n"), 400, "9112 2.2"},
      {with_fields("X\n"), 400, "9112 2.2"},
      {with_fields("\n"), 400, "9112 2.2"},
      {with_fields("X: 1\rY: 2\r\n"), 400, "9112 2.2"},
      {with_fields("X: 1\r\r\n"), 400, "9112 2.2"},
      {with_fields("X: \n\r\n"), 400, "9112 2.2"},
      {with_fields("\rX: 1\r\n"), 400, "9112 2.2"},
  });
}

TEST_CASE("every byte is allowed or refused in names and values as RFC 9110 says") {
  const std::string_view marks = "!#$%&'*+-.^_`|~";
  for (int c = 0; c < 256; ++c) {
    const char byte = static_cast<char>(c);
    CAPTURE(c);
    const bool is_token = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                          (c >= 'A' && c <= 'Z') || (c != 0 && marks.contains(byte));
    // Long enough that the wide scan meets the byte too, and short for the bytewise one.
    for (const std::size_t pad : {0U, 3U, 20U}) {
      const std::string text = std::string(pad, 'a') + byte + std::string(pad, 'a');
      const bool is_delimiter = byte == ':' && pad > 0;  // ends the name, the rest is its value
      const std::string named = with_fields(text + ": 1\r\n");
      CHECK((decode_request(named, {named.size()}).starts_with("GET")) ==
            (is_token || is_delimiter));
      const std::string valued = with_fields("X: " + text + "\r\n");
      const bool is_value = (c >= 0x20 && c != 0x7f) || c == '\t';
      CHECK((decode_request(valued, {valued.size()}).starts_with("GET")) == is_value);
      const std::string target = "GET /" + text + " HTTP/1.1\r\nHost: a\r\n\r\n";
      const bool is_target = c > 0x20 && c < 0x7f && c != '#';
      CHECK((decode_request(target, {target.size()}).starts_with("GET")) == is_target);
    }
  }
}

TEST_CASE("errors are found at the byte that makes them certain") {
  struct Row {
    std::string message;
    const char* detail;
  };
  const std::vector<Row> rows = {
      {"GET / HTTP/1.1\r\nHost: a\n", "bare LF"},
      {"GET / HTTP/1.1\r\nHo st", "whitespace behind a field name"},
      {"GET / HTTP/1.1\r\nHost: a\r\n ", "obsolete folding"},
      {"GET / HTTP/1.1\r\nX: a\rb", "bare CR"},
      {"GET / HTTP/2", "unknown major version"},
      {"GET / HTTX", "malformed version"},
      {"CONNECT ", "CONNECT"},
      {"GET http://a@b/ ", "invalid authority in the request target"},
      {"GET / HTTP/1.1\r\nContent-Length: x\r\n", "invalid Content-Length"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.message);
    const std::string before = row.message.substr(0, row.message.size() - 1);
    if (row.message != "GET / HTTP/1.1\r\nHo st") CHECK(decode_every_way(before) == "more");
    CHECK_THAT(decode_every_way(row.message), Catch::Contains(row.detail));
  }
}

TEST_CASE("Host: exactly one in HTTP/1.1, at most one in HTTP/1.0, and valid") {
  CHECK(parse("GET / HTTP/1.0\r\n\r\n").head.authority.empty());
  for (const char* host : {"a", "a.b:0", "a_b", "a~!$&'()*+;=", "[::ffff:1.2.3.4]", "1.2.3.4:65535",
                           "[2001:db8::1]:443", "a."}) {
    const Parsed p = parse(fmt::format("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", host));
    CHECK(p.head.authority.in(p.base()) == host);
  }
  std::vector<Refused> rows = {
      {"GET / HTTP/1.1\r\n\r\n", 400, "9112 3.2"},
      {"GET http://a/ HTTP/1.1\r\n\r\n", 400, "9112 3.2"},
      {"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400, "9112 3.2"},
      {"GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400, "9112 3.2"},
      {"GET / HTTP/1.1\r\nHost: a\r\nhOST: b\r\n\r\n", 400, "9112 3.2"},
      {"GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n", 400, "9112 3.2.2, strict"},
      {"GET http://a/ HTTP/1.1\r\nHost: a:81\r\n\r\n", 400, "9112 3.2.2, strict"},
      {"GET https://a/ HTTP/1.1\r\nHost: a:80\r\n\r\n", 400, "9112 3.2.2, strict"},
  };
  for (const char* host :
       {"",         "a b", "a,b",  "a/b",  "u@a",          "a:",   "a:b",   "a:1:2",  "a:65536",
        "a:000080", ":80", "a%41", "[]",   "[1.2.3.4]",    "[::1", "[::g]", "[::1]x", "::1",
        "\xc3\xa4", "a?b", "a#b",  "a\\b", "[::1%25eth0]", "a:+1", "\"a\""})
    rows.push_back({fmt::format("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", host), 400, "9110 7.2"});
  check_refused(rows);
}

TEST_CASE("Content-Length is one run of digits") {
  const auto length_of = [](const std::string& value) {
    return parse(with_fields("Content-Length: " + value + "\r\n")).head.framing;
  };
  using Kind = BodyFraming::Kind;
  CHECK(length_of("0") == BodyFraming{Kind::kLength, 0});
  CHECK(length_of("0005") == BodyFraming{Kind::kLength, 5});
  CHECK(length_of("9223372036854775807") == BodyFraming{Kind::kLength, INT64_MAX});
  std::vector<Refused> rows = {
      {with_fields("Content-Length: 5\r\nContent-Length: 6\r\n"), 400, "9112 6.3"},
      {with_fields("Content-Length: 5\r\nContent-Length: 5\r\n"), 400, "9110 8.6, strict"},
      {with_fields("Content-Length: 5\r\ncontent-length:5\r\n"), 400, "9110 8.6, strict"},
  };
  for (const char* value :
       {"", "+5", "-5", "5 5", "5,5", "5, 5", "5,", ",5", "0x5", "5.0", "5a", "a",
        "9223372036854775808", "18446744073709551616", "\"5\"", "5;a", "5\t5"})
    rows.push_back({with_fields(fmt::format("Content-Length: {}\r\n", value)), 400, "9110 8.6"});
  check_refused(rows);
}

TEST_CASE("Transfer-Encoding is chunked alone or refused") {
  for (const char* value : {"chunked", "Chunked", "CHUNKED", "  chunked\t"})
    CHECK(parse(with_fields(fmt::format("Transfer-Encoding:{}\r\n", value))).head.framing.kind ==
          BodyFraming::Kind::kChunked);
  std::vector<Refused> rows = {
      {with_fields("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400, "9112 7"},
      {with_fields("Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n"), 501, "9112 6.1"},
      {with_fields("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), 400, "9112 6.3"},
      {with_fields("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), 400, "9112 6.3"},
      {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "9112 6.1"},
  };
  for (const char* value :
       {"", ",", "chunked,", ",chunked", ", chunked", "chunked, chunked", "chunked,,x",
        "chunked;a=b", "\"chunked\"", "chunked chunked", "gzip;q=1, chunked", "chun\xc4\xb1ked"})
    rows.push_back({with_fields(fmt::format("Transfer-Encoding: {}\r\n", value)), 400, "9112 7"});
  for (const char* value : {"gzip", "gzip, chunked", "chunked, gzip", "identity",
                            "chunked, identity", "xchunked", "chunkedx", "chunke"})
    rows.push_back({with_fields(fmt::format("Transfer-Encoding: {}\r\n", value)), 501, "9112 6.1"});
  check_refused(rows);
}

TEST_CASE("keep-alive follows version and Connection") {
  struct Row {
    const char* version;
    const char* fields;
    bool keep_alive;
  };
  for (const Row& row : std::vector<Row>{
           {"1.1", "", true},
           {"1.1", "Connection: close\r\n", false},
           {"1.1", "Connection: x , CLOSE\r\n", false},
           {"1.1", "Connection: keep-alive\r\nConnection: close\r\n", false},
           {"1.1", "Connection: closed\r\n", true},
           {"1.0", "", false},
           {"1.0", "Connection: Keep-Alive\r\n", true},
           {"1.0", "Connection: keep-alive, close\r\n", false},
           {"1.0", "Proxy-Connection: keep-alive\r\n", false},
       }) {
    CAPTURE(row.version, row.fields);
    const Parsed p =
        parse(fmt::format("GET / HTTP/{}\r\nHost: a\r\n{}\r\n", row.version, row.fields));
    CHECK(p.head.keep_alive == row.keep_alive);
  }
}

TEST_CASE("Connection names fields that end here, but not those meant for everyone") {
  const Parsed p = parse(with_fields(
      "X-Hop: 1\r\nConnection: x-hop, , X-HOP2, Host, Content-Type, X-Forwarded-Proto, "
      "Authorization\r\n"
      "X-Hop2: 2\r\nX-Hop2: 3\r\nContent-Type: a\r\nX-Forwarded-Proto: b\r\nAuthorization: c\r\n"
      "X-Stays: 4\r\nConnection: bad token\r\n"));
  std::string named;
  for (const Field& field : p.head.fields)
    if (field.named_by_connection) named += std::string(field.name.in(p.base())) + " ";
  CHECK(named == "X-Hop X-Hop2 X-Hop2 ");
}

TEST_CASE("the number of fields that Connection may name is bounded") {
  std::string options = "a0";
  for (int i = 1; i < 16; ++i) options += fmt::format(",a{}", i);
  CHECK(
      parse(with_fields("Connection: close, keep-alive, " + options + "\r\n")).head.fields.size() ==
      2);
  check_refused({{with_fields("Connection: " + options + ",b\r\n"), 400, "bound"},
                 {with_fields("Connection: " + options + "\r\nConnection: b\r\n"), 400, "bound"}});
}

TEST_CASE("Expect: 100-continue counts in HTTP/1.1 only") {
  CHECK(parse(with_fields("Expect: 100-Continue\r\n")).head.expect_continue);
  CHECK_FALSE(parse(with_fields("Expect: other\r\n")).head.expect_continue);
  CHECK_FALSE(parse("GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n").head.expect_continue);
}

TEST_CASE("an upgrade needs both fields, HTTP/1.1, no body and a protocol that is not HTTP") {
  const auto upgrades = [](const std::string& fields) {
    return parse(with_fields(fields)).head.upgrade;
  };
  CHECK(upgrades("Connection: Upgrade\r\nUpgrade: websocket\r\n"));
  CHECK(upgrades("Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nContent-Length: 0\r\n"));
  CHECK_FALSE(upgrades("Upgrade: websocket\r\n"));
  CHECK_FALSE(upgrades("Connection: upgrade\r\n"));
  CHECK_FALSE(upgrades("Connection: upgrade\r\nUpgrade:\r\n"));
  CHECK_FALSE(upgrades("Connection: upgrade\r\nUpgrade: h2c\r\n"));
  CHECK_FALSE(upgrades("Connection: upgrade\r\nUpgrade: websocket, H2C\r\n"));
  CHECK_FALSE(upgrades("Connection: upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c\r\n"));
  CHECK_FALSE(upgrades("Connection: upgrade\r\nUpgrade: TLS/1.0, HTTP/1.1\r\n"));
  CHECK_FALSE(upgrades("Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 5\r\n"));
  CHECK_FALSE(
      parse("GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n").head.upgrade);
}

TEST_CASE("limits of line, head and count hold to the byte") {
  const std::string tail = " HTTP/1.1\r\nHost: a\r\n\r\n";
  Limits limits{.head_bytes_max = 200, .line_bytes_max = 64, .fields_max = 3};
  const auto with_target = [&tail](std::size_t size) {
    return "GET /" + std::string(size - 14, 'a') + tail;  // size of the line without CRLF
  };
  CHECK_THAT(decode_every_way(with_target(64), limits), Catch::StartsWith("GET"));
  CHECK_THAT(decode_every_way(with_target(65), limits), Catch::StartsWith("error 414"));
  CHECK_THAT(decode_every_way(with_target(1'000), limits), Catch::StartsWith("error 414"));
  CHECK_THAT(decode_every_way("\r\n" + with_target(64), limits), Catch::StartsWith("GET"));

  const auto with_head = [](std::size_t size) {
    return "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(size - 32, 'b') + "\r\n\r\n";
  };
  REQUIRE(with_head(200).size() == 200);
  CHECK_THAT(decode_every_way(with_head(200), limits), Catch::StartsWith("GET"));
  CHECK_THAT(decode_every_way(with_head(201), limits), Catch::StartsWith("error 431"));
  CHECK_THAT(decode_every_way(with_head(3'000), limits), Catch::StartsWith("error 431"));
  // Nothing beyond the bound is looked at: what stands there cannot change the answer.
  CHECK_THAT(decode_every_way(with_head(201).substr(0, 200) + "\x01", limits),
             Catch::StartsWith("error 431"));

  CHECK_THAT(decode_every_way(with_fields("A: 1\r\nB: 2\r\n"), limits), Catch::StartsWith("GET"));
  CHECK_THAT(decode_every_way(with_fields("A: 1\r\nB: 2\r\nC: 3\r\n"), limits),
             Catch::StartsWith("error 431"));
  std::string many;
  for (std::uint32_t i = 0; i < kFieldCapacity; ++i) many += "A: 1\r\n";
  limits = {.fields_max = 1'000};
  CHECK_THAT(decode_every_way(with_fields(many), limits), Catch::StartsWith("error 431"));
  CHECK_THAT(decode_every_way(with_fields(many.substr(6)), limits), Catch::StartsWith("GET"));
}

}  // namespace
}  // namespace tandem::http
