#include "common/log_writer.h"

#include "common/address.h"

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <future>
#include <mutex>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

namespace tandem {
namespace {

/// A directory that is gone with the test.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "tandem-log-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  [[nodiscard]] std::string file(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

std::string contents(const std::string& path) {
  std::ifstream in(path);
  std::ostringstream all;
  all << in.rdbuf();
  return all.str();
}

/// Keeps what it is given, after the gate was opened.
class GatedSink final : public LogSink {
 public:
  GatedSink(std::shared_future<void> gate, std::string& kept)
      : gate_(std::move(gate)), kept_(kept) {}

  std::uint64_t write(std::string_view lines) override {
    gate_.wait();
    kept_.append(lines);
    return 0;
  }

 private:
  std::shared_future<void> gate_;
  std::string& kept_;
};

std::unique_ptr<LogSink> open(const LogTarget& target) {
  auto sink = open_log_sink(target);
  REQUIRE(sink);
  return std::move(*sink);
}

LogTarget file_target(const std::string& path) {
  return {LogTarget::Kind::kFile, path, "tandem", 16};
}

/// A Unix datagram socket in the place of a syslog daemon.
class FakeSyslog {
 public:
  explicit FakeSyslog(const std::string& path)
      : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    const auto address = SocketAddress::parse("unix:" + path);
    REQUIRE(address);
    REQUIRE(::bind(fd_.get(), address->data(), address->size()) == 0);
  }
  std::string receive() {
    char bytes[1024];
    pollfd waiting{fd_.get(), POLLIN, 0};
    REQUIRE(::poll(&waiting, 1, 10'000) == 1);
    const ssize_t received = ::recv(fd_.get(), bytes, sizeof bytes, 0);
    return {bytes, received < 0 ? 0 : static_cast<std::size_t>(received)};
  }

 private:
  FileDescriptor fd_;
};

}  // namespace

TEST_CASE("A ring gives back what was put in, across its end too", "[log]") {
  LogRing ring(16);
  std::string out;
  for (int i = 0; i < 20; ++i) {
    const std::string line = std::to_string(i * 1000) + "\n";
    REQUIRE(ring.push(line));
    const LogRing::Pieces pieces = ring.front();
    out.append(pieces.first).append(pieces.second);
    ring.pop(pieces.size());
    CHECK(out == line);
    out.clear();
  }
  CHECK(ring.empty());
}

TEST_CASE("A full ring refuses a line whole and takes the next once there is room", "[log]") {
  LogRing ring(16);
  REQUIRE(ring.push("123456789\n"));
  CHECK_FALSE(ring.push("1234567\n"));
  CHECK(ring.push("12345\n"));
  CHECK_FALSE(ring.push("\n"));
  ring.pop(10);
  CHECK(ring.push("123456789\n"));
  CHECK(ring.front().size() == 16);
}

TEST_CASE("The writer writes every line of every producer once and in order", "[log]") {
  const TemporaryDirectory directory;
  constexpr std::uint32_t kProducers = 3;
  constexpr int kLines = 2000;
  {
    LogWriter writer(open(file_target(directory.file("log"))), kProducers, 1024);
    std::vector<std::thread> producers;
    for (std::uint32_t p = 0; p < kProducers; ++p)
      producers.emplace_back([&writer, p] {
        for (int i = 0; i < kLines; ++i) {
          const std::string line = std::to_string(p) + " " + std::to_string(i) + "\n";
          while (!writer.push(p, line)) std::this_thread::yield();
        }
      });
    for (std::thread& producer : producers) producer.join();
  }
  std::ifstream in(directory.file("log"));
  std::vector<int> next(kProducers, 0);
  std::uint32_t producer = 0;
  for (int i = 0; in >> producer >> i;) {
    REQUIRE(producer < kProducers);
    REQUIRE(i == next[producer]);
    ++next[producer];
  }
  CHECK(next == std::vector<int>(kProducers, kLines));
}

TEST_CASE("A writer that does not keep up makes push refuse, and loses nothing it took", "[log]") {
  std::promise<void> gate;
  std::string kept;
  int taken = 0;
  {
    LogWriter writer(std::make_unique<GatedSink>(gate.get_future().share(), kept), 1, 64);
    while (writer.push(0, "twelve bytes\n")) ++taken;
    CHECK(taken == 4);
    gate.set_value();
  }
  CHECK(kept == "twelve bytes\ntwelve bytes\ntwelve bytes\ntwelve bytes\n");
}

TEST_CASE("A sleeping writer wakes up for a single line", "[log]") {
  std::string kept;
  int fds[2];
  REQUIRE(::pipe2(fds, O_CLOEXEC) == 0);
  FileDescriptor read_end(fds[0]);
  class PipeSink final : public LogSink {
   public:
    explicit PipeSink(int fd) : fd_(fd) {}
    std::uint64_t write(std::string_view lines) override {
      return ::write(fd_.get(), lines.data(), lines.size()) < 0 ? 1 : 0;
    }

   private:
    FileDescriptor fd_;
  };
  LogWriter writer(std::make_unique<PipeSink>(fds[1]), 1);
  for (int i = 0; i < 3; ++i) {
    REQUIRE(writer.push(0, "hello\n"));
    char bytes[16];
    pollfd waiting{read_end.get(), POLLIN, 0};
    REQUIRE(::poll(&waiting, 1, 10'000) == 1);
    CHECK(::read(read_end.get(), bytes, sizeof bytes) == 6);
  }
}

TEST_CASE("A file that rotation moved away is opened anew", "[log]") {
  const TemporaryDirectory directory;
  const auto sink = open(file_target(directory.file("log")));
  CHECK(sink->write("one\n") == 0);
  std::filesystem::rename(directory.file("log"), directory.file("log.1"));
  CHECK(sink->write("two\n") == 0);
  sink->refresh();
  CHECK(sink->write("three\n") == 0);
  CHECK(contents(directory.file("log.1")) == "one\ntwo\n");
  CHECK(contents(directory.file("log")) == "three\n");
}

TEST_CASE("A file whose path cannot be opened any more keeps taking lines", "[log]") {
  const TemporaryDirectory directory;
  std::filesystem::create_directory(directory.file("sub"));
  const auto sink = open(file_target(directory.file("sub/log")));
  std::filesystem::rename(directory.file("sub"), directory.file("moved"));
  sink->refresh();
  CHECK(sink->write("line\n") == 0);
  CHECK(contents(directory.file("moved/log")) == "line\n");
}

TEST_CASE("A log file that cannot be made is an error with its path", "[log]") {
  const auto sink = open_log_sink(file_target("/nonexistent/log"));
  REQUIRE_FALSE(sink);
  CHECK(sink.error().message == "cannot open \"/nonexistent/log\": No such file or directory");
}

TEST_CASE("A disk that is full loses lines, and they are counted", "[log]") {
  const auto sink = open(file_target("/dev/full"));
  CHECK(sink->write("one\ntwo\n") == 2);
}

TEST_CASE("Syslog gets one RFC 3164 datagram for each line", "[log]") {
  const TemporaryDirectory directory;
  FakeSyslog daemon(directory.file("socket"));
  const auto sink = open({LogTarget::Kind::kSyslog, directory.file("socket"), "haproxy", 17});
  CHECK(sink->write("first\nsecond\n") == 0);
  const std::regex shape(R"(<142>[A-Z][a-z]{2} [ 1-3]\d \d\d:\d\d:\d\d haproxy\[\d+\]: (\w+))");
  std::smatch parts;
  const std::string first = daemon.receive();
  const std::string second = daemon.receive();
  REQUIRE(std::regex_match(first, parts, shape));
  CHECK(parts[1] == "first");
  REQUIRE(std::regex_match(second, parts, shape));
  CHECK(parts[1] == "second");
}

TEST_CASE("A syslog daemon that restarts is found again", "[log]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("socket");
  const auto sink = open({LogTarget::Kind::kSyslog, path, "tandem", 16});
  CHECK(sink->write("nobody listens\n") == 1);
  FakeSyslog daemon(path);
  sink->refresh();
  CHECK(sink->write("now\n") == 0);
  CHECK(daemon.receive().ends_with(": now"));
}

TEST_CASE("Syslog over UDP reaches a port", "[log]") {
  FileDescriptor receiver(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  auto address = SocketAddress::parse("127.0.0.1:0");
  REQUIRE(::bind(receiver.get(), address->data(), address->size()) == 0);
  sockaddr_storage bound{};
  socklen_t length = sizeof bound;
  REQUIRE(::getsockname(receiver.get(), reinterpret_cast<sockaddr*>(&bound), &length) == 0);
  const SocketAddress where(reinterpret_cast<sockaddr*>(&bound), length);
  const auto sink = open({LogTarget::Kind::kSyslog, where.text(), "tandem", 16});
  CHECK(sink->write("over the wire\n") == 0);
  char bytes[256];
  pollfd waiting{receiver.get(), POLLIN, 0};
  REQUIRE(::poll(&waiting, 1, 10'000) == 1);
  const ssize_t received = ::recv(receiver.get(), bytes, sizeof bytes, 0);
  REQUIRE(received > 0);
  CHECK(std::string_view(bytes, static_cast<std::size_t>(received)).ends_with("]: over the wire"));
}

}  // namespace tandem
