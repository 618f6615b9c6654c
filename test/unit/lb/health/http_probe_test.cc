#include "test/unit/lb/health/probe_harness.h"

#include <catch2/catch.hpp>

#include <string>
#include <string_view>

namespace tandem::lb::health {
namespace {

using namespace std::chrono_literals;
using Then = Script::Then;

config::Check http_check(std::string body = "") {
  config::Check check;
  check.type = config::Check::Type::kHttp;
  check.uri = "/healthz";
  check.expect_status = {{200, 299}, {404, 404}};
  check.expect_body = std::move(body);
  return check;
}

std::string result_of(const config::Check& check, std::string answer, Then then = Then::kStayOpen) {
  ProbeHarness harness;
  return show(harness.probe(Script{.answer = std::move(answer), .then = then}, check));
}

constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

TEST_CASE("the request is HTTP/1.1, names its host and asks to close") {
  ProbeHarness harness;
  config::Check check = http_check();
  check.method = "OPTIONS";
  check.host = "app.example.org";
  (void)harness.probe(Script{.answer = std::string(kOk)}, check);
  CHECK(harness.request() ==
        "OPTIONS /healthz HTTP/1.1\r\nHost: app.example.org\r\nUser-Agent: tandem-check\r\n"
        "Connection: close\r\n\r\n");
}

TEST_CASE("without a host of its own the check names the server's address") {
  ProbeHarness harness;
  (void)harness.probe(Script{.answer = std::string(kOk)}, http_check());
  CHECK(harness.request().find("\r\nHost: 127.0.0.1:") != std::string::npos);
}

TEST_CASE("the status decides, within the ranges that are expected") {
  struct Row {
    std::string_view answer;
    std::string_view result;
  };
  const Row rows[] = {
      {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "L7OK 200 OK"},
      {"HTTP/1.0 204 No Content\r\n\r\n", "L7OK 204 No Content"},
      {"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "L7OK 404 Not Found"},
      {"HTTP/1.1 200 \r\nContent-Length: 5\r\n\r\n", "L7OK 200 "},
      {"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
       "L7STS 503 Service Unavailable"},
      {"HTTP/1.1 302 Found, \"there\"\r\nContent-Length: 0\r\n\r\n", "L7STS 302 Found   there"},
      {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "L7OK 200 OK"},
  };
  for (const Row& row : rows) {
    INFO(row.answer);
    CHECK(result_of(http_check(), std::string(row.answer)) == row.result);
  }
}

TEST_CASE("what is no HTTP is an invalid response") {
  for (const std::string_view answer : std::initializer_list<std::string_view>{
           "SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 2OO OK\r\n\r\n", "HTTP/1.1 99 Low\r\n\r\n",
           "HTTP/9.9 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nBad Header: x\r\n\r\n",
           "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
           std::string_view("\0\0\0\0", 4)}) {
    INFO(answer);
    CHECK(result_of(http_check(), std::string(answer), Then::kClose).starts_with("L7RSP 0 "));
  }
}

TEST_CASE("a head without end is refused, not stored") {
  std::string endless = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 5'000; ++i) endless += "X: aaaaaaaaaaaaaaaa\r\n";
  CHECK(result_of(http_check(), endless).starts_with("L7RSP 0 "));
}

TEST_CASE("interim answers without end are refused") {
  std::string endless;
  for (int i = 0; i < 100; ++i) endless += "HTTP/1.1 100 Continue\r\n\r\n";
  CHECK(result_of(http_check(), endless) == "L7RSP 0 too many interim answers");
}

TEST_CASE("a connection that ends early is an invalid response") {
  CHECK(result_of(http_check(), "", Then::kClose) == "L7RSP 0 connection closed without an answer");
  CHECK(result_of(http_check(), "HTTP/1.1 200 O", Then::kClose) ==
        "L7RSP 0 connection closed within the answer");
  CHECK(result_of(http_check("x"), "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
                  Then::kClose) == "L7RSP 200 connection closed within the answer");
  CHECK(result_of(http_check(), "", Then::kReset) == "L7RSP 0 Connection reset by peer");
}

TEST_CASE("a server that accepts and says nothing runs out of time on layer 7") {
  ProbeHarness harness;
  CHECK(show(harness.probe(Script{.then = Then::kStayOpen}, http_check(), 20ms)) == "L7TOUT 0 ");
  CHECK(show(harness.probe(Script{.answer = "HTTP/1.1 200 OK\r\n", .then = Then::kStayOpen},
                           http_check(), 20ms)) == "L7TOUT 0 ");
}

TEST_CASE("the time limit holds over all, not since the last byte") {
  ProbeHarness harness;
  const std::string drip = "HTTP/1.1 200 OK\r\nX: " + std::string(15'000, 'a');
  const Script script{.answer = drip, .then = Then::kStayOpen, .byte_by_byte = true};
  CHECK(show(harness.probe(script, http_check(), 5ms)) == "L7TOUT 0 ");
}

TEST_CASE("nobody listening is a connection problem for the http check too") {
  ProbeHarness harness;
  CHECK(show(harness.probe(harness.dead_address(), http_check())) == "L4CON 0 Connection refused");
}

TEST_CASE("an answer that arrives byte by byte is read all the same") {
  ProbeHarness harness;
  const auto script = [](std::string_view chunks) {
    return Script{
        .answer = "HTTP/1.1 200 Fine\r\nTransfer-Encoding: chunked\r\n\r\n" + std::string(chunks),
        .then = Then::kStayOpen,
        .byte_by_byte = true};
  };
  const Script whole = script("3\r\nab \r\n5\r\nready\r\n0\r\n\r\n");
  CHECK(show(harness.probe(whole, http_check("b ready"))) == "L7OK 200 Fine");
  CHECK(show(harness.probe(whole, http_check("ready!"))) ==
        "L7RSP 200 HTTP content check did not match");
  const Script broken = script("3\r\nab \r\n4\r\nready\r\n");
  CHECK(show(harness.probe(broken, http_check("ready!"))).starts_with("L7RSP 200 "));
}

TEST_CASE("an answer before the request is an answer") {
  ProbeHarness harness;
  const Script hasty{.answer = std::string(kOk), .then = Then::kClose, .wait_for_request = false};
  CHECK(show(harness.probe(hasty, http_check())) == "L7OK 200 OK");
}

TEST_CASE("the body is looked through within its framing and its bound") {
  const std::string matching = "state: ready\n";
  const auto body = [](std::string text) {
    return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(text.size()) + "\r\n\r\n" + text;
  };
  const std::string no_match = "L7RSP 200 HTTP content check did not match";
  CHECK(result_of(http_check("ready"), body(matching)) == "L7OK 200 OK");
  CHECK(result_of(http_check("ready"), body("state: busy")) == no_match);
  CHECK(result_of(http_check("ready"), body("")) == no_match);
  CHECK(result_of(http_check("ready"), "HTTP/1.0 200 OK\r\n\r\nready", Then::kClose) ==
        "L7OK 200 OK");
  CHECK(result_of(http_check("ready"), "HTTP/1.0 200 OK\r\n\r\nread", Then::kClose) == no_match);
  CHECK(result_of(http_check("ready"), body("rea") + "dy") == no_match);
  constexpr std::size_t kBound = 16 * 1024;
  CHECK(result_of(http_check("ready"), body(std::string(kBound - 5, '.') + "ready")) ==
        "L7OK 200 OK");
  CHECK(result_of(http_check("ready"), body(std::string(kBound - 4, '.') + "ready")) == no_match);
}

TEST_CASE("HEAD has no body to look through") {
  config::Check check = http_check();
  check.method = "HEAD";
  CHECK(result_of(check, "HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n") == "L7OK 200 OK");
  check.expect_body = "x";
  CHECK(result_of(check, "HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n") ==
        "L7RSP 200 HTTP content check did not match");
}

}  // namespace
}  // namespace tandem::lb::health
