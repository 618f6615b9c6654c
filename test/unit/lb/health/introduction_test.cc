// PROXY headers in front of checks: which checks begin with one, and what it says.
#include "test/unit/lb/health/checker_harness.h"
#include "test/unit/lb/health/probe_harness.h"

#include <catch2/catch.hpp>

#include <string>
#include <string_view>

namespace tandem::lb::health {
namespace {

using config::SendProxy;
using namespace std::chrono_literals;

/// The header that a checker asks for.
SendProxy header_of(const config::Server& changes, void (*then)(Checker&) = nullptr) {
  CheckerHarness harness;
  config::Snapshot snapshot = make_snapshot(1);
  config::Server& server = snapshot.backends[0].servers[0];
  server.send_proxy = changes.send_proxy;
  server.check_send_proxy = changes.check_send_proxy;
  server.check_address = changes.check_address;
  server.check_port = changes.check_port;
  harness.checker.configure(share(std::move(snapshot)));
  if (then != nullptr) then(harness.checker);
  harness.fire_if_due();
  REQUIRE(harness.prober.pending.size() == 1);
  return harness.prober.pending.begin()->second.target.send_proxy;
}

TEST_CASE("checks begin with a header where requests do, unless they go elsewhere") {
  const SocketAddress other = *SocketAddress::parse("192.0.2.9:1");
  CHECK(header_of({}) == SendProxy::kNone);
  CHECK(header_of({.send_proxy = SendProxy::kV1}) == SendProxy::kV1);
  CHECK(header_of({.send_proxy = SendProxy::kV2}) == SendProxy::kV2);
  CHECK(header_of({.check_port = 9, .send_proxy = SendProxy::kV2}) == SendProxy::kNone);
  CHECK(header_of({.check_address = other, .send_proxy = SendProxy::kV2}) == SendProxy::kNone);
  CHECK(header_of({.send_proxy = SendProxy::kV2},
                  [](Checker& checker) { checker.set_check_port(0, 0, 9); }) == SendProxy::kNone);
}

TEST_CASE("what is said of checks themselves counts") {
  CHECK(header_of({.send_proxy = SendProxy::kV2, .check_send_proxy = false}) == SendProxy::kNone);
  CHECK(header_of({.check_send_proxy = true}) == SendProxy::kV1);
  CHECK(header_of({.check_port = 9, .send_proxy = SendProxy::kV2, .check_send_proxy = true}) ==
        SendProxy::kV2);
}

/// What a server reads of a check that begins with such a header.
std::string read_by_server(SendProxy header) {
  ProbeHarness harness;
  config::Check check;
  check.type = config::Check::Type::kHttp;
  ScriptedServer server(harness.poller(), {.answer = "HTTP/1.1 200 OK\r\n\r\n"});
  std::optional<Result> result;
  const auto probe = start_http_probe(
      harness.poller(),
      {.address = server.address(), .check = &check, .timeout = 10s, .send_proxy = header},
      [&](Result found) { result = std::move(found); });
  while (!result) harness.loop().run_once();
  CHECK(show(*result) == "L7OK 200 OK");
  return server.request();
}

TEST_CASE("the header of a check says that it is our own") {
  constexpr std::string_view kLocal{"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", 16};
  CHECK(read_by_server(SendProxy::kNone).starts_with("GET / "));
  CHECK(read_by_server(SendProxy::kV1).starts_with("PROXY UNKNOWN\r\nGET / "));
  CHECK(read_by_server(SendProxy::kV2).starts_with(std::string(kLocal) + "GET / "));
}

}  // namespace
}  // namespace tandem::lb::health
