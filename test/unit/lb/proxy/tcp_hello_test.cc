// TCP sessions that are led by the client's TLS hello: it is looked at and passed on untouched.
#include "lb/proxy/tcp_session.h"
#include "test/unit/lb/proxy/stage.h"
#include "test/unit/lb/tls/hello_bytes.h"

#include <string>
#include <vector>

namespace tandem::lb::proxy {
namespace {

using figures::HelloResult;

const std::string kName = "www.example.org";

struct Wish {
  std::vector<std::string> names = {kName};
  std::vector<std::string> protocols = {};
  bool has_default = false;  // the same server for whom no rule leads there
  Milliseconds inspect_delay{60'000};
  bool accepts_proxy = false;
};

config::Snapshot make_snapshot(const SocketAddress& server, const Wish& wish) {
  config::Snapshot snapshot;
  config::Frontend frontend;
  frontend.name = "tls";
  frontend.id = 1;
  frontend.mode = config::Mode::kTcp;
  frontend.binds.resize(1);
  frontend.binds[0].accept_proxy.from_everybody = wish.accepts_proxy;
  frontend.inspect_delay = wish.inspect_delay;
  config::Rule rule{.conditions = {}, .negated = {}, .action = config::UseBackend{0}};
  rule.conditions.ssl_sni = wish.names;
  rule.conditions.ssl_alpn = wish.protocols;
  frontend.rules.push_back(rule);
  if (wish.has_default) frontend.default_backend = 0;
  snapshot.frontends.push_back(frontend);
  config::Backend backend;
  backend.name = "app";
  backend.id = 2;
  backend.mode = config::Mode::kTcp;
  backend.servers.resize(1);
  backend.servers[0].name = "s1";
  backend.servers[0].id = 1;
  backend.servers[0].address = server;
  snapshot.backends.push_back(backend);
  return snapshot;
}

struct Bench : Stage {
  explicit Bench(const Wish& wish = {})
      : Stage([&](const SocketAddress& server) { return make_snapshot(server, wish); }) {}

  [[nodiscard]] std::uint64_t count(HelloResult result) const {
    return figures.frontend(0).client_hellos[static_cast<std::size_t>(result)].value();
  }
  /// A client that has sent `bytes`.
  FileDescriptor client_with(std::string_view bytes) {
    FileDescriptor fd = client();
    send_text(fd.get(), bytes);
    return fd;
  }
  /// What a server gets of a client that sends `bytes` and has finished then.
  std::string passed_on(std::string_view bytes) {
    const FileDescriptor from = client_with(bytes);
    ::shutdown(from.get(), SHUT_WR);
    const FileDescriptor server = accept();
    return receive(server.get());
  }
  [[nodiscard]] bool is_refused(std::string_view bytes) {
    const FileDescriptor from = client_with(bytes);
    const bool is_reset = receive(from.get()) == "<RST>";
    return is_reset && nobody_connects();
  }
};

std::string hello_for(const std::string& name, const std::string& alpn = "") {
  return tls::openssl_hello({.server_name = name, .alpn = alpn});
}

TEST_CASE("A session goes where the name in its hello leads, and its bytes are passed on whole") {
  Bench bench;
  const std::string bytes = hello_for(kName) + pattern(100'000);
  const FileDescriptor client = bench.client_with(bytes.substr(0, 5000));
  const FileDescriptor server = bench.accept();
  Bench::send_text(client.get(), bytes.substr(5000));
  ::shutdown(client.get(), SHUT_WR);
  CHECK(bench.receive(server.get()) == bytes);
  Bench::send_text(server.get(), "welcome");
  CHECK(bench.receive(client.get(), "welcome") == "welcome");
  CHECK(bench.count(HelloResult::kRead) == 1);
  CHECK(bench.is_refused(hello_for("other.example.org")));
  CHECK(bench.is_refused(hello_for("")));
  CHECK(bench.count(HelloResult::kRead) == 3);
  CHECK(bench.ended('S', 'C') == 2);
}

TEST_CASE("A session goes where a protocol in its hello leads") {
  Bench bench({.names = {}, .protocols = {"acme-tls/1"}});
  const std::string bytes = hello_for(kName,
                                      "\x0a"
                                      "acme-tls/1");
  CHECK(bench.passed_on(bytes) == bytes);
  CHECK(bench.is_refused(hello_for(kName, "\x02h2")));
}

TEST_CASE("A hello that comes in two pieces, cut anywhere, is one hello") {
  const std::string bytes = hello_for(kName);
  Bench bench;
  for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
    INFO(cut);
    const FileDescriptor client = bench.client_with(bytes.substr(0, cut));
    for (int i = 0; i < 3; ++i) bench.loop.run_once();
    REQUIRE(bench.figures.server(0, 0).sessions.value() == cut - 1);
    Bench::send_text(client.get(), bytes.substr(cut));
    ::shutdown(client.get(), SHUT_WR);
    const FileDescriptor server = bench.accept();
    CHECK(bench.receive(server.get()) == bytes);
  }
}

TEST_CASE("A hello that comes byte by byte, a record for each, is one hello") {
  const std::string bytes = tls::in_records(tls::HelloParts{}.message(), 1);
  Bench bench;
  const FileDescriptor client = bench.client();
  for (const char c : bytes) {
    CHECK(bench.count(HelloResult::kRead) == 0);
    Bench::send_text(client.get(), {&c, 1});
    bench.loop.run_once();
  }
  ::shutdown(client.get(), SHUT_WR);
  const FileDescriptor server = bench.accept();
  CHECK(bench.receive(server.get()) == bytes);
}

TEST_CASE("What is no hello goes on at once, past the rules that ask for a name") {
  const std::vector<std::string> others = {"GET / HTTP/1.1\r\nHost: www.example.org\r\n\r\n", "S",
                                           std::string("\x80\x2e\x01\x03\x01", 5)};
  for (const std::string& bytes : others) {
    Bench with({.has_default = true});
    CHECK(with.passed_on(bytes) == bytes);
    CHECK(with.count(HelloResult::kNotTls) == 1);
    Bench without;
    CHECK(without.is_refused(bytes));
  }
}

TEST_CASE("A hello that is too long is not waited for, and passed on all the same") {
  Bench bench({.has_default = true});
  const std::string claim = std::string("\x16\x03\x01\x40\x00\x01\x00\x60\x00", 9) + pattern(50);
  CHECK(bench.passed_on(claim) == claim);
  const std::string records =
      tls::in_records('\x01' + tls::number_bytes(16'000, 3) + std::string(15'999, 'x'), 100);
  CHECK(bench.passed_on(records) == records);
  CHECK(bench.count(HelloResult::kTooLong) == 2);
}

TEST_CASE("Who says nothing, or half a hello, goes on when the time is over") {
  const std::string half = hello_for(kName).substr(0, 100);
  for (const std::string& said : {std::string(), half}) {
    INFO(said.size());
    Bench bench({.has_default = true, .inspect_delay = Milliseconds(30)});
    const FileDescriptor client = bench.client_with(said);
    const FileDescriptor server = bench.accept();
    Bench::send_text(server.get(), "220 ready\r\n");
    CHECK(bench.receive(client.get(), "\r\n") == "220 ready\r\n");
    Bench::send_text(client.get(), "more");
    CHECK(bench.receive(server.get(), "more") == said + "more");
    CHECK(bench.count(HelloResult::kTimeout) == 1);
    // Looked at once, not again: the hello that is whole now leads nowhere.
    CHECK(bench.count(HelloResult::kRead) == 0);
  }
  Bench without({.inspect_delay = Milliseconds(30)});
  CHECK(without.is_refused(half));
}

TEST_CASE("Who has finished sending within a hello goes on at once") {
  Bench bench({.has_default = true});
  const std::string half = hello_for(kName).substr(0, 100);
  CHECK(bench.passed_on(half) == half);
  CHECK(bench.count(HelloResult::kNotTls) == 1);
}

TEST_CASE("Who leaves before a hello has come is let go") {
  Bench bench({.has_default = true});
  bench.client();  // and gone
  bench.turns([&] { return bench.count(HelloResult::kAborted) == 1; });
  FileDescriptor client = bench.client_with("\x16\x03");
  bench.turns([&] { return !bench.connections.empty(); });
  const linger now{.l_onoff = 1, .l_linger = 0};
  setsockopt(client.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  client.reset();
  bench.turns([&] { return bench.count(HelloResult::kAborted) == 2; });
  CHECK(bench.nobody_connects());
  CHECK(bench.ended('C', 'R') == 2);
  CHECK(bench.connections.empty());
  CHECK(bench.shared.process.connections == 0);
}

TEST_CASE("A stop ends who still owes a hello") {
  Bench bench({.has_default = true});
  const FileDescriptor client = bench.client_with("\x16\x03");
  bench.turns([&] { return !bench.connections.empty(); });
  bench.connections.for_each([](ClientConnection& connection) { connection.stop_soon(); });
  bench.some_turns();
  CHECK_FALSE(bench.connections.empty());
  bench.connections.for_each([](ClientConnection& connection) { connection.stop_now(); });
  CHECK(bench.connections.empty());
  CHECK(bench.ended('P', 'R') == 1);
  CHECK(bench.receive(client.get()) == "<RST>");
}

TEST_CASE("A PROXY header stands before the hello") {
  Bench bench({.accepts_proxy = true});
  const std::string header = "PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n";
  const std::string bytes = hello_for(kName);
  CHECK(bench.passed_on(header + bytes) == bytes);
  CHECK(bench.is_refused(header + hello_for("other.example.org")));
}

}  // namespace
}  // namespace tandem::lb::proxy
