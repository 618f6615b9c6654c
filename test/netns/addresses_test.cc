#include "failover/system/addresses.h"

#include "test/netns/addresses_rig.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

namespace tandem::failover::system {
namespace {

using netns::contains;
using netns::output_of;
using netns::prefix;
using netns::Rig;
using netns::run;
using netns::run_until;

const std::vector<IpPrefix> kBoth{prefix("10.77.0.100/24"), prefix("fd77::100/64")};

/// Virtual addresses on "a", and what they told.
struct Held {
  explicit Held(Rig& rig, std::optional<std::chrono::seconds> lifetime = {},
                std::vector<IpPrefix> list = kBoth)
      : addresses(rig.loop, *rig.monitor, rig.route, rig.interface,
                  {.addresses = std::move(list), .lifetime = lifetime}) {
    addresses.set_on_incident([this](const Incident& incident) { incidents.push_back(incident); });
  }
  [[nodiscard]] std::size_t present() {
    const auto found = addresses.present();
    REQUIRE(found);
    return found->size();
  }
  [[nodiscard]] bool has(Incident::Kind kind, const IpPrefix& address) const {
    return std::ranges::any_of(incidents, [&](const Incident& incident) {
      return incident.kind == kind && incident.address == address &&
             contains(incident.words, address.text()) && contains(incident.words, "a ");
    });
  }

  std::vector<Incident> incidents;
  Addresses addresses;
};

/// Counts what the kernel tells of addresses.
struct Ear final : RouteListener {
  explicit Ear(RouteMonitor& from) : monitor(from) { monitor.join(*this); }
  ~Ear() { monitor.leave(*this); }
  void on_link(const InterfaceState&, bool) override {}
  void on_address(const InterfaceAddress& address, bool is_gone) override {
    (is_gone ? gone : come).push_back(address.prefix);
  }
  void on_lost_track() override {}
  static bool heard(const std::vector<IpPrefix>& list, const IpPrefix& one) {
    return std::ranges::find(list, one) != list.end();
  }

  RouteMonitor& monitor;
  std::vector<IpPrefix> come;
  std::vector<IpPrefix> gone;
};

TEST_CASE("Addresses are put on the interface, read back and taken off") {
  const auto list = GENERATE(std::vector{prefix("10.77.0.100/24")},
                             std::vector{prefix("10.99.0.1/32"), prefix("10.98.0.1/16")},
                             std::vector{prefix("fd77::100/64"), prefix("fe80::100/64")},
                             std::vector{prefix("fd99::1/128"), prefix("10.77.0.100/24")});
  Rig rig;
  Held held(rig, {}, list);
  CHECK(held.addresses.holding() == Holding::kUndecided);
  CHECK(held.present() == 0);
  REQUIRE(held.addresses.acquire());
  CHECK(held.addresses.present().value().size() == list.size());
  for (const IpPrefix& one : list) {
    const std::string shown = output_of("ip -o addr show dev a to " + one.address.text());
    CHECK(contains(shown, " " + one.text() + " "));
    CHECK_FALSE(contains(shown, "tentative"));
  }
  CHECK(held.addresses.counts().added == list.size());
  REQUIRE(held.addresses.release());
  CHECK(held.present() == 0);
  CHECK(held.addresses.counts().removed == list.size());
  CHECK(held.addresses.holding() == Holding::kReleased);
  REQUIRE(held.addresses.release());
}

TEST_CASE("An IPv6 address serves at once and is no source of this node's connections") {
  Rig rig;
  Held held(rig, {}, {prefix("fd77::100/64")});
  REQUIRE(held.addresses.acquire());
  CHECK(contains(output_of("ip -6 -o addr show dev a to fd77::100"), "deprecated"));
  CHECK(contains(output_of("ip -6 route get fd77::2"), "src fd77::1 "));
}

TEST_CASE("The lifetime of a virtual address does not reach the route of the node's own") {
  Rig rig;
  // As router advertisements leave it: the route lives as long as the node's own address.
  run("ip addr change fd77::1/64 dev a valid_lft 3600 preferred_lft 3600");
  run("ip -6 route replace fd77::/64 dev a proto kernel metric 256 expires 3600");
  Held held(rig, std::chrono::seconds(2));
  REQUIRE(held.addresses.acquire());
  REQUIRE(held.addresses.refresh());
  const std::string routes = output_of("ip -6 route show fd77::/64");
  CHECK(contains(routes, "expires 3"));
  REQUIRE(held.addresses.release());
  CHECK(contains(output_of("ip -6 route show fd77::/64"), "expires 3"));
}

TEST_CASE("A virtual address in a network of its own brings the route to it") {
  Rig rig;
  Held held(rig, std::chrono::seconds(2), {prefix("fd99::100/64"), prefix("10.99.0.100/24")});
  REQUIRE(held.addresses.acquire());
  CHECK(contains(output_of("ip -6 route show fd99::/64"), "dev a"));
  CHECK(contains(output_of("ip route show 10.99.0.0/24"), "dev a"));
  REQUIRE(held.addresses.release());
  // The kernel leaves it to its own lifetime, which was that of the address.
  const std::string left = output_of("ip -6 route show fd99::/64");
  CHECK((left.empty() || contains(left, "expires")));
  CHECK(output_of("ip route show 10.99.0.0/24").empty());
}

TEST_CASE("Addresses that are there already are adopted and never leave") {
  Rig rig;
  run("ip addr add 10.77.0.100/24 dev a");
  run("ip addr add fd77::100/64 dev a nodad");
  Ear ear(*rig.monitor);
  Held held(rig);
  CHECK(held.present() == 2);
  REQUIRE(held.addresses.acquire());
  REQUIRE(held.addresses.acquire());
  CHECK(held.addresses.counts().adopted == 4);
  CHECK(held.addresses.counts().added == 0);
  run("ip addr add 10.1.0.1/24 dev a");
  REQUIRE(run_until(rig.loop, [&] { return Ear::heard(ear.come, prefix("10.1.0.1/24")); }));
  CHECK(ear.gone.empty());
}

TEST_CASE("An adopted address takes on the lifetime it is to have") {
  Rig rig;
  run("ip addr add 10.77.0.100/24 dev a valid_lft 100 preferred_lft 100");
  Held forever(rig, {}, {prefix("10.77.0.100/24")});
  REQUIRE(forever.addresses.acquire());
  CHECK(contains(output_of("ip addr show dev a to 10.77.0.100"), "valid_lft forever"));
  Held leased(rig, std::chrono::seconds(60), {prefix("10.77.0.100/24")});
  REQUIRE(leased.addresses.acquire());
  CHECK_FALSE(contains(output_of("ip addr show dev a to 10.77.0.100"), "valid_lft forever"));
}

TEST_CASE("An address that somebody takes away is put back at once") {
  Rig rig;
  Held held(rig);
  REQUIRE(held.addresses.acquire());
  run("ip addr del 10.77.0.100/24 dev a");
  run("ip addr del fd77::100/64 dev a");
  CHECK(held.present() == 0);
  REQUIRE(run_until(rig.loop, [&] { return held.addresses.counts().put_back == 2; }));
  CHECK(held.present() == 2);
  CHECK(held.has(Incident::Kind::kPutBack, kBoth[0]));
  CHECK(held.has(Incident::Kind::kPutBack, kBoth[1]));
}

TEST_CASE("A virtual address that went with the node's own one of the same network is put back") {
  Rig rig;
  Held held(rig);
  REQUIRE(held.addresses.acquire());
  run("sysctl -q -w net.ipv4.conf.a.promote_secondaries=0");
  run("ip addr del 10.77.0.1/24 dev a");
  REQUIRE(run_until(rig.loop, [&] { return held.addresses.counts().put_back == 1; }));
  CHECK(held.present() == 2);
}

TEST_CASE("An address that is there without right is taken off") {
  Rig rig;
  Held held(rig);
  REQUIRE(held.addresses.release());
  run("ip addr add 10.77.0.100/32 dev a");
  run("ip addr add fd77::100/128 dev a nodad");
  REQUIRE(run_until(rig.loop, [&] { return held.addresses.counts().withdrawn == 2; }));
  CHECK(held.present() == 0);
  CHECK(held.has(Incident::Kind::kWithdrawn, prefix("10.77.0.100/32")));
  CHECK(held.has(Incident::Kind::kWithdrawn, prefix("fd77::100/128")));
}

TEST_CASE("Nothing is touched before it was decided who holds the addresses") {
  Rig rig;
  Held held(rig);
  Ear ear(*rig.monitor);
  run("ip addr add 10.77.0.100/24 dev a");
  REQUIRE(run_until(rig.loop, [&] { return Ear::heard(ear.come, kBoth[0]); }));
  CHECK(held.present() == 1);
  CHECK(held.incidents.empty());
}

TEST_CASE("A release that is taken back at once is no incident") {
  Rig rig;
  Held held(rig);
  Ear ear(*rig.monitor);
  REQUIRE(held.addresses.acquire());
  REQUIRE(held.addresses.release());
  REQUIRE(held.addresses.acquire());
  run("ip addr add 10.1.0.1/24 dev a");
  REQUIRE(run_until(rig.loop, [&] { return Ear::heard(ear.come, prefix("10.1.0.1/24")); }));
  CHECK(Ear::heard(ear.gone, kBoth[0]));
  CHECK(held.incidents.empty());
  CHECK(held.present() == 2);
}

TEST_CASE("A program that takes the address away again and again is answered in measure") {
  Rig rig;
  Held held(rig, {}, {prefix("10.77.0.100/24")});
  REQUIRE(held.addresses.acquire());
  constexpr std::uint64_t kTimes = 25;
  const Instant begun = Clock::now();
  for (std::uint64_t i = 1; i <= kTimes; ++i) {
    run("ip addr del 10.77.0.100/24 dev a");
    REQUIRE(run_until(rig.loop, [&] { return held.addresses.counts().put_back == i; }));
  }
  // 20 at once, then one each 200 ms.
  CHECK(Clock::now() - begun >= Milliseconds(5 * 200));
}

TEST_CASE("Addresses die with their daemon, and are not put back by one that was too late") {
  Rig rig;
  Held held(rig, std::chrono::seconds(1));
  REQUIRE(held.addresses.acquire());
  // The loop stands still, as in a frozen daemon.
  const Instant deadline = Clock::now() + netns::kPatience;
  while (held.present() > 0) REQUIRE(Clock::now() < deadline);
  REQUIRE(run_until(rig.loop, [&] { return !held.incidents.empty(); }));
  CHECK(held.has(Incident::Kind::kLapsed, kBoth[0]));
  CHECK(held.addresses.holding() == Holding::kLapsed);
  CHECK(held.addresses.counts().put_back == 0);
  CHECK_FALSE(held.addresses.refresh());
  CHECK(held.present() == 0);
  REQUIRE(held.addresses.acquire());
  CHECK(held.present() == 2);
}

TEST_CASE("A refreshed address lives on past its lifetime") {
  Rig rig;
  Held held(rig, std::chrono::seconds(1));
  Ear ear(*rig.monitor);
  REQUIRE(held.addresses.acquire());
  const Instant until = Clock::now() + Milliseconds(2'500);
  event::Timer refresh(rig.loop, [&] { REQUIRE(held.addresses.refresh()); });
  refresh.start_periodic(Milliseconds(300), Milliseconds(300));
  REQUIRE(run_until(rig.loop, [&] { return Clock::now() > until; }));
  CHECK(held.present() == 2);
  CHECK(ear.gone.empty());
  CHECK(held.incidents.empty());
}

TEST_CASE("What is not held cannot be refreshed") {
  Rig rig;
  Held held(rig, std::chrono::seconds(1));
  CHECK_FALSE(held.addresses.refresh());
  REQUIRE(held.addresses.acquire());
  CHECK(held.addresses.refresh());
  REQUIRE(held.addresses.release());
  CHECK_FALSE(held.addresses.refresh());
  CHECK(held.present() == 0);
}

TEST_CASE("An interface that goes down, loses its carrier or vanishes is noticed") {
  Rig rig;
  int changes = 0;
  rig.interface.set_on_change([&](const auto&) { ++changes; });
  CHECK(rig.interface.is_usable());
  CHECK(rig.interface.words() == "a is up");
  rig.cable.in_b([] { run("ip link set dev b down"); });
  REQUIRE(run_until(rig.loop, [&] { return !rig.interface.is_usable(); }));
  CHECK(rig.interface.words() == "a has no carrier");
  rig.cable.in_b([] { run("ip link set dev b up"); });
  REQUIRE(run_until(rig.loop, [&] { return rig.interface.is_usable(); }));
  run("ip link set dev a down");
  REQUIRE(run_until(rig.loop, [&] { return rig.interface.words() == "a is down"; }));
  rig.cable.unplug();
  REQUIRE(run_until(rig.loop, [&] { return !rig.interface.link(); }));
  CHECK(rig.interface.words() == "there is no interface a");
  rig.cable.plug();
  REQUIRE(run_until(rig.loop, [&] { return rig.interface.is_usable(); }));
  CHECK(changes >= 5);
}

TEST_CASE("An interface that is renamed is gone, and back when the name is") {
  Rig rig;
  run("ip link set dev a down");
  run("ip link set dev a name other");
  REQUIRE(run_until(rig.loop, [&] { return !rig.interface.link(); }));
  run("ip link set dev other name a");
  REQUIRE(run_until(rig.loop, [&] { return rig.interface.link().has_value(); }));
}

TEST_CASE("Held addresses come back with the interface") {
  const bool vanishes = GENERATE(false, true);
  Rig rig;
  Held held(rig);
  REQUIRE(held.addresses.acquire());
  const int index = rig.interface.link()->index;
  if (vanishes) {
    rig.cable.unplug();
    REQUIRE(run_until(rig.loop, [&] { return !rig.interface.link(); }));
    CHECK_FALSE(held.addresses.acquire());
    rig.cable.plug();
    REQUIRE(run_until(rig.loop, [&] { return held.present() == 2; }));
    CHECK(rig.interface.link()->index != index);
  } else {
    run("ip link set dev a down");
    REQUIRE(run_until(rig.loop, [&] { return !rig.interface.is_usable(); }));
    run("ip link set dev a up");
    REQUIRE(run_until(rig.loop, [&] { return held.present() == 2; }));
  }
  CHECK(held.addresses.holding() == Holding::kHeld);
}

TEST_CASE("Messages of the kernel that were lost lead to a second look") {
  Rig rig(4096);
  Held held(rig);
  REQUIRE(held.addresses.acquire());
  std::string batch;
  for (int i = 1; i <= 250; ++i) batch += fmt::format("addr add 10.5.0.{}/32 dev a\\n", i);
  run("printf '" + batch + "' | ip -batch -");
  run("ip addr del 10.77.0.100/24 dev a");
  REQUIRE(run_until(rig.loop, [&] { return held.addresses.counts().put_back == 1; }));
  CHECK(rig.monitor->losses() > 0);
}

TEST_CASE("What the kernel refuses is said with the address and the interface") {
  Rig rig;
  run("sysctl -q -w net.ipv6.conf.a.disable_ipv6=1");
  Held held(rig);
  const auto acquired = held.addresses.acquire();
  REQUIRE_FALSE(acquired);
  CHECK(contains(acquired.error().message, "cannot put fd77::100/64 on a: "));
  CHECK(held.addresses.counts().failures == 1);
  CHECK(held.present() == 1);  // the other one is there all the same
  run("sysctl -q -w net.ipv6.conf.a.disable_ipv6=0");
  REQUIRE(run_until(rig.loop, [&] { return held.present() == 2; }));
}

}  // namespace
}  // namespace tandem::failover::system
