// What a flood does to a link: it is counted, it costs a bounded number of packets, and adverts
// still get through as long as it does not look like them.
#include "common/event/loop.h"
#include "common/event/poller.h"
#include "failover/system/link.h"
#include "failover/wire/ip_header.h"
#include "test/netns/cable.h"

#include <catch2/catch.hpp>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace tandem::failover::system {
namespace {

using netns::Cable;
using netns::run_until;

using Bytes = std::vector<std::uint8_t>;

constexpr std::uint8_t kVrid = 51;
constexpr std::uint8_t kGenuinePriority = 100;
constexpr std::uint8_t kForgedPriority = 200;

Bytes advert(std::uint8_t priority) { return {0x31, kVrid, priority, 1, 0, 20, 0, 0, 10, 0, 0, 1}; }

Bytes advert6(std::uint8_t priority) {
  Bytes bytes = advert(priority);
  bytes.resize(24);
  return bytes;
}

/// Writes packets with whatever hop limit and content it likes: IPv4 with a header of its own
/// making.
class Forger {
 public:
  explicit Forger(bool is_v6 = false)
      : is_v6_(is_v6),
        socket_(::socket(is_v6 ? AF_INET6 : AF_INET, SOCK_RAW,
                         is_v6 ? wire::kProtocolVrrp : static_cast<int>(IPPROTO_RAW))) {
    REQUIRE(socket_);
  }

  void send(std::uint8_t hop_limit, const Bytes& payload, int count) {
    const Bytes packet = is_v6_ ? payload : with_header(hop_limit, payload);
    const int hops = hop_limit;
    if (is_v6_)
      REQUIRE(::setsockopt(socket_.get(), IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof hops) ==
              0);
    const RawAddress to =
        raw_address(is_v6_ ? wire::kGroupV6 : wire::kGroupV4, find_interface("a").value());
    for (int i = 0; i < count; ++i)
      if (::sendto(socket_.get(), packet.data(), packet.size(), 0, to.data(), to.size) >= 0)
        ++sent_;
  }
  [[nodiscard]] std::uint64_t sent() const { return sent_; }

 private:
  static Bytes with_header(std::uint8_t hop_limit, const Bytes& payload) {
    const wire::Envelope envelope{.source = IpAddress::parse("10.77.0.66").value(),
                                  .destination = wire::kGroupV4,
                                  .hop_limit = hop_limit};
    const auto header = wire::ipv4_header(envelope, payload.size(), 1);
    Bytes packet(header.begin(), header.end());
    packet.insert(packet.end(), payload.begin(), payload.end());
    return packet;
  }

  bool is_v6_;
  FileDescriptor socket_;
  std::uint64_t sent_ = 0;
};

/// A link under attack at "b"; "a" sends what is genuine, and what is not.
struct Attack {
  explicit Attack(bool v6 = false) : is_v6(v6) {
    netns::run("ip route add 224.0.0.0/4 dev a");
    REQUIRE(a.reopen().has_value());
    cable.in_b([this] { REQUIRE(b.reopen().has_value()); });
    began = Clock::now();
    REQUIRE(run_until(loop, [this] { return genuine > 0; }, [this] { send_genuine(); }));
  }

  void send_genuine() {
    const Bytes payload = is_v6 ? advert6(kGenuinePriority) : advert(kGenuinePriority);
    REQUIRE(a.send(a.destinations()[0], payload).has_value());
  }

  /// What a queue of these terms can have read since the beginning.
  [[nodiscard]] std::uint64_t bound(TurnBudget::Terms terms) const {
    const auto turns = (Clock::now() - began) / terms.turn + terms.burst + 1;
    return static_cast<std::uint64_t>(turns) * Link::kPacketsPerTurn;
  }

  bool is_v6;
  Cable cable;
  event::Loop loop;
  event::Poller poller{loop};
  std::uint64_t genuine = 0;
  std::uint64_t forged = 0;
  Instant began;
  Link a{poller, {.interface = "a", .is_v6 = is_v6, .vrid = kVrid}, [](const auto&, auto) {}};
  Link b{poller,
         {.interface = "b", .is_v6 = is_v6, .vrid = kVrid},
         [this](const auto&, wire::ByteView payload) {
           const bool is_genuine = payload.size() > 2 && payload[2] == kGenuinePriority;
           ++(is_genuine ? genuine : forged);
         }};
};

TEST_CASE("packets of the wrong form cannot keep adverts from being heard") {
  struct Row {
    const char* name;
    std::uint8_t hop_limit;
    Bytes payload;
    bool is_v6 = false;
  };
  const std::vector<Row> rows{
      {"hop limit", 254, advert(kForgedPriority)},
      {"version", 255, {0x21, kVrid, 200, 1, 0, 20, 0, 0, 10, 0, 0, 1}},
      {"type", 255, {0x32, kVrid, 200, 1, 0, 20, 0, 0, 10, 0, 0, 1}},
      {"VRID", 255, {0x31, 77, 200, 1, 0, 20, 0, 0, 10, 0, 0, 1}},
      {"no address", 255, {0x31, kVrid, 200, 0, 0, 20, 0, 0}},
      {"fewer addresses than it says", 255, {0x31, kVrid, 200, 2, 0, 20, 0, 0, 10, 0, 0, 1}},
      {"two bytes", 255, {0x31, kVrid}},
      {"IPv6: hop limit", 254, advert6(kForgedPriority), true},
      {"IPv6: fewer addresses than it says", 255, advert(kForgedPriority), true},
  };
  for (const Row& row : rows) {
    INFO(row.name);
    Attack attack(row.is_v6);
    Forger forger(row.is_v6);
    attack.genuine = 0;
    // For every advert a thousand others: more than the slow queue takes in the time.
    REQUIRE(run_until(
        attack.loop, [&] { return attack.genuine >= 20; },
        [&] {
          forger.send(row.hop_limit, row.payload, 1000);
          attack.send_genuine();
        }));
    const LinkCounters counters = attack.b.counters();
    CHECK(counters.unread == 0);
    CHECK(attack.forged > 0);  // enough of them to be refused by reason
    CHECK(attack.forged <= attack.bound(Link::kSuspect));
    CHECK(counters.unread_suspect > 0);  // and the rest counted
    CHECK(attack.forged + counters.unread_suspect <= forger.sent());
  }
}

TEST_CASE(
    "a flood that looks like adverts is read at a bounded rate, and what is not read is counted") {
  Attack attack;
  Forger forger;
  forger.send(255, advert(kForgedPriority), 20'000);
  // Until the queue is empty: another advert has come through behind all of them.
  const std::uint64_t before = attack.genuine;
  REQUIRE(run_until(
      attack.loop, [&] { return attack.genuine > before; }, [&] { attack.send_genuine(); }));
  CHECK(attack.forged > 0);
  CHECK(attack.b.counters().unread > 0);
  CHECK(attack.b.counters().received <= attack.bound(Link::kFormed));
  CHECK(attack.b.counters().received + attack.b.counters().unread <=
        forger.sent() + attack.a.counters().sent);
}

TEST_CASE("after a flood a link is as quick as before") {
  Attack attack;
  Forger forger;
  for (int burst = 0; burst < 100; ++burst) {
    forger.send(255, advert(kForgedPriority), 200);
    attack.loop.run_once();
  }
  const std::uint64_t before = attack.genuine;
  REQUIRE(run_until(
      attack.loop, [&] { return attack.genuine >= before + 50; }, [&] { attack.send_genuine(); }));
}

TEST_CASE("a packet longer than any advert is counted, not delivered") {
  Attack attack;
  Forger forger;
  netns::run("ip link set dev a mtu 9000");
  attack.cable.in_b([] { netns::run("ip link set dev b mtu 9000"); });
  Bytes huge = advert(kForgedPriority);
  huge.resize(Link::kPacketBytesMax);
  REQUIRE(run_until(
      attack.loop, [&] { return attack.b.counters().unreadable > 0; },
      [&] { forger.send(255, huge, 1); }));
  CHECK(attack.forged == 0);
}

}  // namespace
}  // namespace tandem::failover::system
