#include "failover/peer/session.h"

#include <catch2/catch.hpp>

#include <chrono>
#include <string>
#include <utility>

namespace tandem::failover::peer {
namespace {

using machine::Role;

constexpr Instant kBegun{std::chrono::hours(1)};

Instant after(int milliseconds) { return kBegun + Milliseconds(milliseconds); }

Hello hello_of(std::string node, Milliseconds heartbeat = Milliseconds(20)) {
  return {.node = std::move(node),
          .version = "",
          .config_hash = "",
          .started_at = {},
          .heartbeat = heartbeat};
}

Session session_of(Milliseconds heartbeat = Milliseconds(100)) {
  return Session({.own_node = "lb1", .peer_node = "lb2", .heartbeat = heartbeat}, kBegun);
}

Status status_of(Role role, std::uint8_t priority) {
  return {.routers = {{.name = "main",
                       .vrid = 51,
                       .is_v6 = false,
                       .role = role,
                       .priority = priority,
                       .reason = "base"}},
          .is_fit = true,
          .fitness = ""};
}

/// Two sessions that face each other, 3 ms apart.
struct Two {
  Session here =
      Session({.own_node = "lb1", .peer_node = "lb2", .heartbeat = Milliseconds(100)}, kBegun);
  Session there =
      Session({.own_node = "lb2", .peer_node = "lb1", .heartbeat = Milliseconds(100)}, kBegun);

  Two() {
    REQUIRE(here.hear(hello_of("lb2"), kBegun).has_value());
    REQUIRE(there.hear(hello_of("lb1"), kBegun).has_value());
  }
};

TEST_CASE("nothing is believed before the peer has said who it is") {
  Session session = session_of();
  CHECK_FALSE(session.hear(LetGo{.router = "main"}, after(1)).has_value());
  CHECK_FALSE(session.is_up());
  CHECK(session.hear(hello_of("lb2"), after(2)).has_value());
  CHECK(session.is_up());
  CHECK(session.hear(LetGo{.router = "main"}, after(3)).has_value());
}

TEST_CASE("a connection that was led back to this node is not taken for the peer") {
  Session session = session_of();
  CHECK(session.hear(hello_of("lb1"), after(1)).error().message ==
        "it says that it is lb1, which is this node");
  CHECK_FALSE(session.is_up());
}

TEST_CASE("the peer is gone after five heartbeats of the slower of the two, 200 ms at the least") {
  struct Row {
    int own;
    int peer;
    int silence;
  };
  for (const Row& row : {Row{20, 20, 200}, Row{50, 20, 250}, Row{20, 100, 500},
                         Row{20, 3'600'000, 5'000}, Row{20, 0, 200}}) {
    Session session = session_of(Milliseconds(row.own));
    REQUIRE(session.hear(hello_of("lb2", Milliseconds(row.peer)), after(7)).has_value());
    CHECK(session.silence() == Milliseconds(row.silence));
    CHECK(session.silent_at() == after(7 + row.silence));
    REQUIRE(session.hear(Unknown{.type = 9}, after(100)).has_value());
    CHECK(session.silent_at() == after(100 + row.silence));
  }
}

TEST_CASE("a heartbeat changes roles and priorities of the routers it names, not their words") {
  Two two;
  REQUIRE(two.here.hear(status_of(Role::kActive, 150), after(1)).has_value());
  CHECK(two.here.has_status());
  Heartbeat beat{.sent = 1,
                 .echo = 0,
                 .held = 0,
                 .is_fit = false,
                 .routers = {{.vrid = 51, .is_v6 = false, .role = Role::kBackup, .priority = 0},
                             {.vrid = 9, .is_v6 = false, .role = Role::kActive, .priority = 1}}};
  REQUIRE(two.here.hear(beat, after(2)).has_value());
  Status expected = status_of(Role::kBackup, 0);
  expected.is_fit = false;
  CHECK(two.here.status() == expected);
  beat.routers[0].is_v6 = true;  // another router: of a status that was not heard
  beat.routers[0].priority = 77;
  REQUIRE(two.here.hear(beat, after(3)).has_value());
  CHECK(two.here.status() == expected);
}

TEST_CASE("the round trip is counted without what the other side kept it for") {
  Two two;
  const Heartbeat first = two.here.beat({}, after(0));
  REQUIRE(two.there.hear(first, after(3)).has_value());
  const Heartbeat second = two.there.beat({}, after(53));
  REQUIRE(two.here.hear(second, after(56)).has_value());
  CHECK(two.here.round_trip() == Milliseconds(6));
  CHECK_FALSE(two.there.round_trip().has_value());
}

TEST_CASE("what lay in a buffer is as old as what it answers") {
  Two two;
  REQUIRE(two.there.hear(two.here.beat({}, after(10)), after(13)).has_value());
  CHECK(two.here.as_of() == kBegun);
  const Heartbeat late = two.there.beat({}, after(20));
  static_cast<void>(two.here.beat({}, after(110)));
  REQUIRE(two.here.hear(late, after(9'000)).has_value());
  CHECK(two.here.as_of() == after(10));
  CHECK(two.here.silent_at() > after(9'000));
}

TEST_CASE("an echo of what was never said ends the connection") {
  Two two;
  const Heartbeat own = two.here.beat({}, after(10));
  Heartbeat forged{.sent = 1, .echo = own.sent + 1, .held = 0, .is_fit = true, .routers = {}};
  CHECK_FALSE(two.here.hear(forged, after(20)).has_value());
  forged.echo = own.sent;
  forged.held = ~std::uint64_t{0};  // longer than it can have been kept
  CHECK(two.here.hear(forged, after(20)).has_value());
  CHECK_FALSE(two.here.round_trip().has_value());
}

}  // namespace
}  // namespace tandem::failover::peer
