// PROXY headers at a worker: what a balancer in front says of its clients, and what servers are
// told.
#include "lb/proxy/arrival.h"

#include "test/unit/lb/proxy/stage.h"
#include "test/unit/lb/proxy_protocol/wire_text.h"

#include <algorithm>
#include <string>

namespace tandem::lb::proxy {
namespace {

using figures::ProxyHeaderError;
using proxy_protocol::hex;
using proxy_protocol::inet_block;
using proxy_protocol::tlv;
using proxy_protocol::v2;

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
constexpr std::string_view kV1 = "PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n";

struct Settings {
  config::AcceptProxy accept = {.from_everybody = true};
  config::SendProxy send = config::SendProxy::kNone;
  config::Mode mode = config::Mode::kHttp;
  Milliseconds http_request{10'000};
};

config::Snapshot make_snapshot(const Settings& settings, const SocketAddress& server) {
  config::Snapshot snapshot;
  config::Frontend frontend;
  frontend.name = "web";
  frontend.id = 1;
  frontend.mode = settings.mode;
  frontend.default_backend = 0;
  frontend.forwardfor = true;
  frontend.timeouts.http_request = settings.http_request;
  frontend.binds.resize(1);
  frontend.binds[0].accept_proxy = settings.accept;
  snapshot.frontends.push_back(frontend);
  config::Backend backend;
  backend.name = "app";
  backend.id = 2;
  backend.mode = settings.mode;
  backend.servers.resize(1);
  backend.servers[0].name = "web1";
  backend.servers[0].id = 1;
  backend.servers[0].address = server;
  backend.servers[0].send_proxy = settings.send;
  snapshot.backends.push_back(backend);
  return snapshot;
}

struct Bench : Stage {
  explicit Bench(const Settings& settings = {})
      : Stage(
            [&settings](const SocketAddress& server) { return make_snapshot(settings, server); }) {}

  [[nodiscard]] std::uint64_t refused(ProxyHeaderError error) const {
    return figures.frontend(0).proxy_header_errors[static_cast<std::size_t>(error)].value();
  }
  /// No connection holds its place any more.
  [[nodiscard]] bool is_empty() {
    return connections.empty() && shared.process.connections == 0 &&
           figures.frontend(0).connections_now.value() == 0;
  }
  /// The whole head a server gets of a client that sends `bytes`.
  std::string head_of(std::string_view bytes) {
    const FileDescriptor from = client();
    send_text(from.get(), bytes);
    const FileDescriptor server = accept();
    return receive(server.get(), "\r\n\r\n");
  }
};

TEST_CASE("The client's address is the one that the header tells") {
  Bench bench;
  CHECK(bench.head_of(std::string(kV1) + std::string(kGet))
            .ends_with("X-Forwarded-For: 192.0.2.7\r\n\r\n"));
  CHECK(bench.head_of(v2(0x21, 0x11, inet_block()) + std::string(kGet))
            .ends_with("X-Forwarded-For: 192.0.2.7\r\n\r\n"));
  CHECK(bench
            .head_of(v2(0x21, 0x21, proxy_protocol::inet6_block() + tlv(0x02, "a.example")) +
                     std::string(kGet))
            .ends_with("X-Forwarded-For: 2001:db8::7\r\n\r\n"));
}

TEST_CASE("Where the header tells no address, the connection's own count") {
  Bench bench;
  for (const std::string& header :
       {std::string("PROXY UNKNOWN\r\n"), std::string("PROXY UNKNOWN 1.2.3.4 5.6.7.8 1 2\r\n"),
        v2(0x20, 0x00, ""), v2(0x20, 0x11, inet_block()), v2(0x21, 0x00, "")}) {
    CHECK(
        bench.head_of(header + std::string(kGet)).ends_with("X-Forwarded-For: 127.0.0.1\r\n\r\n"));
  }
}

TEST_CASE("A header that comes in two pieces, cut anywhere, is one header") {
  for (const std::string& header : {std::string(kV1), v2(0x21, 0x11, inet_block())}) {
    Bench bench;
    for (std::size_t cut = 1; cut <= header.size(); ++cut) {
      INFO(cut);
      const FileDescriptor client = bench.client();
      Bench::send_text(client.get(), header.substr(0, cut));
      for (int i = 0; i < 3; ++i) bench.loop.run_once();
      Bench::send_text(client.get(), header.substr(cut) + std::string(kGet));
      const FileDescriptor server = bench.accept();
      CHECK(bench.receive(server.get(), "\r\n\r\n").ends_with("For: 192.0.2.7\r\n\r\n"));
      Bench::send_text(server.get(), kOk);
      CHECK(bench.receive(client.get(), "\r\n\r\nok").ends_with("ok"));
    }
  }
}

TEST_CASE("A header that comes byte by byte is one header") {
  Bench bench;
  const FileDescriptor client = bench.client();
  for (const char c : kV1) {
    Bench::send_text(client.get(), {&c, 1});
    for (int i = 0; i < 3; ++i) bench.loop.run_once();
  }
  CHECK(bench.nobody_connects());
  Bench::send_text(client.get(), kGet);
  const FileDescriptor server = bench.accept();
  CHECK(bench.receive(server.get(), "\r\n\r\n").ends_with("For: 192.0.2.7\r\n\r\n"));
}

TEST_CASE("What is no good header closes the connection, and is counted by its reason") {
  struct Row {
    std::string bytes;
    ProxyHeaderError error;
  };
  const std::vector<Row> rows = {
      {std::string(kGet), ProxyHeaderError::kMissing},
      {"PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n" + std::string(kGet), ProxyHeaderError::kMalformed},
      {v2(0x31, 0x11, inet_block()), ProxyHeaderError::kUnsupported},
      {"PROXY TCP4 " + std::string(200, ' '), ProxyHeaderError::kTooLong},
      {v2(0x21, 0x11, inet_block() + tlv(0x03, "abcd")), ProxyHeaderError::kChecksum},
  };
  for (const Row& row : rows) {
    Bench bench;
    const FileDescriptor client = bench.client();
    Bench::send_text(client.get(), row.bytes);
    const std::string answer = bench.receive(client.get());
    CHECK((answer.empty() || answer == "<RST>"));
    CHECK(bench.refused(row.error) == 1);
    CHECK(bench.is_empty());
    CHECK(bench.nobody_connects());
  }
}

TEST_CASE("Who closes before its header is whole is let go") {
  for (const std::string_view bytes : {std::string_view(), kV1.substr(0, 20)}) {
    Bench bench;
    FileDescriptor client = bench.client();
    Bench::send_text(client.get(), bytes);
    bench.some_turns();
    CHECK_FALSE(bench.is_empty());
    client.reset();
    bench.turns([&] { return bench.is_empty(); });
    CHECK(bench.refused(ProxyHeaderError::kAborted) == 1);
  }
}

TEST_CASE("A sender that has closed before it was looked at is let go too") {
  Bench bench;
  {
    const FileDescriptor client = bench.client();
    Bench::send_text(client.get(), kV1.substr(0, 20));
    ::shutdown(client.get(), SHUT_WR);
  }
  bench.turns([&] { return bench.refused(ProxyHeaderError::kAborted) == 1; });
  CHECK(bench.is_empty());
}

TEST_CASE("A header has to be whole in time") {
  Bench bench({.http_request = Milliseconds(30)});
  const FileDescriptor silent = bench.client();
  const FileDescriptor slow = bench.client();
  Bench::send_text(slow.get(), kV1.substr(0, 30));
  CHECK(bench.receive(silent.get()).empty());
  bench.turns([&] { return bench.refused(ProxyHeaderError::kTimeout) == 2; });
  CHECK(bench.is_empty());
}

TEST_CASE("A client whose header has come has its own time for a request") {
  Bench bench({.http_request = Milliseconds(30)});
  const FileDescriptor client = bench.client();
  Bench::send_text(client.get(), kV1);
  CHECK(bench.receive(client.get()).empty());
  CHECK(bench.refused(ProxyHeaderError::kTimeout) == 0);
  CHECK(bench.is_empty());
}

TEST_CASE("A stop closes connections that still owe their header") {
  Bench bench;
  const FileDescriptor client = bench.client();
  bench.turns([&] { return !bench.connections.empty(); });
  bench.connections.for_each([](ClientConnection& connection) { connection.stop_soon(); });
  bench.some_turns();
  CHECK_FALSE(bench.connections.empty());
  bench.connections.for_each([](ClientConnection& connection) { connection.stop_now(); });
  CHECK(bench.is_empty());
}

TEST_CASE("From networks that are not named a header is just bytes") {
  Bench bench({.accept = {.networks = {*IpPrefix::parse("10.0.0.0/8")}}});
  CHECK(bench.head_of(kGet).ends_with("X-Forwarded-For: 127.0.0.1\r\n\r\n"));
  for (const std::string& header : {std::string(kV1), v2(0x21, 0x11, inet_block())}) {
    const FileDescriptor client = bench.client();
    Bench::send_text(client.get(), header + std::string(kGet));
    CHECK(bench.receive(client.get()).starts_with("HTTP/1.1 400 "));
  }
  CHECK(bench.nobody_connects());
}

TEST_CASE("Connections from a network that is named must begin with a header") {
  Bench bench(
      {.accept = {.networks = {*IpPrefix::parse("10.0.0.0/8"), *IpPrefix::parse("127.0.0.0/8")}}});
  CHECK(bench.head_of(std::string(kV1) + std::string(kGet))
            .ends_with("X-Forwarded-For: 192.0.2.7\r\n\r\n"));
  const FileDescriptor client = bench.client();
  Bench::send_text(client.get(), kGet);
  const std::string answer = bench.receive(client.get());
  CHECK((answer.empty() || answer == "<RST>"));
  CHECK(bench.refused(ProxyHeaderError::kMissing) == 1);
}

TEST_CASE("Networks hold a peer of either family, and no Unix socket") {
  const config::AcceptProxy networks{
      .networks = {*IpPrefix::parse("10.0.0.0/8"), *IpPrefix::parse("2001:db8::/32")}};
  const auto expects = [](const config::AcceptProxy& accept, std::string_view peer) {
    return expects_header(accept, *SocketAddress::parse(peer));
  };
  CHECK(expects(networks, "10.1.2.3:4"));
  CHECK(expects(networks, "[::ffff:10.1.2.3]:4"));
  CHECK(expects(networks, "[2001:db8:1::1]:4"));
  CHECK_FALSE(expects(networks, "11.1.2.3:4"));
  CHECK_FALSE(expects(networks, "[2001:db9::1]:4"));
  CHECK_FALSE(expects(networks, "unix:/run/a"));
  CHECK_FALSE(expects({}, "10.1.2.3:4"));
  CHECK(expects({.from_everybody = true}, "unix:/run/a"));
}

TEST_CASE("A server with send-proxy is told the client before the first byte of its request") {
  Bench v1({.send = config::SendProxy::kV1});
  CHECK(v1.head_of(std::string(kV1) + std::string(kGet))
            .starts_with(std::string(kV1) + "GET / HTTP/1.1\r\n"));
  Bench v2_bench({.send = config::SendProxy::kV2});
  CHECK(v2_bench.head_of(std::string(kV1) + std::string(kGet))
            .starts_with(v2(0x21, 0x11, inet_block()) + "GET / HTTP/1.1\r\n"));
}

TEST_CASE("Without a header from in front a server is told the connection's own addresses") {
  Bench bench({.accept = {}, .send = config::SendProxy::kV1});
  const FileDescriptor client = bench.client();
  sockaddr_in own{};
  socklen_t size = sizeof own;
  REQUIRE(::getsockname(client.get(), reinterpret_cast<sockaddr*>(&own), &size) == 0);
  Bench::send_text(client.get(), kGet);
  const FileDescriptor server = bench.accept();
  const std::string line = fmt::format("PROXY TCP4 127.0.0.1 127.0.0.1 {} {}\r\nGET / ",
                                       ntohs(own.sin_port), bench.frontend_socket.address.port());
  CHECK(bench.receive(server.get(), "\r\n\r\n").starts_with(line));
}

TEST_CASE("A connection that began with a header is used for one request and closed") {
  Bench bench({.send = config::SendProxy::kV1});
  const FileDescriptor client = bench.client();
  Bench::send_text(client.get(), std::string(kV1) + std::string(kGet));
  for (int i = 0; i < 3; ++i) {
    const FileDescriptor server = bench.accept();
    CHECK(bench.receive(server.get(), "\r\n\r\n").starts_with(std::string(kV1) + "GET "));
    Bench::send_text(server.get(), kOk);
    CHECK(bench.receive(client.get(), "\r\n\r\nok").ends_with("ok"));
    CHECK(bench.receive(server.get()).empty());  // closed, with nothing more on it
    Bench::send_text(client.get(), kGet);
  }
  CHECK(bench.figures.server(0, 0).reuses.value() == 0);
  CHECK(bench.figures.server(0, 0).idle_connections.value() == 0);
}

TEST_CASE("A TCP session tells its server the client, and nothing else by itself") {
  Bench bench({.send = config::SendProxy::kV2, .mode = config::Mode::kTcp});
  const FileDescriptor client = bench.client();
  Bench::send_text(client.get(), kV1);
  const FileDescriptor server = bench.accept();
  const std::string header = v2(0x21, 0x11, inet_block());
  CHECK(bench.receive(server.get(), header) == header);
  Bench::send_text(client.get(), "hello");
  CHECK(bench.receive(server.get(), "hello") == "hello");
  Bench::send_text(server.get(), "welcome");
  CHECK(bench.receive(client.get(), "welcome") == "welcome");
}

}  // namespace
}  // namespace tandem::lb::proxy
