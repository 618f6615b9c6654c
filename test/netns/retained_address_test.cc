#include "failover/system/retained_address.h"

#include "failover/system/arp_settings.h"
#include "failover/system/connection_counter.h"
#include "failover/system/guard.h"
#include "failover/system/neighbours.h"
#include "failover/system/socket_census.h"
#include "test/netns/street.h"

#include <catch2/catch.hpp>
#include <fmt/ranges.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tandem::failover::system {
namespace {

using netns::address;
using netns::Cable;
using netns::contains;
using netns::opened;
using netns::output_of;
using netns::prefix;
using netns::Rig;
using netns::run;
using netns::run_until;
using netns::Tcp;

const IpAddress kFour = address("10.77.0.100");
const IpAddress kSix = address("fd77::100");
const std::vector<IpAddress> kBoth{kFour, kSix};

std::string on_loopback() { return output_of("ip addr show dev lo"); }

// ---- RetainedAddress ----------------------------------------------------------------------------

TEST_CASE("What is retained is on lo for a short time, until it is refreshed, until the end") {
  Rig rig;
  RetainedAddress retained(rig.route, kBoth);
  REQUIRE(retained.refresh());
  CHECK_FALSE(contains(on_loopback(), "10.77.0.100"));
  for (int i = 0; i < 2; ++i) {
    REQUIRE(retained.begin());
    CHECK(retained.has_begun());
    CHECK(contains(on_loopback(), "10.77.0.100/32"));
    CHECK(contains(on_loopback(), "fd77::100/128"));
    CHECK(contains(on_loopback(), "valid_lft 5sec"));
  }
  run("ip addr del 10.77.0.100/32 dev lo");
  REQUIRE(retained.refresh());
  CHECK(contains(on_loopback(), "10.77.0.100/32"));
  for (int i = 0; i < 2; ++i) {
    REQUIRE(retained.end());
    CHECK_FALSE(contains(on_loopback(), "10.77.0.100"));
    CHECK_FALSE(contains(on_loopback(), "fd77::100"));
  }
  // What was on lo before is.
  CHECK(contains(on_loopback(), "127.0.0.1/8"));
}

TEST_CASE("What nobody refreshes leaves lo by itself") {
  Rig rig;
  RetainedAddress retained(rig.route, kBoth);
  REQUIRE(retained.begin());
  CHECK(run_until(rig.loop, [] {
    return !contains(on_loopback(), "10.77.0.100") && !contains(on_loopback(), "fd77::100");
  }));
}

TEST_CASE("What an earlier process left is taken off, what the operator put there is not") {
  Rig rig;
  run("ip addr add fd77::100/128 dev lo");
  {
    REQUIRE(RetainedAddress(rig.route, kBoth).begin());
  }
  CHECK(contains(on_loopback(), "10.77.0.100/32"));
  RetainedAddress later(rig.route, kBoth);
  CHECK_FALSE(later.has_begun());
  REQUIRE(later.end());
  CHECK_FALSE(contains(on_loopback(), "10.77.0.100"));
  CHECK(contains(on_loopback(), "fd77::100/128"));
}

TEST_CASE("What is retained is neither seen nor touched by who sees to the interface") {
  Rig rig;
  Addresses addresses(rig.loop, *rig.monitor, rig.route, rig.interface,
                      {.addresses = {prefix("10.77.0.100/24"), prefix("fd77::100/64")}});
  RetainedAddress retained(rig.route, kBoth);
  REQUIRE(addresses.acquire());
  REQUIRE(retained.begin());
  REQUIRE(addresses.release());
  CHECK(opened(addresses.present()).empty());
  CHECK(contains(on_loopback(), "10.77.0.100/32"));
  CHECK(contains(on_loopback(), "fd77::100/128"));
  rig.loop.run_once();
  CHECK(addresses.counts().withdrawn == 0);

  // And back again.
  REQUIRE(addresses.acquire());
  REQUIRE(retained.end());
  CHECK(opened(addresses.present()).size() == 2);
}

TEST_CASE("The guard takes off lo what a dead daemon retained") {
  Rig rig;
  RetainedAddress retained(rig.route, kBoth);
  GuardPlan empty;
  retained.add_to(empty);
  CHECK(empty.requests.empty());
  {
    Guard guard;
    REQUIRE(guard.start());
    REQUIRE(retained.begin());
    GuardPlan plan;
    retained.add_to(plan);
    REQUIRE(guard.set(plan));
    CHECK(contains(on_loopback(), "10.77.0.100/32"));
  }
  const Instant began = Clock::now();
  CHECK(run_until(rig.loop, [] {
    return !contains(on_loopback(), "10.77.0.100") && !contains(on_loopback(), "fd77::100");
  }));
  CHECK(Clock::now() - began < RetainedAddress::kLifetime);
}

// ---- SocketCensus -------------------------------------------------------------------------------

/// Listeners at any address and at one; all in one namespace.
struct Counted {
  Counted() {
    run("ip addr add 10.77.0.100/32 dev lo");
    run("ip addr add 10.77.0.101/32 dev lo");
    run("ip addr add fd77::100/128 dev lo");
  }
  // Of the two ends in this namespace only the server's has the address as its own.
  std::pair<Tcp, Tcp> connect(const IpAddress& to) {
    Tcp client = Tcp::connected_from(address(to.is_v6() ? "fd77::1" : "10.77.0.1"), to, 8080);
    return {std::move(client), listener.accepted()};
  }
  std::uint64_t count(const std::vector<IpAddress>& addresses) {
    return opened(census.connections(addresses));
  }
  /// The last acknowledgement takes its time.
  bool gets_to_nothing() {
    event::Loop loop;
    return run_until(loop, [this] { return count(kBoth) == 0; });
  }

  Cable cable;
  Tcp listener{Tcp::listening(address("::"), 8080)};
  SocketCensus census{opened(SocketCensus::open())};
};

TEST_CASE("Connections to the addresses are counted, and no others") {
  Counted in;
  CHECK(in.count(kBoth) == 0);
  CHECK(in.count({}) == 0);
  const auto four = in.connect(kFour);
  const auto other = in.connect(address("10.77.0.101"));
  const auto six = in.connect(kSix);
  CHECK(in.count(kBoth) == 2);
  CHECK(in.count({kSix, kFour}) == 2);
  CHECK(in.count({kFour}) == 1);
  CHECK(in.count({kSix}) == 1);
  CHECK(in.count({address("10.77.0.1")}) == 2);
  CHECK(in.count({address("10.77.0.102"), address("fd77::102")}) == 0);
}

TEST_CASE("As many addresses as an advert can name are looked for at once") {
  Counted in;
  const auto four = in.connect(kFour);
  const auto six = in.connect(kSix);
  std::vector<IpAddress> many;
  for (int i = 0; i < 253; ++i) many.push_back(address(fmt::format("fd77::1:{:x}", i)));
  CHECK(in.count(many) == 0);
  many.push_back(kFour);
  many.push_back(kSix);
  CHECK(in.count(many) == 2);
}

TEST_CASE("Connections accepted by a listener of IPv4 alone are counted") {
  Counted in;
  const FileDescriptor listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in any{};
  any.sin_family = AF_INET;
  any.sin_port = htons(8081);
  REQUIRE(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&any), sizeof any) == 0);
  REQUIRE(::listen(listener.get(), 8) == 0);
  const Tcp client = Tcp::connected_from(address("10.77.0.1"), kFour, 8081);
  CHECK(in.count(kBoth) == 1);
}

TEST_CASE("What has come to its end at the client's is not waited for") {
  Counted in;
  auto [client, server] = in.connect(kFour);
  SECTION("half closed, the client may still send") {
    REQUIRE(::shutdown(server.fd(), SHUT_WR) == 0);
    CHECK(client.receive(1) == EPIPE);
    CHECK(in.count(kBoth) == 1);
  }
  SECTION("half closed by the client, to be answered") {
    REQUIRE(::shutdown(client.fd(), SHUT_WR) == 0);
    CHECK(server.receive(1) == EPIPE);
    CHECK(in.count(kBoth) == 1);
  }
  SECTION("closed, with something that the client has not taken yet") {
    const int small = 4096;
    REQUIRE(::setsockopt(client.fd(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small) == 0);
    const int much = 1 << 20;
    REQUIRE(::setsockopt(server.fd(), SOL_SOCKET, SO_SNDBUFFORCE, &much, sizeof much) == 0);
    REQUIRE(server.send(1 << 20) == 0);
    server.close();
    CHECK(in.count(kBoth) == 1);
    REQUIRE(client.receive(1 << 20) == 0);
    CHECK(client.receive(1) == EPIPE);
    CHECK(in.gets_to_nothing());
  }
  SECTION("closed, the client has everything and does not close") {
    server.close();
    CHECK(client.receive(1) == EPIPE);
    CHECK(in.gets_to_nothing());
  }
  SECTION("closed by both") {
    server.close();
    client.close();
    CHECK(in.gets_to_nothing());
  }
  SECTION("not accepted yet") {
    const Tcp waiting = Tcp::connected_from(address("10.77.0.1"), kFour, 8080);
    CHECK(in.count(kBoth) == 2);
  }
}

TEST_CASE("Connections are counted off the loop, again and again") {
  Counted in;
  event::Loop loop;
  std::vector<std::uint64_t> counts;
  const auto take = [&counts](const Result<std::uint64_t>& count) {
    counts.push_back(count.value());
  };
  {
    ConnectionCounter counter(loop, kBoth);
    const auto four = in.connect(kFour);
    counter.count(take);
    counter.count(take);  // the first is under way
    REQUIRE(run_until(loop, [&] { return !counts.empty(); }));
    const auto six = in.connect(kSix);
    counter.count(take);
    REQUIRE(run_until(loop, [&] { return counts.size() == 2; }));
    CHECK(counts == std::vector<std::uint64_t>{1, 2});
    counter.count(take);
  }
  // Who is gone is told nothing.
  bool is_over = false;
  ConnectionCounter fence(loop, kBoth);
  fence.count([&is_over](const auto&) { is_over = true; });
  REQUIRE(run_until(loop, [&] { return is_over; }));
  CHECK(counts.size() == 2);
}

// ---- ArpSettings, Neighbours --------------------------------------------------------------------

std::string sysctls() {
  return output_of("sysctl -n net.ipv4.conf.a.arp_ignore net.ipv4.conf.a.arp_announce");
}

TEST_CASE("The settings of ARP are raised and put back") {
  Cable cable;
  ArpSettings settings("a");
  REQUIRE(settings.restore());
  CHECK(sysctls() == "0\n0\n");
  REQUIRE(settings.apply());
  REQUIRE(settings.apply());
  CHECK(sysctls() == "1\n2\n");
  CHECK(opened(ArpSettings::read("a")) == ArpSettings::Values{.ignore = 1, .announce = 2});
  REQUIRE(settings.restore());
  CHECK(sysctls() == "0\n0\n");
}

TEST_CASE("What an operator set stricter, or meanwhile, is left alone") {
  Cable cable;
  ArpSettings settings("a");
  run("sysctl -q -w net.ipv4.conf.a.arp_ignore=2");
  REQUIRE(settings.apply());
  CHECK(sysctls() == "2\n2\n");
  REQUIRE(settings.restore());
  CHECK(sysctls() == "2\n0\n");
  REQUIRE(settings.apply());
  run("sysctl -q -w net.ipv4.conf.a.arp_ignore=3");
  REQUIRE(settings.restore());
  CHECK(sysctls() == "3\n2\n");
}

TEST_CASE("An interface that goes and comes back gets its settings anew") {
  Cable cable;
  ArpSettings settings("a");
  REQUIRE(settings.apply());
  cable.unplug();
  CHECK_FALSE(settings.apply());
  CHECK_FALSE(ArpSettings::read("a"));
  cable.plug();
  REQUIRE(settings.apply());
  CHECK(sysctls() == "1\n2\n");
  cable.unplug();
  CHECK(settings.restore());
}

TEST_CASE("The kernel is asked where a neighbour is, and finds out") {
  Rig rig;
  auto neighbours = opened(Neighbours::open());
  const int link = rig.interface.link()->index;
  for (const IpAddress& whom : {address("10.77.0.2"), address("fd77::2"), address("fe80::2")}) {
    CHECK_FALSE(opened(neighbours.mac(link, whom)).has_value());
    REQUIRE(neighbours.ask(link, whom));
    std::optional<wire::MacAddress> mac;
    REQUIRE(run_until(rig.loop, [&] {
      mac = opened(neighbours.mac(link, whom));
      return mac.has_value();
    }));
    std::string there;
    rig.cable.in_b([&] { there = output_of("ip link show dev b"); });
    CHECK(contains(there, fmt::format("{:02x}", fmt::join(*mac, ":"))));
    REQUIRE(neighbours.ask(link, whom));
    CHECK(opened(neighbours.mac(link, whom)) == mac);
  }
  REQUIRE(neighbours.ask(link, address("10.77.0.9")));
  CHECK_FALSE(opened(neighbours.mac(link, address("10.77.0.9"))).has_value());
  CHECK_FALSE(neighbours.ask(999, address("10.77.0.2")));
  CHECK_FALSE(neighbours.mac(999, address("10.77.0.2")));
}

}  // namespace
}  // namespace tandem::failover::system
