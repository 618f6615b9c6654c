// The server over real sockets, on a loop that the test turns.
#include "common/command/server.h"

#include "common/file_descriptor.h"

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <utility>

namespace tandem::command {
namespace {

class ScratchFolder {
 public:
  ScratchFolder() { REQUIRE(::mkdtemp(path_.data()) != nullptr); }
  ~ScratchFolder() { std::filesystem::remove_all(path_); }
  [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_ = (std::filesystem::temp_directory_path() / "tandem-XXXXXX").string();
};

struct Bench {
  ScratchFolder folder;
  std::string path = folder.file("lb.sock");
  CommandTable table;
  event::Loop loop;
  event::Poller poller{loop};
  std::unique_ptr<CommandServer> server = std::make_unique<CommandServer>(poller, table);

  [[nodiscard]] Endpoint endpoint(mode_t mode = 0600) const {
    return {SocketAddress::parse("unix:" + path).value(), mode, Level::kAdmin};
  }
  ~Bench() {
    server.reset();
    turn();
  }

  void turn() { uv_run(loop.native(), UV_RUN_NOWAIT); }

  [[nodiscard]] FileDescriptor connect(const SocketAddress& address) {
    FileDescriptor fd(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(::connect(fd.get(), address.data(), address.size()) == 0);
    REQUIRE(::fcntl(fd.get(), F_SETFL, O_NONBLOCK) == 0);
    return fd;
  }
  void send(const FileDescriptor& fd, std::string_view text) {
    REQUIRE(::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(text.size()));
  }
  /// Turns the loop until `fd` is closed by the server or `until` was read.
  std::string receive(const FileDescriptor& fd, std::string_view until = "\xff") {
    std::string text;
    for (int turns = 0; turns < 20'000; ++turns) {
      std::array<char, 65536> bytes;
      const ssize_t got = ::recv(fd.get(), bytes.data(), bytes.size(), 0);
      if (got == 0) return text + "[closed]";
      if (got > 0) text.append(bytes.data(), static_cast<std::size_t>(got));
      if (text.ends_with(until)) return text;
      if (got >= 0) continue;
      // Lets timers come due without spinning; a condition decides, not this pause.
      pollfd idle{.fd = fd.get(), .events = POLLIN, .revents = 0};
      turn();
      ::poll(&idle, 1, 1);
    }
    return text + "[gave up]";
  }
};

}  // namespace

TEST_CASE("An answer waits until what the command has changed is so everywhere") {
  Bench bench;
  std::function<void()> done;
  bool is_so = false;
  bench.server = std::make_unique<CommandServer>(bench.poller, bench.table, [&](auto callback) {
    done = std::move(callback);
    return is_so;
  });
  bench.table.add(
      {"set it", Level::kUser, "set it", "", [](Invocation&) { return Reply::done(); }});
  REQUIRE(bench.server->listen(bench.endpoint(), "/runtime/0").has_value());
  const FileDescriptor client = bench.connect(bench.endpoint().address);

  SECTION("many that came together wait once") {
    bench.send(client, "set it;set it\n");
    for (int turns = 0; turns < 100 && !done; ++turns) bench.turn();
    REQUIRE(done);
    std::array<char, 16> bytes;
    bench.turn();
    CHECK(::recv(client.get(), bytes.data(), bytes.size(), 0) == -1);
    std::exchange(done, nullptr)();
    CHECK(bench.receive(client) == "\n\n[closed]");
    CHECK(done == nullptr);
  }
  SECTION("nothing was changed") {
    is_so = true;
    bench.send(client, "set it\n");
    CHECK(bench.receive(client) == "\n[closed]");
  }
  SECTION("it is never done: the answer comes all the same") {
    bench.send(client, "set it\n");
    CHECK(bench.receive(client) == "\n[closed]");
    REQUIRE(done);
    done();  // too late: nothing more happens
  }
  SECTION("the client has left meanwhile") {
    bench.send(client, "prompt\nset it\n");
    for (int turns = 0; turns < 100 && !done; ++turns) bench.turn();
    REQUIRE(done);
    bench.server.reset();
    bench.turn();
    done();
  }
}

TEST_CASE("a Unix socket answers, closes, and has the mode that was asked for") {
  Bench bench;
  REQUIRE(bench.server->listen(bench.endpoint(0640), "/runtime/0"));
  struct stat info{};
  REQUIRE(::stat(bench.path.c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0640);
  const FileDescriptor peer = bench.connect(bench.endpoint().address);
  bench.send(peer, "show cli level\n");
  CHECK(bench.receive(peer) == "admin\n\n[closed]");
}

TEST_CASE("a TCP socket answers, and each connection has a session of its own") {
  Bench bench;
  REQUIRE(bench.server->listen({SocketAddress::parse("127.0.0.1:0").value(), 0, Level::kUser},
                               "/runtime/0"));
  const SocketAddress address = bench.server->addresses().front();
  const FileDescriptor first = bench.connect(address);
  const FileDescriptor second = bench.connect(address);
  bench.send(first, "prompt\n");
  CHECK(bench.receive(first, "> ") == "\n> ");
  bench.send(second, "show cli level\n");
  CHECK(bench.receive(second) == "user\n\n[closed]");
  bench.send(first, "quit\n");
  CHECK(bench.receive(first) == "[closed]");
}

TEST_CASE("a socket that a dead process left behind is replaced, one in use is not") {
  Bench bench;
  {
    FileDescriptor dead(::socket(AF_UNIX, SOCK_STREAM, 0));
    const SocketAddress address = bench.endpoint().address;
    REQUIRE(::bind(dead.get(), address.data(), address.size()) == 0);
  }
  REQUIRE(bench.server->listen(bench.endpoint(), "/runtime/0"));
  CommandServer other(bench.poller, bench.table);
  const Result<void> refused = other.listen(bench.endpoint(), "/runtime/1/bind");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message ==
        "/runtime/1/bind: cannot bind unix:" + bench.path + ": Address already in use");
}

TEST_CASE("a folder that is not there is one line that names the key") {
  Bench bench;
  const Endpoint nowhere{SocketAddress::parse("unix:/nowhere/at/all.sock").value(), 0600,
                         Level::kUser};
  const Result<void> refused = bench.server->listen(nowhere, "/runtime/0/bind");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message ==
        "/runtime/0/bind: cannot bind unix:/nowhere/at/all.sock: No such file or directory");
}

TEST_CASE("the file of a Unix socket goes with its listener") {
  Bench bench;
  REQUIRE(bench.server->listen(bench.endpoint(), "/runtime/0"));
  bench.server->close_listeners();
  bench.turn();
  bench.turn();
  CHECK_FALSE(std::filesystem::exists(bench.path));
}

TEST_CASE("a peer that does not read stops being served until it does") {
  Bench bench;
  const std::string much(100'000, 'x');
  int runs = 0;
  bench.table.add({"much", Level::kUser, "much", "much", [&](Invocation&) {
                     ++runs;
                     return Reply::data(much);
                   }});
  REQUIRE(bench.server->listen(bench.endpoint(), "/runtime/0"));
  const FileDescriptor peer = bench.connect(bench.endpoint().address);
  std::string commands;
  for (int i = 0; i < 100; ++i) commands += "much;";
  bench.send(peer, commands + "show cli level\n");
  for (int i = 0; i < 20; ++i) {
    bench.turn();
  }
  CHECK(runs < 20);
  const std::string all = bench.receive(peer);
  CHECK(runs == 100);
  CHECK(all.size() == 100 * (much.size() + 2) + std::string("admin\n\n[closed]").size());
  CHECK(all.ends_with("admin\n\n[closed]"));
}

TEST_CASE("peers above the limit wait until another has left") {
  Bench bench;
  REQUIRE(bench.server->listen(bench.endpoint(), "/runtime/0"));
  std::vector<FileDescriptor> peers;
  for (std::size_t i = 0; i < CommandServer::kConnectionsMax; ++i) {
    peers.push_back(bench.connect(bench.endpoint().address));
    bench.send(peers.back(), "prompt\n");
    CHECK(bench.receive(peers.back(), "> ") == "\n> ");
  }
  const FileDescriptor late = bench.connect(bench.endpoint().address);
  bench.send(late, "show cli level\n");
  bench.turn();
  CHECK(bench.server->connections() == CommandServer::kConnectionsMax);
  peers.pop_back();
  CHECK(bench.receive(late) == "admin\n\n[closed]");
}

TEST_CASE("a silent peer is closed after its timeout") {
  Bench bench;
  REQUIRE(bench.server->listen(bench.endpoint(), "/runtime/0"));
  const FileDescriptor peer = bench.connect(bench.endpoint().address);
  bench.send(peer, "prompt;set timeout cli 20ms\n");
  CHECK(bench.receive(peer) == "\n> \n> [closed]");
  CHECK(bench.server->connections() == 0);
}

}  // namespace tandem::command
