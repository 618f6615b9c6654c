// The guard against real deaths: a child plays the daemon and holds an address, and is killed.
#include "failover/system/guard.h"

#include "common/event/loop.h"
#include "common/event/poller.h"
#include "failover/system/link.h"
#include "test/netns/cable.h"

#include <catch2/catch.hpp>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace tandem::failover::system {
namespace {

using netns::Cable;
using netns::run_until;

const IpPrefix kVip4 = IpPrefix::parse("10.77.0.100/24").value();
const IpPrefix kVip6 = IpPrefix::parse("fd77::100/64").value();

bool has_address(const IpAddress& wanted) {
  ifaddrs* list = nullptr;
  REQUIRE(::getifaddrs(&list) == 0);
  bool found = false;
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr || entry->ifa_addr->sa_family != wanted.family()) continue;
    const void* bytes =
        wanted.is_v6() ? static_cast<const void*>(
                             &reinterpret_cast<const sockaddr_in6*>(entry->ifa_addr)->sin6_addr)
                       : &reinterpret_cast<const sockaddr_in*>(entry->ifa_addr)->sin_addr;
    found = found || std::memcmp(bytes, wanted.bytes().data(), wanted.bytes().size()) == 0;
  }
  ::freeifaddrs(list);
  return found;
}

std::vector<std::uint8_t> advert(bool is_v6, std::uint8_t priority) {
  std::vector<std::uint8_t> bytes(is_v6 ? 24 : 12);
  bytes[0] = 0x31;
  bytes[1] = 51;
  bytes[2] = priority;
  bytes[3] = 1;
  return bytes;
}

/// The daemon as the guard sees it: two links, two addresses, one loop.
class Daemon {
 public:
  Daemon() {
    REQUIRE(guard.start().has_value());
    REQUIRE(link4.reopen().has_value());
    REQUIRE(link6.reopen().has_value());
  }

  void hold() {
    for (const IpPrefix& vip : {kVip4, kVip6})
      netns::run(
          fmt::format("ip addr add {} dev a {}", vip.text(), vip.address.is_v6() ? "nodad" : ""));
    tell();
  }

  void tell() {
    const unsigned index = find_interface("a").value();
    GuardPlan plan;
    for (const IpPrefix& vip : {kVip4, kVip6}) add_withdrawal(plan, index, vip);
    for (const Link* link : {&link4, &link6}) {
      const IpAddress& group = link->destinations()[0];
      plan.farewells.push_back(link->farewell(group, advert(group.is_v6(), 0)));
    }
    REQUIRE(guard.set(plan).has_value());
  }

  event::Loop loop;
  event::Poller poller{loop};
  Guard guard;
  Link link4{poller, {.interface = "a", .vrid = 51}, [](const auto&, auto) {}};
  Link link6{poller, {.interface = "a", .is_v6 = true, .vrid = 51}, [](const auto&, auto) {}};
};

/// A process of its own that runs `life` and says numbers through a pipe. In a process group of its
/// own; what it leaves behind becomes our child (PR_SET_CHILD_SUBREAPER) and can be waited for.
class Child {
 public:
  using Say = std::function<void(int)>;

  explicit Child(const std::function<void(const Say&)>& life) {
    REQUIRE(::prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
    std::array<int, 2> ends{};
    REQUIRE(::pipe(ends.data()) == 0);
    pid_ = ::fork();
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) {
      ::setpgid(0, 0);
      for (const int signal : {SIGSEGV, SIGABRT, SIGTERM})
        ::signal(signal, SIG_DFL);  // not Catch2's
      life([&](int number) { (void)!::write(ends[1], &number, sizeof number); });
      ::_exit(0);
    }
    ::close(ends[1]);
    heard_.reset(ends[0]);
  }
  ~Child() {
    if (pid_ > 0) end(SIGKILL);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  int hear() {
    int number = 0;
    pollfd wait{.fd = heard_.get(), .events = POLLIN, .revents = 0};
    const auto patience = std::chrono::milliseconds(netns::kPatience).count();
    REQUIRE(::poll(&wait, 1, static_cast<int>(patience)) == 1);
    REQUIRE(::read(heard_.get(), &number, sizeof number) == sizeof number);
    return number;
  }
  void end(int signal) {
    ::kill(pid_, signal);
    wait();
  }
  void end_group(int signal) {
    ::kill(-pid_, signal);
    wait();
  }
  void wait() {
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }

 private:
  pid_t pid_ = 0;
  FileDescriptor heard_;
};

/// Until the guard, by now ours, has ended by itself.
void await_end(pid_t guard) {
  int status = -1;
  REQUIRE(::waitpid(guard, &status, 0) == guard);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}

/// What the other node hears.
struct Listener {
  explicit Listener(Cable& cable) {
    cable.in_b([this] {
      REQUIRE(link4.reopen().has_value());
      REQUIRE(link6.reopen().has_value());
    });
  }
  Link::OnPacket keep() {
    return [this](const wire::Envelope& envelope, wire::ByteView payload) {
      if (payload[2] == 0) farewells.push_back(envelope);
      if (payload[2] == 1) is_warm = true;
    };
  }
  /// The wire carries from now on: a carrier may need a moment.
  void warm_up() {
    Link sender(poller, {.interface = "a", .vrid = 51}, [](const auto&, auto) {});
    REQUIRE(sender.reopen().has_value());
    is_warm = false;
    REQUIRE(run_until(
        loop, [this] { return is_warm; },
        [&] { REQUIRE(sender.send(wire::kGroupV4, advert(false, 1)).has_value()); }));
  }
  void await_farewells(std::size_t count) {
    REQUIRE(run_until(loop, [&] { return farewells.size() >= count; }));
  }

  event::Loop loop;
  event::Poller poller{loop};
  std::vector<wire::Envelope> farewells;
  bool is_warm = false;
  Link link4{poller, {.interface = "b", .vrid = 51}, keep()};
  Link link6{poller, {.interface = "b", .is_v6 = true, .vrid = 51}, keep()};
};

/// A daemon that holds the addresses and waits to be killed; says its guard's pid.
void hold_and_wait(const Child::Say& say) {
  Daemon daemon;
  daemon.hold();
  say(daemon.guard.pid());
  for (;;) ::pause();
}

void check_withdrawn(Listener& listener) {
  listener.await_farewells(2);
  // Addresses first, then the farewell.
  CHECK_FALSE(has_address(kVip4.address));
  CHECK_FALSE(has_address(kVip6.address));
  CHECK(listener.farewells[0].source.text() == "10.77.0.1");
  CHECK(listener.farewells[0].hop_limit == 255);
  CHECK(listener.farewells[1].source.text() == "fe80::1");
  CHECK(listener.farewells[1].hop_limit == 255);
}

TEST_CASE("however the daemon dies, its addresses go and the other node hears a farewell") {
  for (const int signal : {SIGKILL, SIGSEGV, SIGABRT, SIGTERM}) {
    INFO(signal);
    Cable cable;
    Listener listener(cable);
    listener.warm_up();
    Child daemon(hold_and_wait);
    const pid_t guard = daemon.hear();
    REQUIRE(has_address(kVip4.address));
    REQUIRE(has_address(kVip6.address));
    daemon.end(signal);
    check_withdrawn(listener);
    await_end(guard);
  }
}

TEST_CASE("a daemon that ends by itself without a word counts as dead") {
  Cable cable;
  Listener listener(cable);
  listener.warm_up();
  Child daemon([](const Child::Say& say) {
    Daemon self;
    self.hold();
    say(self.guard.pid());
    ::_exit(3);
  });
  const pid_t guard = daemon.hear();
  daemon.wait();
  check_withdrawn(listener);
  await_end(guard);
}

TEST_CASE("a guard that was dismissed does nothing") {
  Cable cable;
  Listener listener(cable);
  Child daemon([](const Child::Say& say) {
    Daemon self;
    self.hold();
    self.guard.dismiss();
    say(self.guard.is_standing() ? 1 : 0);
    for (;;) ::pause();
  });
  CHECK(daemon.hear() == 0);  // it has ended and been reaped
  daemon.end(SIGKILL);
  CHECK(has_address(kVip4.address));
  CHECK(has_address(kVip6.address));
  listener.warm_up();  // whatever was sent before has arrived
  CHECK(listener.farewells.empty());
}

TEST_CASE("the last plan counts: a daemon that has let go leaves nothing to do") {
  Cable cable;
  Listener listener(cable);
  Child daemon([](const Child::Say& say) {
    Daemon self;
    self.hold();
    REQUIRE(self.guard.set({}).has_value());
    say(self.guard.pid());
    for (;;) ::pause();
  });
  const pid_t guard = daemon.hear();
  daemon.end(SIGKILL);
  await_end(guard);
  CHECK(has_address(kVip4.address));
  listener.warm_up();
  CHECK(listener.farewells.empty());
}

TEST_CASE(
    "a signal to the daemon's process group, or to the guard itself, does not end the guard") {
  Cable cable;
  Listener listener(cable);
  listener.warm_up();
  Child daemon(hold_and_wait);
  const pid_t guard = daemon.hear();
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGPIPE})
    REQUIRE(::kill(guard, signal) == 0);
  REQUIRE(::kill(guard, 0) == 0);
  CHECK(has_address(kVip4.address));
  daemon.end_group(SIGTERM);
  check_withdrawn(listener);
  await_end(guard);
}

TEST_CASE("a guard that is killed is replaced by one that knows the same") {
  Cable cable;
  Listener listener(cable);
  listener.warm_up();
  Child daemon([](const Child::Say& say) {
    Daemon self;
    self.hold();
    self.guard.watch(self.poller, [&](const Result<void>& done) {
      say(done.has_value() ? self.guard.pid() : -1);
    });
    say(self.guard.pid());
    self.loop.run();
  });
  const pid_t first = daemon.hear();
  REQUIRE(::kill(first, SIGKILL) == 0);
  const pid_t second = daemon.hear();
  REQUIRE(second > 0);
  CHECK(second != first);
  CHECK(::kill(first, 0) != 0);  // reaped, not left as a zombie
  CHECK(has_address(kVip4.address));
  CHECK(listener.farewells.empty());
  daemon.end(SIGKILL);
  check_withdrawn(listener);
  await_end(second);
}

TEST_CASE("a guard found dead when there is something to tell is replaced at once") {
  Cable cable;
  Listener listener(cable);
  listener.warm_up();
  Child daemon([](const Child::Say& say) {
    Daemon self;
    const pid_t first = self.guard.pid();
    REQUIRE(::kill(first, SIGKILL) == 0);
    siginfo_t ended;
    REQUIRE(::waitid(P_PID, static_cast<id_t>(first), &ended, WEXITED | WNOWAIT) == 0);
    self.hold();
    say(self.guard.pid());
    for (;;) ::pause();
  });
  const pid_t second = daemon.hear();
  daemon.end(SIGKILL);
  check_withdrawn(listener);
  await_end(second);
}

TEST_CASE("a guard that does not listen is replaced, and the old one withdraws nothing") {
  Cable cable;
  Listener listener(cable);
  listener.warm_up();
  Child daemon([](const Child::Say& say) {
    Daemon self;
    const pid_t first = self.guard.pid();
    REQUIRE(::kill(first, SIGSTOP) == 0);
    self.hold();
    while (self.guard.pid() == first) self.tell();
    say(self.guard.pid());
    for (;;) ::pause();
  });
  const pid_t second = daemon.hear();
  CHECK(has_address(kVip4.address));
  CHECK(listener.farewells.empty());
  daemon.end(SIGKILL);
  check_withdrawn(listener);
  await_end(second);
}

TEST_CASE("a farewell leaves by the guard's own copy of the socket") {
  // The daemon's descriptor may be closed and its number used anew before it dies.
  Cable cable;
  Listener listener(cable);
  listener.warm_up();
  Child daemon([](const Child::Say& say) {
    Daemon self;
    self.hold();
    self.link4.close();
    self.link6.close();
    say(self.guard.pid());
    for (;;) ::pause();
  });
  const pid_t guard = daemon.hear();
  daemon.end(SIGKILL);
  check_withdrawn(listener);
  await_end(guard);
}

TEST_CASE("a guard holds nothing of the daemon's open but stderr") {
  Cable cable;
  std::array<int, 2> ends{};
  REQUIRE(::pipe(ends.data()) == 0);
  Guard guard;
  REQUIRE(guard.start().has_value());
  ::close(ends[1]);
  char byte = 0;
  pollfd wait{.fd = ends[0], .events = POLLIN, .revents = 0};
  REQUIRE(::poll(&wait, 1, 0) == 1);  // at once: start() has waited for it
  CHECK(::read(ends[0], &byte, 1) == 0);
  ::close(ends[0]);
  guard.dismiss();
  CHECK_FALSE(guard.is_standing());
}

}  // namespace
}  // namespace tandem::failover::system
