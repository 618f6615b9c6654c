// TCP sessions from end to end in one thread, with the test as the client and as the server. What
// needs processes and real databases is in test/integration/tcp.
#include "lb/proxy/tcp_session.h"

#include "test/unit/lb/proxy/stage.h"

#include <netinet/tcp.h>

#include <array>
#include <string>
#include <vector>

namespace tandem::lb::proxy {
namespace {

/// What a test wants different.
struct Wish {
  std::vector<SocketAddress> other_servers;  // behind the stage's own
  std::uint32_t maxconn = 0;
  std::uint32_t retries = 3;
  bool redispatch = true;
  std::string policy = "first";
  config::Timeouts timeouts;
};

config::Server server_at(const SocketAddress& address, std::uint32_t id) {
  config::Server server;
  server.name = "db" + std::to_string(id);
  server.id = id;
  server.address = address;
  return server;
}

config::Snapshot make_snapshot(const SocketAddress& own, const Wish& wish) {
  config::Snapshot snapshot;
  config::Frontend frontend;
  frontend.name = "pg";
  frontend.id = 1;
  frontend.mode = config::Mode::kTcp;
  frontend.default_backend = 0;
  frontend.binds.resize(1);
  frontend.timeouts = wish.timeouts;
  snapshot.frontends.push_back(frontend);
  config::Backend backend;
  backend.name = "db";
  backend.id = 2;
  backend.mode = config::Mode::kTcp;
  backend.balance.policy = wish.policy;
  if (wish.policy == "source") backend.balance.key = config::Balance::Key::kSource;
  backend.timeouts = wish.timeouts;
  backend.retries = wish.retries;
  backend.redispatch = wish.redispatch;
  for (const SocketAddress& address : wish.other_servers)
    backend.servers.push_back(
        server_at(address, static_cast<std::uint32_t>(backend.servers.size() + 1)));
  backend.servers.push_back(server_at(own, static_cast<std::uint32_t>(backend.servers.size() + 1)));
  snapshot.backends.push_back(backend);
  return snapshot;
}

struct Bench : Stage {
  explicit Bench(const Wish& wish = {}, int client_buffer_bytes = 0)
      : Stage([&](const SocketAddress& server) { return make_snapshot(server, wish); },
              client_buffer_bytes) {
    if (wish.maxconn != 0) set_standing({.maxconn = wish.maxconn, .address = {}});
  }

  /// A client and the server's end of its session.
  struct Ends {
    FileDescriptor client;
    FileDescriptor server;
  };
  Ends connect() {
    Ends ends;
    ends.client = client();
    ends.server = accept();
    turns([this] { return figures.server(0, last()).connects.value() > 0; });
    some_turns();
    return ends;
  }
  [[nodiscard]] std::uint32_t last() const {
    return static_cast<std::uint32_t>(snapshot.backends[0].servers.size() - 1);
  }
  void wait_for_end(char cause, char phase) {
    turns([&] { return ended(cause, phase) == 1; });
    CHECK(connections.empty());
    CHECK(shared.process.connections == 0);
    CHECK(shared.requests(0) == 0);
  }
};

/// An address where nobody listens.
SocketAddress refusing_address() {
  const Listening gone;
  return gone.address;
}

void close_with_reset(FileDescriptor& fd) {
  const linger now{.l_onoff = 1, .l_linger = 0};
  setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  fd.reset();
}

TEST_CASE("A TCP session carries what both ends say, whoever speaks first") {
  Bench bench;
  auto [client, server] = bench.connect();
  Bench::send_text(server.get(), "220 ready\r\n");
  CHECK(bench.receive(client.get(), "\r\n") == "220 ready\r\n");
  Bench::send_text(client.get(), "EHLO\r\n");
  CHECK(bench.receive(server.get(), "\r\n") == "EHLO\r\n");
  for (int i = 0; i < 100; ++i) {
    Bench::send_text(client.get(), "ping" + std::to_string(i) + ";");
    bench.receive(server.get(), ";");
    Bench::send_text(server.get(), "pong" + std::to_string(i) + ";");
    CHECK(bench.receive(client.get(), ";") == "pong" + std::to_string(i) + ";");
  }
  client.reset();
  CHECK(bench.receive(server.get()).empty());
  server.reset();
  bench.wait_for_end('-', '-');
  CHECK(bench.figures.frontend(0).bytes_out.value() == 11 + 10 * 6 + 90 * 7);
  CHECK(bench.figures.server(0, 0).bytes_in.value() == 6 + 10 * 6 + 90 * 7);
  CHECK(bench.figures.frontend(0).connections.value() == 1);
  CHECK(bench.figures.frontend(0).requests.value() == 0);
  CHECK(bench.figures.server(0, 0).sessions.value() == 1);
}

TEST_CASE("A client that has finished sending still gets its answer, and then the FIN") {
  Bench bench;
  auto [client, server] = bench.connect();
  Bench::send_text(client.get(), "all of it");
  ::shutdown(client.get(), SHUT_WR);
  CHECK(bench.receive(server.get()) == "all of it");
  bench.some_turns();
  const std::string answer = pattern(300'000);
  std::size_t sent = 0;
  std::string got;
  std::array<char, 65536> block;
  bench.turns([&] {
    if (sent < answer.size()) {
      const ssize_t count = ::send(server.get(), answer.data() + sent, answer.size() - sent,
                                   MSG_NOSIGNAL | MSG_DONTWAIT);
      if (count > 0) sent += static_cast<std::size_t>(count);
    } else if (server) {
      server.reset();
    }
    const ssize_t count = ::recv(client.get(), block.data(), block.size(), MSG_DONTWAIT);
    if (count > 0) got.append(block.data(), static_cast<std::size_t>(count));
    return count == 0;
  });
  CHECK(got == answer);
  bench.wait_for_end('-', '-');
}

TEST_CASE("A server that has finished sending still gets what the client has to say") {
  Bench bench;
  auto [client, server] = bench.connect();
  Bench::send_text(server.get(), "bye");
  ::shutdown(server.get(), SHUT_WR);
  CHECK(bench.receive(client.get()) == "bye");
  Bench::send_text(client.get(), "not yet");
  CHECK(bench.receive(server.get(), "not yet") == "not yet");
  client.reset();
  CHECK(bench.receive(server.get()).empty());
  bench.wait_for_end('-', '-');
}

TEST_CASE("Much is spliced both ways, byte for byte, and short messages follow") {
  Bench bench;
  auto [client, server] = bench.connect();
  const std::string much = pattern(3'000'000);
  for (const bool upwards : {true, false}) {
    const int from = upwards ? client.get() : server.get();
    const int to = upwards ? server.get() : client.get();
    std::size_t sent = 0;
    std::string got;
    std::array<char, 65536> block;
    bench.turns([&] {
      const ssize_t out =
          ::send(from, much.data() + sent, much.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (out > 0) sent += static_cast<std::size_t>(out);
      const ssize_t in = ::recv(to, block.data(), block.size(), MSG_DONTWAIT);
      if (in > 0) got.append(block.data(), static_cast<std::size_t>(in));
      return got.size() == much.size();
    });
    CHECK(got == much);
    Bench::send_text(from, "and this");
    CHECK(bench.receive(to, "and this") == "and this");
  }
  client.reset();
  server.reset();
  bench.wait_for_end('-', '-');
  CHECK(bench.figures.worker().bytes_out_spliced.value() > 2'000'000);
  CHECK(bench.figures.worker().pipes_used.value() == 0);
  CHECK(bench.figures.frontend(0).bytes_in.value() == 3'000'008);
}

TEST_CASE("A reset of one end is a reset of the other, and says whose") {
  Bench bench;
  auto [client, server] = bench.connect();
  Bench::send_text(client.get(), "hello");
  bench.receive(server.get(), "hello");
  SECTION("the client's") {
    close_with_reset(client);
    CHECK(bench.receive(server.get()) == "<RST>");
    bench.wait_for_end('C', 'D');
    CHECK(bench.figures.server(0, 0).client_aborts.value() == 1);
  }
  SECTION("the server's, behind its last word") {
    Bench::send_text(server.get(), "last");
    bench.receive(client.get(), "last");
    close_with_reset(server);
    CHECK(bench.receive(client.get()) == "<RST>");
    bench.wait_for_end('S', 'D');
    CHECK(bench.figures.server(0, 0).server_aborts.value() == 1);
  }
  SECTION("the client's, after it had finished sending") {
    ::shutdown(client.get(), SHUT_WR);
    CHECK(bench.receive(server.get()).empty());
    bench.some_turns();
    close_with_reset(client);
    bench.wait_for_end('C', 'D');
    CHECK(::send(server.get(), "x", 1, MSG_NOSIGNAL) < 0);
  }
}

TEST_CASE("A server that refuses is left for the next one; when all do, the session ends") {
  Wish wish;
  wish.other_servers = {refusing_address()};
  SECTION("there is another") {
    Bench bench(wish);
    auto [client, server] = bench.connect();
    Bench::send_text(client.get(), "hello");
    CHECK(bench.receive(server.get(), "hello") == "hello");
    CHECK(bench.figures.server(0, 0).retries.value() == 1);
    CHECK(bench.figures.server(0, 0).redispatches.value() == 1);
    CHECK(bench.figures.server(0, 0).connect_errors.value() == 1);
    CHECK(bench.shared.servers[0][0].load == 0);
    CHECK(bench.shared.servers[0][1].load == 1);
  }
  SECTION("no more attempts are allowed") {
    wish.retries = 0;
    Bench bench(wish);
    const FileDescriptor client = bench.client();
    CHECK(bench.receive(client.get()) == "<RST>");
    bench.wait_for_end('S', 'C');
  }
  SECTION("nor another server, so the same is asked again after a pause") {
    wish.redispatch = false;
    wish.retries = 1;
    wish.timeouts.connect = Milliseconds(150);
    Bench bench(wish);
    const FileDescriptor client = bench.client();
    CHECK(bench.receive(client.get()) == "<RST>");
    bench.wait_for_end('S', 'C');
    CHECK(bench.figures.server(0, 0).retries.value() == 1);
    CHECK(bench.figures.server(0, 0).connect_errors.value() == 2);
    CHECK(bench.figures.server(0, 1).sessions.value() == 0);
  }
}

TEST_CASE("Sessions past the maxconn of a server wait for a place") {
  Bench bench({.other_servers = {}, .maxconn = 1, .policy = "roundrobin", .timeouts = {}});
  auto [first, server] = bench.connect();
  FileDescriptor second = bench.client();
  Bench::send_text(second.get(), "me too");
  bench.turns([&] { return bench.shared.backends[0].queued == 1; });
  CHECK(bench.load() == 1);
  SECTION("and get it when one ends") {
    first.reset();
    server.reset();
    const FileDescriptor next = bench.accept();
    CHECK(bench.receive(next.get(), "me too") == "me too");
    CHECK(bench.load() == 1);
    CHECK(bench.shared.backends[0].queued == 0);
  }
  SECTION("one that leaves takes its place in the queue with it") {
    close_with_reset(second);
    bench.turns([&] { return bench.ended('C', 'Q') == 1; });
    CHECK(bench.shared.backends[0].queued == 0);
    CHECK(bench.load() == 1);
  }
  SECTION("one that has finished sending keeps it") {
    ::shutdown(second.get(), SHUT_WR);
    bench.some_turns();
    CHECK(bench.shared.backends[0].queued == 1);
    first.reset();
    server.reset();
    const FileDescriptor next = bench.accept();
    CHECK(bench.receive(next.get()) == "me too");
  }
}

TEST_CASE("A client that closes without a word while it waits asks for no server") {
  Bench bench({.other_servers = {}, .maxconn = 1, .policy = "roundrobin", .timeouts = {}});
  auto [first, server] = bench.connect();
  FileDescriptor second = bench.client();
  bench.turns([&] { return bench.shared.backends[0].queued == 1; });
  second.reset();
  bench.turns([&] { return bench.ended('C', 'Q') == 1; });
  CHECK(bench.load() == 1);
}

TEST_CASE("Silence ends a session, and says whose it was") {
  Wish wish;
  wish.timeouts.client = wish.timeouts.server = Milliseconds(200);
  SECTION("nobody says anything: the client's") {
    Bench bench(wish);
    auto [client, server] = bench.connect();
    CHECK(bench.receive(client.get()) == "<RST>");
    CHECK(bench.receive(server.get()) == "<RST>");
    bench.wait_for_end('c', 'D');
  }
  SECTION("the client has finished: the server's") {
    Bench bench(wish);
    auto [client, server] = bench.connect();
    ::shutdown(client.get(), SHUT_WR);
    CHECK(bench.receive(client.get()) == "<RST>");
    bench.wait_for_end('s', 'D');
  }
  SECTION("the server's is shorter") {
    wish.timeouts.client = Milliseconds(60'000);
    Bench bench(wish);
    auto [client, server] = bench.connect();
    CHECK(bench.receive(client.get()) == "<RST>");
    bench.wait_for_end('s', 'D');
  }
  SECTION("tunnel, where it is written, stands in for both") {
    wish.timeouts.tunnel = Milliseconds(500);
    wish.timeouts.tunnel_written = true;
    Bench bench(wish);
    auto [client, server] = bench.connect();
    const Instant began = Clock::now();
    CHECK(bench.receive(client.get()) == "<RST>");
    CHECK(Clock::now() - began >= Milliseconds(300));
    bench.wait_for_end('c', 'D');
  }
  SECTION("a client that does not take what is sent") {
    wish.timeouts.server = Milliseconds(60'000);
    Bench bench(wish, 4096);
    auto [client, server] = bench.connect();
    const std::string much = pattern(200'000);
    bench.turns([&] {
      static_cast<void>(
          ::send(server.get(), much.data(), much.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
      return bench.ended('c', 'D') == 1;
    });
  }
}

TEST_CASE("A server that takes no connection in time is a failed attempt") {
  // A listening socket whose queue is full drops what comes.
  Listening full;
  std::vector<FileDescriptor> fillers;
  for (int i = 0; i < 40; ++i) {
    FileDescriptor filler(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    static_cast<void>(::connect(filler.get(), full.address.data(), full.address.size()));
    fillers.push_back(std::move(filler));
  }
  Wish wish;
  wish.other_servers = {full.address};
  wish.timeouts.connect = Milliseconds(150);
  SECTION("another is asked") {
    Bench bench(wish);
    auto [client, server] = bench.connect();
    Bench::send_text(server.get(), "here");
    CHECK(bench.receive(client.get(), "here") == "here");
    CHECK(bench.figures.server(0, 0).connect_errors.value() == 1);
  }
  SECTION("or nobody, and a client that leaves meanwhile is not waited for") {
    wish.timeouts.connect = Milliseconds(60'000);
    Bench bench(wish);
    FileDescriptor client = bench.client();
    bench.turns([&] { return bench.load() == 1; });
    client.reset();
    bench.wait_for_end('C', 'C');
  }
}

TEST_CASE("Sessions end at once with the server that is shut, and with the process") {
  Bench bench;
  auto [client, server] = bench.connect();
  SECTION("the server") {
    bench.set_standing({.address = {}, .shutdowns = 1});
    CHECK(bench.receive(client.get()) == "<RST>");
    CHECK(bench.receive(server.get()) == "<RST>");
    bench.wait_for_end('D', 'D');
  }
  SECTION("the process, which lets them go on while it stops softly") {
    bench.context.stopping = true;
    bench.connections.for_each([](ClientConnection& connection) { connection.stop_soon(); });
    Bench::send_text(client.get(), "still here");
    CHECK(bench.receive(server.get(), "here") == "still here");
    bench.connections.for_each([](ClientConnection& connection) { connection.stop_now(); });
    CHECK(bench.receive(client.get()) == "<RST>");
    bench.wait_for_end('P', 'D');
  }
}

TEST_CASE("A backend without a usable server closes the connection") {
  Bench bench;
  bench.context.backends[0]->apply({.servers = {{.weight = 16, .usable = false, .address = {}}}});
  const FileDescriptor client = bench.client();
  CHECK(bench.receive(client.get()) == "<RST>");
  bench.wait_for_end('S', 'C');
  CHECK(bench.figures.backend(0).connect_errors.value() == 1);
}

TEST_CASE("One client's sessions stay with one server where its address decides") {
  Listening other;
  Wish wish;
  wish.other_servers = {other.address};
  wish.policy = "source";
  Bench bench(wish);
  std::vector<FileDescriptor> clients;
  for (int i = 0; i < 8; ++i) clients.push_back(bench.client());
  bench.turns([&] { return bench.shared.requests(0) == 8; });
  CHECK((bench.load() == 8 || bench.load() == 0));
}

TEST_CASE("What a slow client has not taken waits at the server, not here") {
  Bench bench({}, 4096);
  auto [client, server] = bench.connect();
  const std::string much = pattern(1 << 20);
  std::size_t given = 0;
  for (int i = 0; i < 200; ++i) {
    const ssize_t count =
        ::send(server.get(), much.data(), much.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count > 0) given += static_cast<std::size_t>(count);
    bench.loop.run_once();
  }
  // What the kernel's buffers and one pipe hold, however long it is tried.
  CHECK(given < 24U << 20);
  CHECK(bench.figures.worker().pipes_used.value() <= 1);
  close_with_reset(client);
  bench.wait_for_end('C', 'D');
  CHECK(bench.figures.worker().pipes_used.value() == 0);
}

}  // namespace
}  // namespace tandem::lb::proxy
