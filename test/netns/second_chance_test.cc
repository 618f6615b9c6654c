#include "failover/system/second_chance.h"

#include "failover/system/announcer.h"
#include "failover/system/arp_settings.h"
#include "failover/system/lease.h"
#include "failover/system/neighbours.h"
#include "failover/system/retained_address.h"
#include "failover/system/socket_census.h"
#include "test/netns/street.h"

#include <catch2/catch.hpp>
#include <fmt/ranges.h>
#include <net/if.h>
#include <netinet/tcp.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace tandem::failover::system {
namespace {

using netns::address;
using netns::contains;
using netns::House;
using netns::opened;
using netns::output_of;
using netns::run;
using netns::run_until;
using netns::Street;
using netns::Tcp;

constexpr std::uint16_t kPort = 8080;
constexpr Milliseconds kLong{60'000};
const IpAddress kAny = address("::");

struct Family {
  IpAddress vip;
  std::string prefix;
  IpAddress left;  // the nodes' own; IPv6: link-local
  IpAddress right;
};
const Family kFour{address("10.88.0.100"), "10.88.0.100/24", address("10.88.0.2"),
                   address("10.88.0.3")};
const Family kSix{address("fd88::100"), "fd88::100/64", address("fe80::88:2"),
                  address("fe80::88:3")};

/// One of the two nodes with all that a move needs.
struct Node {
  Node(const House& at, const Family& of, const IpAddress& listens_at)
      : house(at),
        family(of),
        monitor(at.out_of<std::unique_ptr<RouteMonitor>>(
            [this] { return opened(RouteMonitor::open(poller)); })),
        route(at.out_of<RouteSocket>([] { return opened(RouteSocket::open()); })),
        neighbours(at.out_of<Neighbours>([] { return opened(Neighbours::open()); })),
        census(at.out_of<SocketCensus>([] { return opened(SocketCensus::open()); })),
        listener(at.out_of<Tcp>([&] { return Tcp::listening(listens_at, kPort); })) {
    at.in([this] {
      interface.emplace(*monitor, route, "e");
      announcer.emplace(loop, *interface, std::vector{family.vip});
      REQUIRE(announcer->open());
      REQUIRE(arp.apply());
    });
    const wire::MacAddress& mac = interface->link()->mac;
    own = fmt::format("{:02x}", fmt::join(mac, ":"));
  }

  void put_on() {
    house.do_run("ip addr add " + family.prefix + " dev e" + (family.vip.is_v6() ? " nodad" : ""));
  }
  void take_off() { house.do_run("ip addr del " + family.prefix + " dev e"); }
  [[nodiscard]] std::uint64_t connections() {
    return house.out_of<std::uint64_t>(
        [this] { return opened(census.connections(std::vector{family.vip})); });
  }
  SecondChance::OldNode seen_from(Node& other, const IpAddress& own_address) {
    const int link = other.interface->link()->index;
    REQUIRE(other.neighbours.ask(link, own_address));
    std::optional<wire::MacAddress> mac;
    REQUIRE(run_until(other.loop, [&] {
      mac = opened(other.neighbours.mac(link, own_address));
      return mac.has_value();
    }));
    CHECK(*mac == interface->link()->mac);
    return {.address = own_address, .mac = *mac, .interface = "e"};
  }

  const House& house;
  Family family;
  std::string own;
  event::Loop loop;
  event::Poller poller{loop};
  std::unique_ptr<RouteMonitor> monitor;
  RouteSocket route;
  Neighbours neighbours;
  SocketCensus census;
  Tcp listener;
  std::optional<Interface> interface;
  std::optional<Announcer> announcer;
  ArpSettings arp{"e"};
  RetainedAddress retained{route, {family.vip}};
  SecondChance second{
      {.table = SecondChance::table_name(51, family.vip.is_v6()), .addresses = {family.vip}}};
};

/// Both ends of a connection.
struct Pair {
  Tcp client;
  Tcp server;

  /// There and back.
  [[nodiscard]] bool works() const {
    return client.send(100) == 0 && server.receive(100) == 0 && server.send(100) == 0 &&
           client.receive(100) == 0;
  }
};

/// The address is on the left node, which has connections.
struct Town {
  enum class Listens : std::uint8_t { kAtAnyAddress, kAtTheAddress };

  explicit Town(const Family& of, Listens listens = Listens::kAtAnyAddress)
      : family(of), listens_at(listens == Listens::kAtAnyAddress ? kAny : of.vip) {
    left.put_on();
  }

  Pair connect_to(Node& node) {
    Tcp client = street.client.out_of<Tcp>([&] { return Tcp::connected(family.vip, kPort); });
    return {std::move(client), node.listener.accepted()};
  }
  std::vector<Pair> connect_to(Node& node, int count) {
    std::vector<Pair> pairs;
    for (int i = 0; i < count; ++i) pairs.push_back(connect_to(node));
    return pairs;
  }
  [[nodiscard]] std::string whereabouts() const {
    return street.router.output("ip neigh show " + family.vip.text() + " dev hub");
  }
  void announce(Node& node) {
    node.announcer->announce();
    REQUIRE(run_until(node.loop, [&] { return contains(whereabouts(), node.own); }));
  }
  /// In the order that a daemon keeps to.
  void move(Node& from, const IpAddress& own_of_from, Node& to) {
    const SecondChance::OldNode old_node = from.seen_from(to, own_of_from);
    REQUIRE(from.retained.begin());
    to.house.in([&] { REQUIRE(to.second.begin(old_node, kLong)); });
    to.put_on();
    announce(to);
    from.take_off();
  }
  void move_right() { move(left, family.left, right); }
  void move_left() { move(right, family.right, left); }
  SecondChance::HandedOver handed_over() {
    SecondChance::HandedOver figures;
    right.house.in([&] { figures = opened(right.second.handed_over()); });
    return figures;
  }

  Family family;
  IpAddress listens_at;
  Street street;
  Node left{street.left, family, listens_at};
  Node right{street.right, family, listens_at};
};

std::size_t working(const std::vector<Pair>& pairs) {
  std::size_t count = 0;
  for (const Pair& pair : pairs)
    if (pair.works()) ++count;
  return count;
}

TEST_CASE("This kernel can hand packets over") {
  const House house;
  house.in([] {
    const auto probed = SecondChance::probe();
    INFO((probed ? std::string() : probed.error().message));
    CHECK(probed);
    CHECK(output_of("nft list tables").empty());
  });
}

TEST_CASE("Connections live on through a move, new ones go where the address is") {
  const bool is_v6 = GENERATE(false, true);
  const auto listens = GENERATE(Town::Listens::kAtAnyAddress, Town::Listens::kAtTheAddress);
  Town town(is_v6 ? kSix : kFour, listens);
  constexpr std::size_t kCount = 200;
  std::vector<Pair> older = town.connect_to(town.left, kCount);
  // Of what is under way while the address moves, nothing is lost either.
  for (const Pair& pair : older) REQUIRE(pair.client.send(10) == 0);
  CHECK(town.left.connections() == kCount);
  town.move_right();
  for (const Pair& pair : older) CHECK(pair.server.receive(10) == 0);
  CHECK(working(older) == kCount);
  const Pair younger = town.connect_to(town.right);
  CHECK(younger.works());
  CHECK(town.left.connections() == kCount);
  CHECK(town.right.connections() == 1);
  const auto figures = town.handed_over();
  CHECK(figures.packets >= 2 * kCount);
  CHECK(figures.errors == 0);
  CHECK_FALSE(town.left.listener.has_somebody_waiting());

  // The clients leave in their own time, and are the ones who say so.
  for (Pair& pair : older) {
    pair.client.close();
    CHECK(pair.server.receive(1) == EPIPE);
    pair.server.close();
  }
  CHECK(run_until(town.left.loop, [&] { return town.left.connections() == 0; }));
  town.right.house.in([&] { CHECK(town.right.second.end()); });
  CHECK(town.left.retained.end());
  CHECK(younger.works());
}

TEST_CASE("When the other node is dead and the table goes, clients are told at once") {
  const bool is_v6 = GENERATE(false, true);
  Town town(is_v6 ? kSix : kFour);
  const Pair older = town.connect_to(town.left);
  town.move_right();
  CHECK(older.works());
  town.left.house.do_run("ip link set dev e down");
  town.right.house.in([&] {
    CHECK(town.right.second.end());
    CHECK(output_of("nft list tables").empty());
    CHECK(town.right.second.end());
  });
  REQUIRE(older.client.send(1) == 0);
  CHECK(older.client.receive(1) == ECONNRESET);
}

TEST_CASE("What does not fit on the way to the client is said to the node that sent it") {
  const bool is_v6 = GENERATE(false, true);
  Town town(is_v6 ? kSix : kFour);
  const Pair older = town.connect_to(town.left);
  const Pair younger_than_the_move = [&] {
    town.move_right();
    return town.connect_to(town.right);
  }();
  constexpr std::size_t kMuch = 400'000;
  for (const Pair* pair : {&older, &younger_than_the_move}) {
    int received = -1;
    std::thread reader([&] { received = pair->client.receive(kMuch); });
    CHECK(pair->server.send(kMuch) == 0);
    reader.join();
    CHECK(received == 0);
  }
  CHECK(town.handed_over().errors >= 1);
}

TEST_CASE("An upload goes on through the other node, in pieces larger than a packet") {
  const bool is_v6 = GENERATE(false, true);
  Town town(is_v6 ? kSix : kFour);
  town.street.client.do_run("ip link set dev e mtu 1400");
  const Pair older = town.connect_to(town.left);
  town.move_right();
  constexpr std::size_t kMuch = 4'000'000;
  int received = -1;
  std::thread reader([&] { received = older.server.receive(kMuch); });
  CHECK(older.client.send(kMuch) == 0);
  reader.join();
  CHECK(received == 0);
}

TEST_CASE("A move back while older connections are still there breaks none of either node") {
  const bool is_v6 = GENERATE(false, true);
  const auto listens = GENERATE(Town::Listens::kAtAnyAddress, Town::Listens::kAtTheAddress);
  Town town(is_v6 ? kSix : kFour, listens);
  const auto of_left = town.connect_to(town.left, 20);
  town.move_right();
  const auto of_right = town.connect_to(town.right, 20);
  town.move_left();
  CHECK(town.left.retained.end());
  CHECK(working(of_left) == 20);
  CHECK(working(of_right) == 20);
  const Pair last = town.connect_to(town.left);
  CHECK(last.works());
  town.right.house.in([&] { CHECK(town.right.second.end()); });
  CHECK(working(of_left) == 20);
  CHECK(working(of_right) == 20);
}

/// The router asks who has `whom`, and then who has `fence`, which is answered in any case.
bool is_answered(Town& town, const IpAddress& whom, const IpAddress& fence) {
  bool is_there = false;
  town.street.router.in([&] {
    auto neighbours = opened(Neighbours::open());
    const auto hub = static_cast<int>(::if_nametoindex("hub"));
    for (const IpAddress& one : {whom, fence})
      run(fmt::format("ip neigh del {} dev hub 2>/dev/null || true", one.text()));
    for (const IpAddress& one : {whom, fence}) REQUIRE(neighbours.ask(hub, one));
    REQUIRE(
        run_until(town.left.loop, [&] { return opened(neighbours.mac(hub, fence)).has_value(); }));
    is_there = opened(neighbours.mac(hub, whom)).has_value();
  });
  return is_there;
}

/// It is gone at once, and the other end hears nothing of it.
void vanish(Tcp& tcp) {
  const int on = 1;
  REQUIRE(::setsockopt(tcp.fd(), IPPROTO_TCP, TCP_REPAIR, &on, sizeof on) == 0);
  tcp.close();
}

TEST_CASE("Nobody needs to listen on the node that hands over") {
  const bool is_v6 = GENERATE(false, true);
  Town town(is_v6 ? kSix : kFour);
  const Pair older = town.connect_to(town.left);
  town.right.listener.close();
  town.move_right();
  CHECK(older.works());
}

TEST_CASE("A connection to a transparent listener is known as well") {
  const bool is_v6 = GENERATE(false, true);
  Town town(is_v6 ? kSix : kFour);
  town.right.listener.close();
  town.right.house.in([&] {
    town.right.listener = Tcp::listening(town.family.vip, kPort, /*is_transparent=*/true);
  });
  const Pair older = town.connect_to(town.left);
  town.move_right();
  const Pair younger = town.connect_to(town.right);
  CHECK(younger.works());
  CHECK(older.works());
}

TEST_CASE("A connection that this node has ended waits for its end here") {
  const bool is_v6 = GENERATE(false, true);
  Town town(is_v6 ? kSix : kFour, Town::Listens::kAtTheAddress);
  const Pair older = town.connect_to(town.left);
  town.move_right();
  Pair younger = town.connect_to(town.right);
  CHECK(younger.works());
  // What comes now finds an entry that is no socket any more.
  younger.server.close();
  CHECK(younger.client.receive(1) == EPIPE);
  younger.client.close();
  CHECK(run_until(town.left.loop, [&] {
    return contains(town.right.house.output("ss -Htan state time-wait"), ":8080");
  }));
  CHECK(town.handed_over().packets == 0);
  CHECK(older.works());
}

TEST_CASE("A new connection from a port that an older one had is this node's") {
  const bool is_v6 = GENERATE(false, true);
  Town town(is_v6 ? kSix : kFour, Town::Listens::kAtTheAddress);
  Pair older = town.connect_to(town.left);
  town.move_right();
  const std::uint16_t port = older.client.own_port();
  vanish(older.client);
  Tcp client = town.street.client.out_of<Tcp>([&] {
    return Tcp::connected_from(address(is_v6 ? "fd99::2" : "10.99.0.2"), town.family.vip, kPort,
                               port);
  });
  const Pair younger{std::move(client), town.right.listener.accepted()};
  CHECK(younger.works());
  CHECK(town.handed_over().packets == 0);
}

TEST_CASE("What neither node has is refused, and does not go in circles between two tables") {
  const bool is_v6 = GENERATE(false, true);
  const auto listens = GENERATE(Town::Listens::kAtAnyAddress, Town::Listens::kAtTheAddress);
  Town town(is_v6 ? kSix : kFour, listens);
  Pair older = town.connect_to(town.left);
  town.move_right();
  town.move_left();
  const std::uint64_t before = town.handed_over().packets;
  vanish(older.server);
  REQUIRE(older.client.send(1) == 0);
  CHECK(older.client.receive(1) == ECONNRESET);
  CHECK(town.handed_over().packets == before);
  town.left.house.in([&] { CHECK(opened(town.left.second.handed_over()).packets == 1); });
}

TEST_CASE("A node that keeps the address on lo answers no question for it") {
  const bool is_v6 = GENERATE(false, true);
  Town town(is_v6 ? kSix : kFour);
  const IpAddress fence = address(is_v6 ? "fd88::2" : "10.88.0.2");
  REQUIRE(town.left.retained.begin());
  CHECK(is_answered(town, town.family.vip, fence));
  town.left.take_off();
  CHECK_FALSE(is_answered(town, town.family.vip, fence));
}

TEST_CASE("A node that keeps the address on lo names it in no question of its own") {
  const bool is_v6 = GENERATE(false, true);
  Town town(is_v6 ? kSix : kFour);
  const Pair older = town.connect_to(town.left);
  town.move_right();
  // It asks where the router is, because of an answer whose sender is the address.
  town.left.house.do_run("ip neigh flush dev e");
  CHECK(older.works());
  CHECK(contains(town.whereabouts(), town.right.own));
}

TEST_CASE("A gate that is open for packets alone lets in what is handed over") {
  const bool is_v6 = GENERATE(false, true);
  Town town(is_v6 ? kSix : kFour);
  Gate gate({.table = "tandem_51", .interface = "e", .addresses = {town.family.vip}});
  town.left.house.in([&] { REQUIRE(gate.set_up(kLong)); });
  const Pair older = town.connect_to(town.left);
  town.left.house.in([&] { REQUIRE(gate.hold(kLong, Gate::Open::kForPackets)); });
  town.move_right();
  CHECK(older.works());
}

TEST_CASE("A table that is no longer held lets go by itself, one that is held goes on") {
  Town town(kFour);
  const Pair first = town.connect_to(town.left);
  const Pair second = town.connect_to(town.left);
  town.move_right();
  CHECK(first.works());
  town.right.house.in([&] {
    REQUIRE(town.right.second.hold(Milliseconds(20)));
    CHECK(run_until(town.right.loop, [] {
      return !contains(output_of("nft list set ip tandem_51_v4_second handing"), "elements");
    }));
  });
  REQUIRE(first.client.send(1) == 0);
  CHECK(first.client.receive(1) == ECONNRESET);
  town.right.house.in([&] { REQUIRE(town.right.second.hold(kLong)); });
  CHECK(second.works());
  CHECK(town.handed_over().packets > 0);
}

TEST_CASE("A table that somebody removed is put up again, and those of the dead are swept") {
  Town town(kFour);
  const Pair older = town.connect_to(town.left);
  town.move_right();
  town.right.house.in([&] {
    run("nft flush ruleset");
    CHECK_FALSE(town.right.second.handed_over());
    REQUIRE(town.right.second.hold(kLong));
  });
  CHECK(older.works());
  town.right.house.in([&] {
    run("nft add table ip6 tandem_7_v6_second");
    run("nft add table ip6 tandem_7_v6");
    run("nft add table ip others_second");
    CHECK(opened(SecondChance::sweep()) == 2);
    CHECK(opened(SecondChance::sweep()) == 0);
    const std::string left = output_of("nft list tables");
    CHECK(std::ranges::count(left, '\n') == 2);
    CHECK(contains(left, "table ip others_second\n"));
    CHECK(contains(left, "table ip6 tandem_7_v6\n"));
  });
}

TEST_CASE("What cannot be handed over says why") {
  Town town(kFour);
  const SecondChance::OldNode old_node = town.left.seen_from(town.right, kFour.left);
  const auto refuses = [&](const SecondChance::Settings& settings,
                           const SecondChance::OldNode& node) {
    SecondChance second(settings);
    town.right.house.in([&] {
      CHECK_FALSE(second.begin(node));
      CHECK_FALSE(second.hold());
      CHECK_FALSE(second.handed_over());
      CHECK(output_of("nft list tables").empty());
    });
    CHECK_FALSE(second.has_begun());
  };
  refuses({.table = "a b", .addresses = {kFour.vip}}, old_node);
  refuses({.table = "tandem_51", .addresses = {}}, old_node);
  refuses({.table = "tandem_51", .addresses = {kFour.vip, kSix.vip}}, old_node);
  refuses({.table = "tandem_51", .addresses = {kFour.left}}, old_node);
  refuses({.table = "tandem_51", .addresses = {kFour.vip}},
          {.address = kFour.left, .mac = old_node.mac, .interface = "nowhere"});
}

// A limit, not a wish: whoever sees the count rise can end the older connections instead.
TEST_CASE("With SYN cookies new connections break meanwhile, and the count says so") {
  Town town(kFour);
  const Pair older = town.connect_to(town.left);
  town.move_right();
  town.right.house.in([] {
    CHECK(cookies_sent() == 0);
    run("sysctl -q -w net.ipv4.tcp_syncookies=2");
  });
  // The reset of the old node may come before or after the client is told that it is connected.
  town.street.client.in([] {
    const FileDescriptor client(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_in6 end = netns::any_end(kFour.vip, kPort);
    char byte = 0;
    const bool is_connected =
        ::connect(client.get(), reinterpret_cast<const sockaddr*>(&end), sizeof end) == 0;
    CHECK((!is_connected || ::recv(client.get(), &byte, sizeof byte, 0) < 0));
    CHECK(errno == ECONNRESET);
  });
  CHECK(older.works());
  town.right.house.in([&] {
    CHECK(cookies_sent() == 1);
    REQUIRE(town.right.second.end());
  });
  const Pair later = town.connect_to(town.right);
  CHECK(later.works());
}

}  // namespace
}  // namespace tandem::failover::system
