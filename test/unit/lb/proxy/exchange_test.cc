// Exchanges from end to end in one thread: real loopback sockets, with the test as the client and
// as the server, and a worker's parts in between. What needs processes and time is in
// test/integration.
#include "lb/proxy/exchange.h"

#include "test/unit/lb/proxy/stage.h"

#include <algorithm>
#include <string>

namespace tandem::lb::proxy {
namespace {

config::Snapshot make_snapshot(const SocketAddress& server, std::string local_body) {
  config::Snapshot snapshot;
  config::Frontend frontend;
  frontend.name = "web";
  frontend.id = 1;
  frontend.default_backend = 0;
  frontend.binds.resize(1);
  config::Rule rule;
  rule.conditions.path = {"/local"};
  rule.action = config::Return{.status = 200, .content_type = "text/plain", .body = local_body};
  frontend.rules.push_back(rule);
  snapshot.frontends.push_back(frontend);
  config::Backend backend;
  backend.name = "app";
  backend.id = 2;
  backend.servers.resize(1);
  backend.servers[0].name = "web1";
  backend.servers[0].id = 1;
  backend.servers[0].address = server;
  snapshot.backends.push_back(backend);
  return snapshot;
}

struct Bench : Stage {
  explicit Bench(const std::string& local_body = "here", int client_buffer_bytes = 0)
      : Stage([&](const SocketAddress& server) { return make_snapshot(server, local_body); },
              client_buffer_bytes) {}
};

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// One request and its answer on `client`. @return the server's end, which lies idle in the pool.
FileDescriptor warm_up(Bench& bench, int client) {
  Bench::send_text(client, kGet);
  FileDescriptor server = bench.accept();
  bench.receive(server.get(), "\r\n\r\n");
  Bench::send_text(server.get(), kOk);
  REQUIRE(bench.receive(client, "\r\n\r\nok").ends_with("ok"));
  return server;
}

std::size_t count_of(std::string_view text, std::string_view what) {
  std::size_t count = 0;
  for (std::size_t at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++count;
  return count;
}

TEST_CASE("A client that asks twice at once gets both answers, in order, over one connection") {
  Bench bench;
  const FileDescriptor client = bench.client();
  Bench::send_text(client.get(), std::string(kGet) + "GET /second HTTP/1.1\r\nHost: a\r\n\r\n");
  const FileDescriptor server = bench.accept();
  const std::string first = bench.receive(server.get(), "\r\n\r\n");
  CHECK(first.starts_with("GET / HTTP/1.1\r\n"));
  CHECK(count_of(first, "HTTP/1.1") == 1);
  Bench::send_text(server.get(), kOk);
  CHECK(bench.receive(server.get(), "\r\n\r\n").starts_with("GET /second "));
  Bench::send_text(server.get(), "HTTP/1.1 204 No Content\r\n\r\n");
  CHECK(count_of(bench.receive(client.get(), "204 No Content\r\n\r\n"), "HTTP/1.1 ") >= 1);
  bench.turns([&] { return bench.load() == 0; });
}

TEST_CASE("A local answer that the client is slow to take arrives whole, and the next one too") {
  const std::string body = pattern(600'000);
  Bench bench(body, 8192);
  const FileDescriptor client = bench.client();
  const std::string ask = "GET /local HTTP/1.1\r\nHost: a\r\n\r\n";
  Bench::send_text(client.get(), ask + ask);
  bench.some_turns();  // the first does not fit anywhere
  REQUIRE(bench.connections.front().watched());
  const std::string got =
      bench.receive(client.get(), body.substr(body.size() - 100) + "HTTP/1.1 200");
  const std::size_t head = got.find("\r\n\r\n") + 4;
  REQUIRE(got.size() >= head + body.size());
  CHECK(got.substr(head, body.size()) == body);
  CHECK(got.substr(head + body.size()).starts_with("HTTP/1.1 200"));
}

TEST_CASE("The end of each request is counted by its two letters") {
  Bench bench;
  const FileDescriptor client = bench.client();
  const auto ended = [&bench](char cause, char phase) {
    return bench.figures.frontend(0).terminations[figures::termination_index(cause, phase)].value();
  };
  FileDescriptor server = warm_up(bench, client.get());
  CHECK(ended('-', '-') == 1);
  Bench::send_text(client.get(), "GET /local HTTP/1.1\r\nHost: a\r\n\r\n");
  bench.receive(client.get(), "here");
  CHECK(ended('L', 'R') == 1);
  Bench::send_text(client.get(), "nonsense\r\n\r\n");
  CHECK(bench.receive(client.get(), "\r\n\r\n").starts_with("HTTP/1.1 400 "));
  bench.turns([&] { return ended('P', 'R') == 1; });
  CHECK(ended('-', '-') == 1);
}

TEST_CASE("A connection that is cut lets go of its server and its place") {
  Bench bench;
  const FileDescriptor client = bench.client();
  Bench::send_text(client.get(), kGet);
  const FileDescriptor server = bench.accept();
  bench.receive(server.get(), "\r\n\r\n");
  REQUIRE(bench.load() == 1);
  bench.connections.for_each([](ClientConnection& connection) { connection.stop_now(); });
  CHECK(bench.load() == 0);
  CHECK(bench.shared.process.connections == 0);
  static_cast<void>(::send(server.get(), kOk.data(), kOk.size(), MSG_NOSIGNAL));
  bench.some_turns();
  CHECK(bench.receive(client.get()) == "<RST>");
}

TEST_CASE("A request that the server's close overtook is sent again, whatever its method") {
  Bench bench;
  const FileDescriptor client = bench.client();
  FileDescriptor server = warm_up(bench, client.get());
  server.reset();  // while the next request is on its way
  Bench::send_text(client.get(), "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody");
  const FileDescriptor second = bench.accept();
  CHECK(bench.receive(second.get(), "body").starts_with("POST / HTTP/1.1\r\n"));
  Bench::send_text(second.get(), kOk);
  CHECK(bench.receive(client.get(), "ok").starts_with("HTTP/1.1 200 "));
}

TEST_CASE("A request that a close overtook keeps its place, whoever waits for one") {
  Bench bench;
  const FileDescriptor client = bench.client();
  FileDescriptor server = warm_up(bench, client.get());
  bench.context.backends[0]->apply(
      {.servers = {{.weight = 16, .usable = true, .maxconn = 1, .address = bench.origin.address}}});
  Bench::send_text(client.get(), kGet);
  bench.receive(server.get(), "\r\n\r\n");
  const FileDescriptor other = bench.client();
  Bench::send_text(other.get(), kGet);
  bench.turns([&] { return bench.shared.backends[0].queued == 1; });
  server.reset();
  const FileDescriptor second = bench.accept();
  bench.receive(second.get(), "\r\n\r\n");
  CHECK(bench.load() == 1);
  CHECK(bench.shared.backends[0].queued == 1);
  Bench::send_text(second.get(), kOk);
  CHECK(bench.receive(client.get(), "ok").starts_with("HTTP/1.1 200 "));
}

TEST_CASE("Many requests that are answered at once leave turns to others, and all are answered") {
  Bench bench;
  const FileDescriptor client = bench.client();
  constexpr std::size_t kCount = 160;  // more than one turn answers
  std::string asked;
  for (std::size_t i = 0; i < kCount; ++i) asked += "GET /local HTTP/1.1\r\nHost: a\r\n\r\n";
  Bench::send_text(client.get(), asked);
  std::string got;
  while (count_of(got, "HTTP/1.1 200 ") < kCount) got += bench.receive(client.get(), "here");
  CHECK(count_of(got, "HTTP/1.1 200 ") == kCount);
}

TEST_CASE("A request that the server has read and reset is not sent again") {
  Bench bench;
  const FileDescriptor client = bench.client();
  FileDescriptor server = warm_up(bench, client.get());
  Bench::send_text(client.get(), "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody");
  bench.receive(server.get(), "body");
  const linger now{.l_onoff = 1, .l_linger = 0};
  setsockopt(server.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  server.reset();
  CHECK(bench.receive(client.get(), "\r\n\r\n").starts_with("HTTP/1.1 502 "));
  CHECK(bench.nobody_connects());
  CHECK(bench.load() == 0);
}

TEST_CASE("A request whose body has been spliced is not sent again without it") {
  Bench bench;
  const FileDescriptor client = bench.client();
  FileDescriptor server = warm_up(bench, client.get());
  // PUT is idempotent: from a pooled connection it would be sent again, if all of it were there.
  Bench::send_text(client.get(), "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n");
  bench.receive(server.get(), "\r\n\r\n");
  Bench::send_text(client.get(), pattern(100'000));
  bench.some_turns();
  server.reset();
  CHECK(bench.receive(client.get(), "\r\n\r\n").starts_with("HTTP/1.1 502 "));
  CHECK(bench.nobody_connects());
}

TEST_CASE("An answer that breaks off does not look whole") {
  struct Row {
    std::string_view request;
    std::string_view answer;
    std::string_view forbidden;  // what a whole one would end with
  };
  const auto row = GENERATE(
      Row{kGet, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", "half......"},
      Row{kGet, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", "0\r\n\r\n"},
      Row{"GET / HTTP/1.0\r\nHost: a\r\n\r\n",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", "half"});
  Bench bench;
  const FileDescriptor client = bench.client();
  Bench::send_text(client.get(), row.request);
  FileDescriptor server = bench.accept();
  bench.receive(server.get(), "\r\n\r\n");
  Bench::send_text(server.get(), row.answer);
  std::string got = bench.receive(client.get(), "half");
  server.reset();
  got += bench.receive(client.get());
  CAPTURE(got);
  CHECK(got.find("half") != std::string::npos);
  CHECK_FALSE(got.ends_with(row.forbidden));
  CHECK(bench.load() == 0);
}

TEST_CASE("Bytes behind the end of an answer reach nobody, and the connection is not used again") {
  Bench bench;
  const FileDescriptor client = bench.client();
  Bench::send_text(client.get(), kGet);
  const FileDescriptor server = bench.accept();
  bench.receive(server.get(), "\r\n\r\n");
  Bench::send_text(server.get(),
                   std::string(kOk) + "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
  const std::string first = bench.receive(client.get(), "ok");
  CHECK(first.find("evil") == std::string::npos);
  Bench::send_text(client.get(), kGet);
  const FileDescriptor second = bench.accept();
  bench.receive(second.get(), "\r\n\r\n");
  Bench::send_text(second.get(), "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood");
  CHECK(bench.receive(client.get(), "good").find("evil") == std::string::npos);
}

TEST_CASE("A tunnel carries bytes both ways and passes on each end's FIN by itself") {
  Bench bench;
  const FileDescriptor client = bench.client();
  Bench::send_text(
      client.get(),
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: test\r\n\r\nearly");
  const FileDescriptor server = bench.accept();
  CHECK(bench.receive(server.get(), "\r\n\r\n").find("pgrade: test") != std::string::npos);
  Bench::send_text(
      server.get(),
      "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: test\r\n\r\nhello");
  CHECK(bench.receive(client.get(), "hello").starts_with("HTTP/1.1 101 "));
  CHECK(bench.receive(server.get(), "early") == "early");
  ::shutdown(client.get(), SHUT_WR);
  CHECK(bench.receive(server.get()).empty());
  Bench::send_text(server.get(), "bye");
  ::shutdown(server.get(), SHUT_WR);
  CHECK(bench.receive(client.get()) == "bye");
  bench.turns([&] { return bench.load() == 0 && bench.shared.process.connections == 0; });
}

}  // namespace
}  // namespace tandem::lb::proxy
