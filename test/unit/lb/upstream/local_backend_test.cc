// LocalBackend and LocalServer as workers have them, against listening sockets of the test. Several
// "workers" in one test share one thread: each is a LocalBackend of its own on the shared parts.
#include "lb/upstream/local_backend.h"

#include "common/file_descriptor.h"
#include "lb/upstream/tcp_acknowledged.h"

#include <catch2/catch.hpp>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <string>
#include <thread>
#include <vector>

namespace tandem::lb::upstream {
namespace {

/// A server that the test plays itself, on a loopback port.
class Origin {
 public:
  Origin() : listening_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in any{};
    any.sin_family = AF_INET;
    any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::bind(listening_.get(), reinterpret_cast<sockaddr*>(&any), sizeof any) == 0);
    REQUIRE(::listen(listening_.get(), 16) == 0);
    socklen_t size = sizeof any;
    REQUIRE(::getsockname(listening_.get(), reinterpret_cast<sockaddr*>(&any), &size) == 0);
    address_ = SocketAddress(reinterpret_cast<sockaddr*>(&any), size);
  }
  [[nodiscard]] const SocketAddress& address() const { return address_; }
  [[nodiscard]] FileDescriptor accept() const {
    return FileDescriptor(::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  }

 private:
  FileDescriptor listening_;
  SocketAddress address_;
};

struct Granted {
  Ticket ticket;
  balance::ServerIndex server;
};

class User final : public ConnectionUser {
 public:
  void on_connection_ready() override { ++ready; }
  void on_server_shutdown() override {
    ++shut;
    if (then) then();
  }
  int ready = 0;
  int shut = 0;
  std::move_only_function<void()> then;
};

class Bench {
 public:
  explicit Bench(std::uint32_t servers, std::uint32_t maxconn = 0, std::uint32_t worker_count = 1,
                 const std::string& policy = "roundrobin") {
    config::Backend backend;
    backend.name = "app";
    backend.balance.policy = policy;
    backend.pool_max = 3;
    for (std::uint32_t s = 0; s < servers; ++s) {
      config::Server server;
      server.name = "web" + std::to_string(s + 1);
      server.address = origin.address();
      server.maxconn = maxconn;
      backend.servers.push_back(server);
    }
    config::Frontend frontend;
    frontend.name = "web";
    snapshot.frontends.push_back(frontend);
    snapshot.backends.push_back(backend);
    shared = std::make_unique<Shared>(snapshot);
    figures = std::make_unique<figures::Figures>(snapshot, worker_count);
    links = std::make_unique<BackendLinks>(snapshot.backends[0], shared->backends[0],
                                           shared->servers[0], worker_count);
    for (std::uint32_t w = 0; w < worker_count; ++w) {
      workers.push_back(std::make_unique<LocalBackend>(
          0,
          LocalBackend::Parts{.snapshot = snapshot,
                              .shared = *shared,
                              .figures = figures->of(w),
                              .poller = poller,
                              .wheel = wheel,
                              .worker = w,
                              .workers = worker_count,
                              .seed = w + 1},
          *links, [this](Ticket ticket, config::BackendIndex, balance::ServerIndex server) {
            granted.push_back({ticket, server});
          }));
    }
    publish();
  }

  void publish() {
    BackendStanding standing;
    for (std::uint32_t s = 0; s < snapshot.backends[0].servers.size(); ++s)
      standing.servers.push_back(of(s));
    for (const auto& worker : workers) worker->apply(standing);
  }
  ServerStanding& of(std::uint32_t s) {
    if (standings.size() <= s) {
      standings.resize(s + 1, ServerStanding{.weight = 16,
                                             .usable = true,
                                             .maxconn = snapshot.backends[0].servers[s].maxconn,
                                             .address = origin.address()});
    }
    return standings[s];
  }
  LocalBackend& backend() { return *workers[0]; }
  LocalServer& server() { return backend().server(0); }
  [[nodiscard]] std::uint32_t load(std::uint32_t s = 0) const { return shared->servers[0][s].load; }
  [[nodiscard]] const figures::ServerCells& cells() const { return figures->of(0).server(0, 0); }
  Instant now() { return loop.now(); }

  /// A connection that is established, `theirs` being the server's end of it.
  Connection& connected(FileDescriptor& theirs) {
    int error = 0;
    Connection* connection = server().open(error);
    REQUIRE(connection != nullptr);
    theirs = origin.accept();
    turns([&] { return connection->writable(); });
    REQUIRE(connection->finish_connect() == 0);
    connection->set_user(&user);
    return *connection;
  }
  /// Runs the loop until `until` holds.
  template <class Until>
  void turns(Until until) {
    bool holds = until();
    for (int i = 0; i < 100 && !holds; ++i) {
      loop.run_once();
      holds = until();
    }
    REQUIRE(holds);
  }

  Origin origin;
  config::Snapshot snapshot;
  event::Loop loop;
  event::Poller poller{loop};
  event::Wheel wheel{loop};
  std::unique_ptr<Shared> shared;
  std::unique_ptr<figures::Figures> figures;
  std::unique_ptr<BackendLinks> links;
  std::vector<ServerStanding> standings;
  User user;  // of connections that are in use
  std::vector<Granted> granted;
  std::vector<std::unique_ptr<LocalBackend>> workers;
};

void send_text(int fd, std::string_view text) {
  REQUIRE(::send(fd, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()));
}

void write_request(Connection& connection, std::string_view text) {
  connection.mark_request();
  const iovec piece{.iov_base = const_cast<char*>(text.data()), .iov_len = text.size()};
  const event::Transfer transfer = connection.write({&piece, 1});
  REQUIRE(transfer.bytes == text.size());
  connection.count_written(transfer.bytes);
}

std::string read_text(int fd, std::size_t bytes) {
  std::string text(bytes, '\0');
  REQUIRE(::recv(fd, text.data(), bytes, MSG_WAITALL) == static_cast<ssize_t>(bytes));
  return text;
}

// ---- places
// ---------------------------------------------------------------------------------------

TEST_CASE("A server has as many places as its maxconn, over all workers") {
  Bench bench(1, 3, 2);
  CHECK(bench.workers[0]->try_take_place(0));
  CHECK(bench.workers[1]->try_take_place(0));
  CHECK(bench.workers[0]->try_take_place(0));
  CHECK_FALSE(bench.workers[1]->try_take_place(0));
  CHECK(bench.load() == 3);
  bench.workers[1]->give_place_back(0);
  CHECK(bench.load() == 2);
  CHECK(bench.workers[0]->try_take_place(0));
  CHECK(bench.shared->servers[0][0].load_most == 3);
}

TEST_CASE("Without maxconn there is always a place") {
  Bench bench(1);
  for (int i = 0; i < 1000; ++i) REQUIRE(bench.backend().try_take_place(0));
  CHECK(bench.load() == 1000);
}

TEST_CASE("A place that is given back goes to the first that waits, on whichever worker") {
  Bench bench(1, 1, 2);
  REQUIRE(bench.workers[0]->try_take_place(0));
  REQUIRE(bench.workers[1]->wait(std::nullopt, {.worker = 1, .id = 7}));
  REQUIRE(bench.workers[0]->wait(0, {.worker = 0, .id = 8}));
  bench.workers[0]->give_place_back(0);
  REQUIRE(bench.granted.size() == 1);
  CHECK(bench.granted[0].ticket.worker == 1);
  CHECK(bench.granted[0].ticket.id == 7);
  CHECK(bench.granted[0].server == 0);
  CHECK(bench.load() == 1);  // handed over, never free
  bench.workers[1]->give_place_back(0);
  REQUIRE(bench.granted.size() == 2);
  CHECK(bench.granted[1].ticket.id == 8);
  bench.workers[0]->give_place_back(0);
  CHECK(bench.load() == 0);
}

TEST_CASE("Whoever waits is served when a place becomes free between the look and the entry") {
  Bench bench(1, 1, 2);
  REQUIRE(bench.workers[0]->try_take_place(0));
  REQUIRE_FALSE(bench.workers[1]->try_take_place(0));
  bench.workers[0]->give_place_back(0);  // nobody is seen waiting
  REQUIRE(bench.workers[1]->wait(0, {.worker = 1, .id = 1}));
  bench.workers[1]->serve_waiting(0);
  REQUIRE(bench.granted.size() == 1);
  CHECK(bench.load() == 1);
}

TEST_CASE("A place is not handed over on a server that was drained, nor above a lowered maxconn") {
  Bench bench(1, 2);
  REQUIRE(bench.backend().try_take_place(0));
  REQUIRE(bench.backend().try_take_place(0));
  REQUIRE(bench.backend().wait(std::nullopt, {.worker = 0, .id = 1}));
  SECTION("drained") {
    bench.of(0).usable = false;
    bench.publish();
    bench.backend().give_place_back(0);
    CHECK(bench.granted.empty());
    CHECK(bench.load() == 1);
    bench.of(0).usable = true;
    bench.publish();
    CHECK(bench.granted.size() == 1);
    CHECK(bench.load() == 2);
  }
  SECTION("lowered") {
    bench.of(0).maxconn = 1;
    bench.publish();
    bench.backend().give_place_back(0);
    CHECK(bench.granted.empty());
    CHECK(bench.load() == 1);
    bench.backend().give_place_back(0);
    CHECK(bench.granted.size() == 1);
    CHECK(bench.load() == 1);
  }
}

TEST_CASE("A raised maxconn serves those who wait at once") {
  Bench bench(1, 1);
  REQUIRE(bench.backend().try_take_place(0));
  for (std::uint64_t id = 0; id < 4; ++id)
    REQUIRE(bench.backend().wait(0, {.worker = 0, .id = id}));
  bench.of(0).maxconn = 3;
  bench.publish();
  CHECK(bench.granted.size() == 2);
  CHECK(bench.load() == 3);
  bench.of(0).maxconn = 0;
  bench.publish();
  CHECK(bench.granted.size() == 4);
}

TEST_CASE("Those who wait for a server that went away choose again") {
  Bench bench(2, 1);
  REQUIRE(bench.backend().try_take_place(0));
  REQUIRE(bench.backend().wait(0, {.worker = 0, .id = 1}));
  bench.of(0).usable = false;
  bench.publish();
  REQUIRE(bench.granted.size() == 1);
  CHECK(bench.granted[0].server == kChooseAgain);
  CHECK(bench.load(0) == 1);
}

TEST_CASE("Least connections follow what other workers do") {
  Bench bench(2, 0, 2, "leastconn");
  for (int i = 0; i < 10; ++i) REQUIRE(bench.workers[1]->try_take_place(0));
  for (int i = 0; i < 5; ++i) CHECK(bench.workers[0]->pick({.now = bench.now()}) == 1U);
  for (int i = 0; i < 10; ++i) REQUIRE(bench.workers[1]->try_take_place(1));
  REQUIRE(bench.workers[1]->try_take_place(1));
  CHECK(bench.workers[0]->pick({.now = bench.now()}) == 0U);
}

TEST_CASE("No place is lost and nobody waits beside a free one, whatever the workers do at once") {
  constexpr std::uint32_t kWorkers = 4;
  constexpr int kRounds = 3'000;
  Bench parts(1, 1, kWorkers);
  // Each thread plays one worker: it takes a place or waits for one, and gives it back. Grants go
  // to the worker of the ticket through a counter, as they do through a mailbox.
  std::array<std::atomic<std::uint64_t>, kWorkers> grants{};
  std::vector<std::unique_ptr<LocalBackend>> workers;
  for (std::uint32_t w = 0; w < kWorkers; ++w) {
    workers.push_back(std::make_unique<LocalBackend>(
        0,
        LocalBackend::Parts{.snapshot = parts.snapshot,
                            .shared = *parts.shared,
                            .figures = parts.figures->of(w),
                            .poller = parts.poller,
                            .wheel = parts.wheel,
                            .worker = w,
                            .workers = kWorkers,
                            .seed = w},
        *parts.links, [&grants](Ticket ticket, config::BackendIndex, balance::ServerIndex) {
          grants[ticket.worker].fetch_add(1);
          grants[ticket.worker].notify_one();
        }));
    workers.back()->apply({.servers = {parts.of(0)}});
  }
  std::atomic<int> inside{0};
  std::atomic<bool> crowded{false};
  std::vector<std::thread> threads;
  for (std::uint32_t w = 0; w < kWorkers; ++w) {
    threads.emplace_back([&, w] {
      LocalBackend& mine = *workers[w];
      std::uint64_t served = 0;
      for (int round = 0; round < kRounds; ++round) {
        if (!mine.try_take_place(0)) {
          const auto place =
              mine.wait(round % 2 == 0 ? std::optional<balance::ServerIndex>(0) : std::nullopt,
                        {.worker = w, .id = static_cast<std::uint64_t>(round)});
          if (!place) std::abort();
          mine.serve_waiting(0);
          // Whoever changes his mind has either left in time or gets a place to give back.
          if (round % 7 == 0 && mine.leave(*place)) continue;
          grants[w].wait(served);
          ++served;
        }
        if (inside.fetch_add(1) != 0) crowded = true;
        inside.fetch_sub(1);
        mine.give_place_back(0);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK_FALSE(crowded);
  CHECK(parts.load() == 0);
  CHECK_FALSE(parts.links->queue.anyone_for(0));
}

// ---- the pool
// -------------------------------------------------------------------------------------

TEST_CASE("The pool gives the connection that was used last, and counts") {
  Bench bench(1);
  std::array<FileDescriptor, 2> ends;
  Connection& first = bench.connected(ends[0]);
  Connection& second = bench.connected(ends[1]);
  CHECK_FALSE(first.is_reused());
  CHECK(bench.cells().used_connections.value() == 2);
  bench.server().keep_idle(first, bench.now());
  bench.server().keep_idle(second, bench.now());
  CHECK(bench.cells().used_connections.value() == 0);
  CHECK(bench.cells().idle_connections.value() == 2);
  CHECK(bench.server().take_idle(ReuseNeed::kFresh, bench.now()) == nullptr);
  CHECK(bench.server().take_idle(ReuseNeed::kAny, bench.now()) == &second);
  CHECK(second.is_reused());
  CHECK(bench.server().take_idle(ReuseNeed::kCertain, bench.now()) == &first);
  CHECK(bench.server().take_idle(ReuseNeed::kAny, bench.now()) == nullptr);
  CHECK(bench.cells().used_connections.value() == 2);
  CHECK(bench.cells().idle_connections.value() == 0);
  bench.server().discard(first);
  bench.server().discard(second, true);
  CHECK(bench.cells().used_connections.value() == 0);
}

TEST_CASE("A full pool lets the connection go that has been idle for longest") {
  Bench bench(1);  // pool_max 3
  std::array<FileDescriptor, 4> ends;
  std::vector<Connection*> all;
  for (FileDescriptor& end : ends) all.push_back(&bench.connected(end));
  for (Connection* connection : all) bench.server().keep_idle(*connection, bench.now());
  CHECK(bench.cells().idle_connections.value() == 3);
  CHECK_FALSE(all[0]->is_open());
  CHECK(bench.server().take_idle(ReuseNeed::kAny, bench.now()) == all[3]);
}

TEST_CASE("An idle connection goes when the server closes it or speaks unasked") {
  Bench bench(1);
  FileDescriptor theirs;
  Connection& connection = bench.connected(theirs);
  bench.server().keep_idle(connection, bench.now());
  SECTION("closes") { theirs.reset(); }
  SECTION("speaks") { send_text(theirs.get(), "HTTP/1.1 200 OK\r\n\r\n"); }
  bench.turns([&] { return bench.cells().idle_connections.value() == 0; });
  CHECK(bench.server().take_idle(ReuseNeed::kAny, bench.now()) == nullptr);
}

TEST_CASE("A connection on which the server has said more than was asked is not kept") {
  Bench bench(1);
  FileDescriptor theirs;
  Connection& connection = bench.connected(theirs);
  send_text(theirs.get(), "more");
  connection.set_readable(true);
  bench.server().keep_idle(connection, bench.now());
  CHECK(bench.cells().idle_connections.value() == 0);
  CHECK_FALSE(connection.is_open());
}

TEST_CASE("What must not be lost is put on a connection only after a look at it") {
  Bench bench(1);
  FileDescriptor theirs;
  Connection& connection = bench.connected(theirs);
  connection.set_readable(false);
  bench.server().keep_idle(connection, bench.now());
  SECTION("quiet") {
    CHECK(bench.server().take_idle(ReuseNeed::kCertain, bench.now()) == &connection);
  }
  SECTION("closed, which no event has told yet") {
    theirs.reset();
    CHECK(bench.server().take_idle(ReuseNeed::kCertain, bench.now()) == nullptr);
    CHECK_FALSE(connection.is_open());
  }
}

TEST_CASE("How soon a server closes idle connections is remembered for what must not be lost") {
  Bench bench(1);
  std::array<FileDescriptor, 2> ends;
  Connection& first = bench.connected(ends[0]);
  bench.server().keep_idle(first, bench.now() - std::chrono::milliseconds(100));
  ends[0].reset();
  bench.turns([&] { return bench.cells().idle_connections.value() == 0; });
  Connection& second = bench.connected(ends[1]);
  second.set_readable(false);
  const Instant kept = bench.now();
  bench.server().keep_idle(second, kept);
  // 100 ms and a little: more than half of it is too long, but not for what can be sent again.
  CHECK(bench.server().take_idle(ReuseNeed::kCertain, kept + std::chrono::seconds(10)) == nullptr);
  CHECK(bench.server().take_idle(ReuseNeed::kCertain, kept + std::chrono::milliseconds(40)) ==
        &second);
  bench.server().keep_idle(second, kept);
  CHECK(bench.server().take_idle(ReuseNeed::kAny, kept + std::chrono::seconds(10)) == &second);
}

TEST_CASE("A server that closes within milliseconds keeps nothing for what must not be lost") {
  Bench bench(1);
  std::array<FileDescriptor, 2> ends;
  Connection& first = bench.connected(ends[0]);
  bench.server().keep_idle(first, bench.now());
  ends[0].reset();
  bench.turns([&] { return bench.cells().idle_connections.value() == 0; });
  Connection& second = bench.connected(ends[1]);
  second.set_readable(false);
  bench.server().keep_idle(second, bench.now());
  CHECK(bench.server().take_idle(ReuseNeed::kCertain, bench.now()) == nullptr);
  CHECK(bench.server().take_idle(ReuseNeed::kAny, bench.now()) == &second);
}

TEST_CASE("An event that the last user has served does not cost the connection") {
  Bench bench(1);
  FileDescriptor theirs;
  Connection& connection = bench.connected(theirs);
  User user;
  connection.set_user(&user);
  send_text(theirs.get(), "answer");
  // The user reads before the poller has told it, as one does that is woken by its client.
  std::array<char, 64> block{};
  event::Transfer got;
  for (int i = 0; i < 1000 && got.bytes == 0; ++i) got = connection.read(block);
  REQUIRE(got.bytes == 6);
  bench.server().keep_idle(connection, bench.now());
  for (int i = 0; i < 3; ++i) {
    connection.on_ready();
  }
  CHECK(bench.server().take_idle(ReuseNeed::kAny, bench.now()) == &connection);
}

TEST_CASE("Drain drops what is idle, a new address as well, and running requests go on") {
  Bench bench(1);
  std::array<FileDescriptor, 2> ends;
  Connection& idle = bench.connected(ends[0]);
  Connection& running = bench.connected(ends[1]);
  User user;
  running.set_user(&user);
  bench.server().keep_idle(idle, bench.now());
  SECTION("drain") {
    bench.of(0).keeps_idle = false;
    bench.publish();
    bench.server().keep_idle(running, bench.now());
    CHECK(bench.cells().idle_connections.value() == 0);
  }
  SECTION("address") {
    bench.of(0).address.set_port(9);
    bench.publish();
    CHECK(running.is_open());
    bench.server().keep_idle(running, bench.now());  // leads to where the server was
    CHECK_FALSE(running.is_open());
  }
  CHECK_FALSE(idle.is_open());
  CHECK(bench.cells().idle_connections.value() == 0);
  CHECK(user.shut == 0);
}

TEST_CASE("Ending a server's sessions reaches each of them, whatever ending one brings about") {
  Bench bench(1);
  std::array<FileDescriptor, 4> ends;
  std::array<Connection*, 3> running{};
  for (std::size_t i = 0; i < 3; ++i) running[i] = &bench.connected(ends[i]);
  Connection& idle = bench.connected(ends[3]);
  bench.server().keep_idle(idle, bench.now());
  std::array<User, 3> users;
  for (std::size_t i = 0; i < 3; ++i) running[i]->set_user(&users[i]);
  // The first one's client goes on with its next request: it opens a connection, finds the idle one
  // dead, and the second session ends with it.
  users[0].then = [&] {
    bench.server().discard(*running[0]);
    bench.server().discard(*running[1]);
    bench.server().discard(idle);
    int error = 0;
    REQUIRE(bench.server().open(error) != nullptr);
  };
  ++bench.of(0).shutdowns;
  bench.publish();
  CHECK(users[0].shut == 1);
  CHECK(users[1].shut == 0);
  CHECK(users[2].shut == 1);
}

// ---- what a server has surely not read
// -------------------------------------------------------------

TEST_CASE("A request that came after the server had closed was surely not read") {
  const int requests_before = GENERATE(0, 1, 5);
  Bench bench(1);
  FileDescriptor theirs;
  Connection& connection = bench.connected(theirs);
  std::array<char, 64> block{};
  for (int i = 0; i < requests_before; ++i) {
    write_request(connection, "GET / HTTP/1.1\r\n\r\n");
    read_text(theirs.get(), 18);
    send_text(theirs.get(), "answer");
    bench.turns([&] { return connection.readable() && connection.read(block).bytes > 0; });
  }
  SECTION("closed before") {
    theirs.reset();
    write_request(connection, "POST / HTTP/1.1\r\n\r\n");
    bench.turns([&] {
      return connection.readable() &&
             connection.read(block).status == event::Transfer::Status::kEnd;
    });
    CHECK(connection.request_surely_unread());
  }
  SECTION("read, then closed") {
    write_request(connection, "POST / HTTP/1.1\r\n\r\n");
    read_text(theirs.get(), 19);
    theirs.reset();
    bench.turns([&] {
      return connection.readable() &&
             connection.read(block).status == event::Transfer::Status::kEnd;
    });
    CHECK_FALSE(connection.request_surely_unread());
  }
  SECTION("read in part, then closed for sending only") {
    write_request(connection, "POST / HTTP/1.1\r\n\r\n");
    read_text(theirs.get(), 4);
    ::shutdown(theirs.get(), SHUT_WR);
    bench.turns([&] {
      return connection.readable() &&
             connection.read(block).status == event::Transfer::Status::kEnd;
    });
    CHECK_FALSE(connection.request_surely_unread());
  }
}

TEST_CASE("A refused connection is told by errno, and nothing is counted as open") {
  Bench bench(1);
  {
    Origin gone;
    bench.of(0).address = gone.address();
  }
  bench.publish();
  int error = 0;
  Connection* connection = bench.server().open(error);
  if (connection != nullptr) {
    connection->set_user(&bench.user);
    bench.turns([&] { return connection->writable(); });
    error = connection->finish_connect();
    bench.server().discard(*connection);
  }
  CHECK(error == ECONNREFUSED);
  CHECK(bench.cells().used_connections.value() == 0);
}

}  // namespace
}  // namespace tandem::lb::upstream
