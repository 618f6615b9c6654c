#include "common/file_descriptor.h"
#include "test/unit/lb/health/probe_harness.h"

#include <catch2/catch.hpp>
#include <sys/resource.h>

namespace tandem::lb::health {
namespace {

using namespace std::chrono_literals;

const config::Check kTcp{};  // tcp is what a check is by default

TEST_CASE("every kind of check stands in the table once") {
  std::string names;
  for (const ProbeKind& kind : probe_kinds()) names += std::string(kind.name) + " ";
  CHECK(names == "tcp tls http grpc pgsql mysql redis smtp agent ");
}

TEST_CASE("a server that accepts passes the tcp check") {
  ProbeHarness harness;
  const Result result = harness.probe(Script{.then = Script::Then::kStayOpen}, kTcp);
  CHECK(show(result) == "L4OK 0 ");
  CHECK(result.passed());
  CHECK(result.duration >= 0ms);
}

TEST_CASE("nobody listening is a connection problem with its reason") {
  ProbeHarness harness;
  CHECK(show(harness.probe(harness.dead_address(), kTcp)) == "L4CON 0 Connection refused");
}

TEST_CASE("a Unix socket that is not there fails at once and is told later all the same") {
  ProbeHarness harness;
  const SocketAddress nowhere = *SocketAddress::parse("unix:/nonexistent/socket");
  CHECK(show(harness.probe(nowhere, kTcp)) == "L4CON 0 No such file or directory");
}

/// A listener whose queue is full: the kernel drops what comes.
class FullListener {
 public:
  FullListener() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    SocketAddress address = *SocketAddress::parse("127.0.0.1:0");
    REQUIRE(::bind(fd_.get(), address.data(), address.size()) == 0);
    REQUIRE(::listen(fd_.get(), 0) == 0);
    for (FileDescriptor& filler : fillers_) {
      filler.reset(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
      const SocketAddress own = this->address();
      ::connect(filler.get(), own.data(), own.size());
    }
  }
  [[nodiscard]] SocketAddress address() const { return bound_address(fd_.get()); }

 private:
  FileDescriptor fd_;
  std::array<FileDescriptor, 4> fillers_;
};

TEST_CASE("a connection that is not answered runs out of time") {
  ProbeHarness harness;
  const FullListener listener;
  const Result result = harness.probe(listener.address(), kTcp, 20ms);
  CHECK(show(result) == "L4TOUT 0 ");
  CHECK(result.duration >= 19ms);
}

TEST_CASE("a lack of descriptors is our own error") {
  ProbeHarness harness;
  const SocketAddress address = harness.dead_address();
  rlimit usual{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &usual) == 0);
  const int next = ::dup(0);
  REQUIRE(next >= 0);
  ::close(next);
  rlimit none = usual;
  none.rlim_cur = static_cast<rlim_t>(next);
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
  std::optional<Result> result;
  const auto probe =
      start_tcp_probe(harness.poller(), {.address = address, .check = &kTcp, .timeout = 1s},
                      [&](Result found) { result = std::move(found); });
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &usual) == 0);
  while (!result) harness.loop().run_once();
  CHECK(show(*result) == "SOCKERR 0 Too many open files");
}

TEST_CASE("a probe that is given up tells nobody") {
  ProbeHarness harness;
  bool is_told = false;
  auto probe = start_tcp_probe(harness.poller(),
                               {.address = harness.dead_address(), .check = &kTcp, .timeout = 5ms},
                               [&](Result) { is_told = true; });
  probe.reset();
  bool is_over = false;
  event::Timer later(harness.loop(), [&] { is_over = true; });
  later.start(10ms);
  while (!is_over) harness.loop().run_once();
  CHECK_FALSE(is_told);
}

}  // namespace
}  // namespace tandem::lb::health
