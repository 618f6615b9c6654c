#include "failover/system/announcer.h"
#include "test/netns/addresses_rig.h"

#include <catch2/catch.hpp>

#include <string>

namespace tandem::failover::system {
namespace {

using netns::address;
using netns::contains;
using netns::output_of;
using netns::Rig;
using netns::run;
using netns::run_until;

constexpr const char* kStale = "02:00:00:00:00:99";

/// "b" believes that both addresses live elsewhere.
void mislead(Rig& rig) {
  rig.cable.in_b([] {
    for (const char* one : {"10.77.0.100", "fd77::100"})
      run(fmt::format("ip neigh replace {} lladdr {} dev b nud reachable", one, kStale));
    // A locked entry would keep what it has for a second.
    run("sysctl -q -w net.ipv4.neigh.b.locktime=0");
  });
}

bool is_misled(Rig& rig, const std::string& about) {
  std::string entry;
  rig.cable.in_b([&] { entry = output_of("ip neigh show " + about + " dev b"); });
  return contains(entry, kStale);
}

TEST_CASE("A neighbour that had the address elsewhere learns where it is from the first frame") {
  Rig rig;
  mislead(rig);
  Announcer announcer(rig.loop, rig.interface, {address("10.77.0.100"), address("fd77::100")});
  REQUIRE(announcer.open());
  CHECK(is_misled(rig, "10.77.0.100"));
  announcer.announce();
  CHECK(announcer.counts().arp_sent == 1);
  CHECK(announcer.counts().neighbour_sent == 1);
  REQUIRE(run_until(
      rig.loop, [&] { return !is_misled(rig, "10.77.0.100") && !is_misled(rig, "fd77::100"); }));
}

TEST_CASE("A burst is sent, then the second, then single rounds until it is stopped") {
  Rig rig;
  Announcer announcer(rig.loop, rig.interface, {address("10.77.0.100"), address("10.77.0.101")},
                      {.burst = 3,
                       .burst_span = Milliseconds(10),
                       .second_burst = Milliseconds(50),
                       .refresh = Milliseconds(20),
                       .late_max = netns::kPatience});
  REQUIRE(announcer.open());
  CHECK_FALSE(announcer.is_active());
  announcer.announce();
  REQUIRE(run_until(rig.loop, [&] { return announcer.counts().arp_sent >= 2 * (3 + 3 + 2); }));
  CHECK(announcer.is_active());
  announcer.stop();
  CHECK_FALSE(announcer.is_active());
  const auto sent = announcer.counts().arp_sent;
  const Instant until = Clock::now() + Milliseconds(100);
  REQUIRE(run_until(rig.loop, [&] { return Clock::now() > until; }));
  CHECK(announcer.counts().arp_sent == sent);
  CHECK(announcer.counts().failures == 0);
}

TEST_CASE("An interface that is down costs no frames and no failures, and is caught up with") {
  Rig rig;
  Announcer announcer(
      rig.loop, rig.interface, {address("10.77.0.100")},
      {.burst = 1, .second_burst = {}, .refresh = Milliseconds(10), .late_max = netns::kPatience});
  REQUIRE(announcer.open());
  run("ip link set dev a down");
  REQUIRE(run_until(rig.loop, [&] { return !rig.interface.is_usable(); }));
  announcer.announce();
  CHECK(announcer.counts().arp_sent == 0);
  CHECK(announcer.counts().failures == 0);
  run("ip link set dev a up");
  REQUIRE(run_until(rig.loop, [&] { return announcer.counts().arp_sent > 0; }));
}

}  // namespace
}  // namespace tandem::failover::system
