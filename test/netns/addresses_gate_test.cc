#include "failover/system/lease.h"
#include "failover/wire/arp.h"
#include "test/netns/addresses_probe.h"

#include <catch2/catch.hpp>

#include <atomic>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace tandem::failover::system {
namespace {

using netns::address;
using netns::contains;
using netns::output_of;
using netns::Probe;
using netns::Rig;
using netns::run;

constexpr Milliseconds kLong{60'000};
const IpAddress kFour = address("10.77.0.100");
const IpAddress kSix = address("fd77::100");

/// "a" holds both addresses; "b" knows their MAC, so that packets and questions are told apart.
struct Gated {
  Gated() {
    run("ip addr add 10.77.0.100/24 dev a");
    run("ip addr add fd77::100/64 dev a nodad");
    rig.cable.in_b([this] { know(true); });
  }
  void know(bool six) const {
    const std::string mac = mac_of_a();
    run("ip neigh replace 10.77.0.1 lladdr " + mac + " dev b nud permanent");
    run("ip neigh replace 10.77.0.100 lladdr " + mac + " dev b nud permanent");
    run("ip neigh replace fd77::1 lladdr " + mac + " dev b nud permanent");
    if (six) run("ip neigh replace fd77::100 lladdr " + mac + " dev b nud permanent");
  }
  [[nodiscard]] std::string mac_of_a() const {
    const auto& mac = rig.interface.link()->mac;
    return fmt::format("{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", mac[0], mac[1], mac[2], mac[3],
                       mac[4], mac[5]);
  }
  void forget_six() {
    rig.cable.in_b([] { run("ip neigh del fd77::100 dev b"); });
  }
  void check(bool packets, bool answers) {
    CHECK(probe.reaches(kFour) == packets);
    CHECK(probe.reaches(kSix) == packets);
    CHECK(probe.answers(kFour) == answers);
  }

  Rig rig;
  Probe probe{rig};
  Gate gate{{.table = "tandem_51", .interface = "a", .addresses = {kFour, kSix}}};
};

TEST_CASE("A node whose gate is not held is silent, and speaks as long as it is") {
  Gated on;
  on.check(true, true);
  REQUIRE(on.gate.set_up(Milliseconds(0)));
  on.check(false, false);
  REQUIRE(on.gate.hold(kLong));
  on.check(true, true);
  REQUIRE(on.gate.hold(Milliseconds(0)));
  on.check(false, false);
}

TEST_CASE("A gate that is set up held never closes meanwhile") {
  Gated on;
  REQUIRE(on.gate.set_up(kLong));
  on.check(true, true);
  REQUIRE(on.gate.set_up(kLong));
  on.check(true, true);
}

TEST_CASE("A silent node answers no neighbour solicitation") {
  Gated on;
  REQUIRE(on.gate.set_up(kLong));
  on.forget_six();
  CHECK(on.probe.reaches(kSix));
  on.forget_six();
  REQUIRE(on.gate.hold(kLong, Gate::Open::kForPackets));
  CHECK_FALSE(on.probe.reaches(kSix));
}

TEST_CASE("A gate that is open for packets alone lets in what is handed over") {
  Gated on;
  REQUIRE(on.gate.set_up(kLong));
  REQUIRE(on.gate.hold(kLong, Gate::Open::kForPackets));
  on.check(true, false);
  REQUIRE(on.gate.hold(kLong));
  on.check(true, true);
}

TEST_CASE("A node that is not refreshed falls silent by itself") {
  Gated on;
  REQUIRE(on.gate.set_up(Milliseconds(0)));
  constexpr Milliseconds kShort{200};
  REQUIRE(on.gate.hold(kShort));
  const Instant held_at = Clock::now();
  const Instant deadline = held_at + netns::kPatience;
  Instant last_heard = held_at;
  for (;;) {
    const Instant asked_at = Clock::now();
    REQUIRE(asked_at < deadline);
    if (!on.probe.reaches(kFour)) break;
    last_heard = asked_at;
  }
  on.check(false, false);
  // Measured by what got in, so that a busy machine cannot make it late: ticks are 10 ms at most.
  CHECK(last_heard - held_at <= kShort + Milliseconds(2 * 10));
}

/// What the sender of a flood remembers of one question.
struct Sent {
  Instant before;
  Instant after;
};

TEST_CASE("A node that is refreshed in time is never silent") {
  constexpr Milliseconds kLease{40};
  constexpr Milliseconds kPause{10};
  constexpr std::uint32_t kQuestions = 6'000;
  Gated on;
  REQUIRE(on.gate.set_up(kLease));

  // Numbers 1 to kQuestions, each as a packet of both families and as a question.
  std::vector<Sent> sent(kQuestions + 1);
  std::atomic<bool> is_over{false};
  std::thread sender([&] {
    for (std::uint32_t number = 1; number <= kQuestions; ++number) {
      sent[number].before = Clock::now();
      on.probe.send_packet(kFour, number);
      on.probe.send_packet(kSix, number | 1U << 31);
      on.probe.ask(kFour, number);
      sent[number].after = Clock::now();
      std::this_thread::sleep_for(std::chrono::microseconds(400));  // the pace of the load
    }
    is_over = true;
  });
  std::vector<Sent> holds;
  while (!is_over) {
    const Instant before = Clock::now();
    const bool is_held = on.gate.hold(kLease).has_value();
    holds.push_back({before, Clock::now()});
    if (!is_held) break;
    std::this_thread::sleep_for(kPause);  // the pace of the daemon
  }
  sender.join();
  REQUIRE(is_over);

  std::set<std::uint32_t> packets;
  while (const std::uint32_t number = on.probe.receive_packet(false)) packets.insert(number);
  std::set<std::uint32_t> answers;
  while (const std::uint32_t number = on.probe.receive_answer(false)) answers.insert(number);
  // On a machine that stops for longer than the lease a question may rightly go unanswered: what
  // counts are those that a refresh covered.
  std::uint32_t covered = 0;
  std::uint32_t lost = 0;
  for (std::uint32_t number = 1; number <= kQuestions; ++number) {
    const bool is_covered = std::ranges::any_of(holds, [&](const Sent& hold) {
      return hold.after <= sent[number].before && sent[number].after <= hold.before + kLease / 2;
    });
    if (!is_covered) continue;
    ++covered;
    const bool is_answered =
        packets.contains(number) && packets.contains(number | 1U << 31) && answers.contains(number);
    if (!is_answered) ++lost;
  }
  CHECK(lost == 0);
  CHECK(covered > kQuestions / 2);
}

TEST_CASE("A silent node still learns who has the address now") {
  Gated on;
  run("ip addr del 10.77.0.100/24 dev a");
  REQUIRE(on.gate.set_up(Milliseconds(0)));
  run("ip neigh replace 10.77.0.100 lladdr 02:00:00:00:00:99 dev a nud stale");
  on.probe.put_on_wire(wire::gratuitous_arp(kFour, {2, 0, 0, 0, 0, 0x88}));
  CHECK_FALSE(on.probe.answers(kFour));  // everything before it has been dealt with
  CHECK(contains(output_of("ip neigh show 10.77.0.100 dev a"), "02:00:00:00:00:88"));
}

TEST_CASE("A table that somebody removed is put up again by the next refresh") {
  const auto open = GENERATE(Gate::Open::kFully, Gate::Open::kForPackets);
  Gated on;
  REQUIRE(on.gate.set_up(kLong));
  run("nft flush ruleset");
  REQUIRE(on.gate.hold(kLong, open));
  CHECK(on.gate.counts().rebuilt == 1);
  on.check(true, open == Gate::Open::kFully);
  REQUIRE(on.gate.hold(Milliseconds(0)));
  on.check(false, false);
}

TEST_CASE("A gate that is removed leaves nothing behind, and nothing of others goes with it") {
  Gated on;
  run("nft add table inet others");
  REQUIRE(on.gate.set_up(Milliseconds(0)));
  CHECK(contains(output_of("nft list tables"), "tandem_51"));
  REQUIRE(on.gate.remove());
  CHECK(output_of("nft list tables") == "table inet others\n");
  on.check(true, true);
  CHECK_FALSE(on.gate.hold(kLong));
  REQUIRE(on.gate.remove());
}

TEST_CASE("A gate outlives its daemon and is taken over by the next") {
  Gated on;
  {
    Gate former({.table = "tandem_51", .interface = "a", .addresses = {kFour, kSix}});
    REQUIRE(former.set_up(Milliseconds(0)));
  }
  on.check(false, false);
  REQUIRE(on.gate.set_up(kLong));
  on.check(true, true);
}

TEST_CASE("Gates of several routers do not disturb each other") {
  Gated on;
  Gate other({.table = "tandem_52", .interface = "a", .addresses = {kSix}});
  REQUIRE(on.gate.set_up(kLong));
  REQUIRE(other.set_up(Milliseconds(0)));
  CHECK(on.probe.reaches(kFour));
  CHECK_FALSE(on.probe.reaches(kSix));
  REQUIRE(other.remove());
  CHECK(on.probe.reaches(kSix));
}

TEST_CASE("A gate that cannot be put up says why") {
  Gated on;
  Gate elsewhere({.table = "tandem_51", .interface = "nowhere", .addresses = {kFour}});
  const auto refused = elsewhere.set_up(Milliseconds(0));
  REQUIRE_FALSE(refused);
  CHECK(contains(refused.error().message, "nf_tables: "));
  CHECK(elsewhere.is_supported());
  CHECK_FALSE(elsewhere.is_up());
  CHECK_FALSE(elsewhere.hold(kLong));
  for (const char* name : {"", "a b", "1a", "x;flush ruleset"}) {
    CHECK_FALSE(Gate({.table = name, .interface = "a", .addresses = {kFour}}).set_up(kLong));
  }
}

}  // namespace
}  // namespace tandem::failover::system
