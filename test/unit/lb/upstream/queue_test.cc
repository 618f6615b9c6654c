#include "lb/upstream/queue.h"

#include <catch2/catch.hpp>

#include <vector>

namespace tandem::lb::upstream {
namespace {

struct Bench {
  BackendShared backend;
  std::vector<ServerShared> servers{2};
  Queue queue{backend, servers};

  QueuePlace enter(std::optional<balance::ServerIndex> server, std::uint64_t id) {
    const auto place = queue.enter(server, {.worker = 0, .id = id}, 0);
    REQUIRE(place.has_value());
    return *place;
  }
  std::optional<std::uint64_t> next(balance::ServerIndex server) {
    const auto ticket =
        queue.next_for(server, [&](const Ticket& t) { return !t.tried.contains(server); });
    return ticket ? std::optional(ticket->id) : std::nullopt;
  }
};

TEST_CASE("A server serves its own line and the backend's in the order of arrival") {
  Bench bench;
  bench.enter(0, 1);
  bench.enter(std::nullopt, 2);
  bench.enter(1, 3);
  bench.enter(0, 4);
  bench.enter(std::nullopt, 5);
  CHECK(bench.next(0) == 1);
  CHECK(bench.next(0) == 2);
  CHECK(bench.next(1) == 3);
  CHECK(bench.next(1) == 5);
  CHECK_FALSE(bench.next(1).has_value());
  CHECK(bench.next(0) == 4);
  CHECK_FALSE(bench.next(0).has_value());
}

TEST_CASE("A ticket that a server may not serve lets those behind it pass") {
  Bench bench;
  balance::TriedServers tried;
  tried.add(0);
  REQUIRE(bench.queue.enter(std::nullopt, {.worker = 0, .id = 1, .tried = tried}, 0));
  bench.enter(std::nullopt, 2);
  const auto untried = [](const Ticket& ticket) { return !ticket.tried.contains(0); };
  const auto anyone = [](const Ticket&) { return true; };
  CHECK(bench.next(0) == 2);
  CHECK_FALSE(bench.queue.has_next_for(0, untried));
  CHECK_FALSE(bench.next(0).has_value());
  CHECK(bench.queue.has_next_for(0, anyone));
  CHECK(bench.queue.next_for(0, anyone)->id == 1);
  CHECK(bench.backend.queued == 0);
}

TEST_CASE("A ticket is told how many stand before it in its line") {
  Bench bench;
  CHECK(bench.enter(0, 1).ahead == 0);
  CHECK(bench.enter(0, 2).ahead == 1);
  CHECK(bench.enter(1, 3).ahead == 0);
  CHECK(bench.enter(std::nullopt, 4).ahead == 0);
  CHECK(bench.enter(std::nullopt, 5).ahead == 1);
  CHECK(bench.servers[0].queued == 2);
  CHECK(bench.servers[0].queued_most == 2);
  CHECK(bench.backend.queued == 2);
  CHECK(bench.next(0) == 1);
  CHECK(bench.servers[0].queued == 1);
  CHECK(bench.servers[0].queued_most == 2);
}

TEST_CASE("A line that has reached its limit takes nobody") {
  Bench bench;
  REQUIRE(bench.queue.enter(0, {.worker = 0, .id = 1}, 2).has_value());
  REQUIRE(bench.queue.enter(0, {.worker = 0, .id = 2}, 2).has_value());
  CHECK_FALSE(bench.queue.enter(0, {.worker = 0, .id = 3}, 2).has_value());
  CHECK(bench.servers[0].queued == 2);
  CHECK(bench.queue.enter(1, {.worker = 0, .id = 4}, 2).has_value());
  CHECK(bench.next(0) == 1);
  CHECK(bench.queue.enter(0, {.worker = 0, .id = 5}, 2).has_value());
}

TEST_CASE("Who leaves is passed over; who was served cannot leave any more") {
  Bench bench;
  const QueuePlace first = bench.enter(0, 1);
  const QueuePlace second = bench.enter(0, 2);
  const QueuePlace anywhere = bench.enter(std::nullopt, 3);
  CHECK(bench.queue.leave(first));
  CHECK_FALSE(bench.queue.leave(first));
  CHECK(bench.next(0) == 2);
  CHECK_FALSE(bench.queue.leave(second));
  CHECK(bench.queue.leave(anywhere));
  CHECK_FALSE(bench.queue.anyone_for(0));
  CHECK_FALSE(bench.queue.anyone_for(1));
  CHECK(bench.backend.queued == 0);
}

TEST_CASE("Those bound to one server can be taken out alone") {
  Bench bench;
  bench.enter(0, 1);
  bench.enter(std::nullopt, 2);
  bench.enter(0, 3);
  CHECK(bench.queue.next_bound_to(0)->id == 1);
  CHECK(bench.queue.next_bound_to(0)->id == 3);
  CHECK_FALSE(bench.queue.next_bound_to(0).has_value());
  CHECK(bench.servers[0].queued == 0);
  CHECK(bench.queue.anyone_for(0));  // the one that any server may serve
  CHECK(bench.next(1) == 2);
}

}  // namespace
}  // namespace tandem::lb::upstream
