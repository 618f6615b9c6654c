#include "failover/system/link.h"

#include "common/event/loop.h"
#include "common/event/poller.h"
#include "test/netns/cable.h"

#include <catch2/catch.hpp>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace tandem::failover::system {
namespace {

using netns::Cable;
using netns::run_until;

IpAddress address(const char* text) { return IpAddress::parse(text).value(); }

/// The outer form is all that a link looks at: one address, no checksum.
std::vector<std::uint8_t> advert(bool is_v6, std::uint8_t vrid = 51) {
  std::vector<std::uint8_t> bytes(is_v6 ? 24 : 12);
  bytes[0] = 0x31;
  bytes[1] = vrid;
  bytes[2] = 100;
  bytes[3] = 1;
  bytes[5] = 20;
  return bytes;
}

struct Packet {
  wire::Envelope envelope;
  std::vector<std::uint8_t> payload;
};

/// A link and what came in over it.
struct End {
  End(event::Poller& poller, LinkSettings settings)
      : link(poller, std::move(settings),
             [this](const wire::Envelope& envelope, wire::ByteView payload) {
               packets.push_back({envelope, {payload.begin(), payload.end()}});
               if (on_packet) on_packet();
             }) {}

  void send(const std::vector<std::uint8_t>& payload) {
    for (const IpAddress& destination : link.destinations())
      REQUIRE(link.send(destination, payload).has_value());
  }

  std::vector<Packet> packets;
  std::function<void()> on_packet;
  Link link;
};

struct Pair {
  /// Both links open, on either end of the cable.
  Pair(LinkSettings a_settings, LinkSettings b_settings)
      : a(poller, std::move(a_settings)), b(poller, std::move(b_settings)) {
    REQUIRE(a.link.reopen().has_value());
    cable.in_b([this] { REQUIRE(b.link.reopen().has_value()); });
  }
  explicit Pair(bool is_v6)
      : Pair({.interface = "a", .is_v6 = is_v6, .vrid = 51},
             {.interface = "b", .is_v6 = is_v6, .vrid = 51}) {}

  /// A carrier may need a moment: sends until something arrives.
  void send_until_heard(End& from, End& to, const std::vector<std::uint8_t>& payload) {
    const std::size_t before = to.packets.size();
    REQUIRE(
        run_until(loop, [&] { return to.packets.size() > before; }, [&] { from.send(payload); }));
  }

  Cable cable;
  event::Loop loop;
  event::Poller poller{loop};
  End a;
  End b;
};

TEST_CASE("an advert arrives with its source, destination, hop limit and bytes") {
  struct Row {
    const char* name;
    bool is_v6;
    std::vector<IpAddress> a_peers;
    std::vector<IpAddress> b_peers;
    const char* source;
    const char* destination;
  };
  const std::vector<Row> rows{
      {"IPv4 multicast", false, {}, {}, "10.77.0.1", "224.0.0.18"},
      {"IPv6 multicast", true, {}, {}, "fe80::1", "ff02::12"},
      {"IPv4 unicast",
       false,
       {address("10.77.0.2")},
       {address("10.77.0.1")},
       "10.77.0.1",
       "10.77.0.2"},
      {"IPv6 unicast", true, {address("fd77::2")}, {address("fd77::1")}, "fd77::1", "fd77::2"},
  };
  for (const Row& row : rows) {
    INFO(row.name);
    Pair pair({.interface = "a", .is_v6 = row.is_v6, .vrid = 51, .peers = row.a_peers},
              {.interface = "b", .is_v6 = row.is_v6, .vrid = 51, .peers = row.b_peers});
    CHECK(pair.a.link.source() == address(row.source));
    const auto payload = advert(row.is_v6);
    pair.send_until_heard(pair.a, pair.b, payload);
    const Packet& heard = pair.b.packets.front();
    CHECK(heard.envelope.source == address(row.source));
    CHECK(heard.envelope.destination == address(row.destination));
    CHECK(heard.envelope.hop_limit == 255);
    CHECK(heard.payload == payload);
    CHECK(pair.b.link.counters().received == pair.b.packets.size());
    CHECK(pair.a.link.counters().sent >= pair.b.packets.size());
  }
}

TEST_CASE("a node does not hear its own multicast") {
  for (const bool is_v6 : {false, true}) {
    Pair pair(is_v6);
    pair.send_until_heard(pair.a, pair.b, advert(is_v6));
    pair.send_until_heard(pair.b, pair.a, advert(is_v6));  // its queues work
    CHECK(std::ranges::none_of(pair.a.packets, [&](const Packet& packet) {
      return packet.envelope.source == pair.a.link.source();
    }));
  }
}

TEST_CASE("adverts leave as network control, with the interface's own address") {
  Pair pair(false);
  FileDescriptor tap;
  pair.cable.in_b([&] {
    tap.reset(::socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK, wire::kProtocolVrrp));
    const ip_mreqn group{.imr_multiaddr = {.s_addr = htonl(0xe0000012)},
                         .imr_address = {},
                         .imr_ifindex = static_cast<int>(find_interface("b").value())};
    REQUIRE(::setsockopt(tap.get(), IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof group) == 0);
  });
  pair.send_until_heard(pair.a, pair.b, advert(false));
  std::array<std::uint8_t, 64> packet{};
  REQUIRE(::recv(tap.get(), packet.data(), packet.size(), 0) == 20 + 12);
  CHECK(packet[0] == 0x45);
  CHECK(packet[1] == 0xc0);
  CHECK(packet[8] == 255);
}

TEST_CASE("virtual addresses are not taken for the source") {
  Cable cable;
  netns::run("ip addr flush dev a scope global");
  netns::run("ip addr add 10.77.0.100/24 dev a");
  netns::run("ip addr add 10.77.0.1/24 dev a");
  event::Loop loop;
  event::Poller poller(loop);
  End end(poller, {.interface = "a", .vrid = 51, .never_sources = {address("10.77.0.100")}});
  REQUIRE(end.link.reopen().has_value());
  CHECK(end.link.source() == address("10.77.0.1"));
}

TEST_CASE("what cannot be opened says which interface and address, and why") {
  Cable cable;
  event::Loop loop;
  event::Poller poller(loop);
  struct Row {
    LinkSettings settings;
    const char* words;
  };
  const std::vector<Row> rows{
      {{.interface = "nowhere"}, "nowhere: there is no such interface"},
      {{.interface = "lo", .is_v6 = true}, "lo: has no link-local IPv6 address to send from"},
      {{.interface = "a", .source = address("10.77.0.9")},
       "a: cannot use 10.77.0.9: the interface does not have it, or not yet"},
      {{.interface = "a", .is_v6 = true, .source = address("fe80::9")},
       "a: cannot use fe80::9: the interface does not have it, or not yet"},
  };
  for (const Row& row : rows) {
    End end(poller, row.settings);
    const Result<void> opened = end.link.reopen();
    REQUIRE_FALSE(opened.has_value());
    CHECK(opened.error().message == row.words);
    CHECK_FALSE(end.link.is_open());
    CHECK_FALSE(end.link.send(address("224.0.0.18"), advert(false)).has_value());
  }
}

TEST_CASE("a link goes on after its interface was taken away and came back") {
  for (const bool is_v6 : {false, true}) {
    Pair pair(is_v6);
    pair.send_until_heard(pair.a, pair.b, advert(is_v6));
    const std::uint64_t received = pair.b.link.counters().received;
    pair.cable.unplug();
    const auto sent = pair.a.link.send(pair.a.link.destinations()[0], advert(is_v6));
    REQUIRE_FALSE(sent.has_value());
    CHECK(sent.error().message.starts_with("a: cannot send from "));
    CHECK(pair.a.link.counters().send_failures == 1);
    CHECK(pair.a.link.reopen().error().message == "a: there is no such interface");

    pair.cable.plug();
    REQUIRE(pair.a.link.reopen().has_value());
    pair.cable.in_b([&] { REQUIRE(pair.b.link.reopen().has_value()); });
    pair.send_until_heard(pair.a, pair.b, advert(is_v6));
    CHECK(pair.b.link.counters().received > received);
  }
}

TEST_CASE("a link may be reopened from within its own callback") {
  Pair pair(false);
  int reopened = 0;
  pair.b.on_packet = [&] {
    pair.cable.in_b([&] { REQUIRE(pair.b.link.reopen().has_value()); });
    ++reopened;
  };
  pair.send_until_heard(pair.a, pair.b, advert(false));
  pair.send_until_heard(pair.a, pair.b, advert(false));
  CHECK(reopened >= 2);
}

TEST_CASE("two virtual routers on one interface hear their own adverts") {
  Pair pair({.interface = "a", .vrid = 51}, {.interface = "b", .vrid = 51});
  End other(pair.poller, {.interface = "b", .vrid = 52});
  pair.cable.in_b([&] { REQUIRE(other.link.reopen().has_value()); });
  pair.send_until_heard(pair.a, pair.b, advert(false));
  // The other one hears it too, from its slow queue: refused for its VRID, and counted as such.
  REQUIRE(run_until(pair.loop, [&] { return !other.packets.empty(); }));
  CHECK(other.packets.front().payload[1] == 51);
}

}  // namespace
}  // namespace tandem::failover::system
