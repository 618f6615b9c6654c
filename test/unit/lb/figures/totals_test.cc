#include "lb/figures/totals.h"

#include <catch2/catch.hpp>

namespace tandem::lb::figures {
namespace {

using namespace std::chrono_literals;

struct Bench {
  Bench() {
    snapshot.frontends.emplace_back();
    snapshot.backends.resize(2);
    snapshot.backends[0].servers.resize(2);
    snapshot.backends[1].servers.resize(1);
  }
  config::Snapshot snapshot;
};

struct Counting : Bench {
  Figures figures{snapshot, 3};
  Totals totals{snapshot, figures};
  Instant now{100h};

  ServerCells& server(std::uint32_t worker, config::BackendIndex b, std::uint32_t s) {
    return figures.of(worker).server(b, s);
  }
};

}  // namespace

TEST_CASE("cells of all workers are added up, each thing for itself") {
  Counting c;
  for (std::uint32_t w = 0; w < 3; ++w) {
    c.server(w, 0, 1).sessions.add(w + 1);
    c.server(w, 0, 1).responses[2].add(2);
    c.server(w, 0, 1).idle_connections.set(4);
    c.server(w, 1, 0).sessions.add(100);
    c.figures.of(w).frontend(0).requests.add(5);
    c.figures.of(w).frontend(0).request_errors[0].add();
    c.figures.of(w).frontend(0).request_errors[2].add();
  }
  const ServerTotals totals = c.totals.server(0, 1);
  CHECK(totals.sessions == 6);
  CHECK(totals.responses[2] == 6);
  CHECK(totals.idle_connections == 12);
  CHECK(c.totals.server(0, 0).sessions == 0);
  CHECK(c.totals.server(1, 0).sessions == 300);
  CHECK(c.totals.frontend(0).requests == 15);
  CHECK(c.totals.frontend(0).all_request_errors() == 6);
}

TEST_CASE("averages weigh each worker by its samples") {
  Counting c;
  for (int i = 0; i < 30; ++i) c.server(0, 0, 0).connect_duration.observe(10ms);
  for (int i = 0; i < 10; ++i) c.server(1, 0, 0).connect_duration.observe(50ms);
  const DurationTotals connect = c.totals.server(0, 0).connect_duration;
  CHECK(connect.count == 40);
  CHECK(connect.average_microseconds > 18'500);  // 20 ms, a little less for the window's decay
  CHECK(connect.average_microseconds <= 20'000);
  CHECK(connect.largest_microseconds == 50'000);
  CHECK(c.totals.server(0, 1).connect_duration.average_microseconds == 0);
}

TEST_CASE("rates are events a second since the last tick, with the most there were") {
  Counting c;
  c.totals.tick(c.now);
  c.figures.of(0).frontend(0).connections.add(40);
  c.figures.of(2).frontend(0).requests.add(100);
  c.server(1, 0, 1).sessions.add(10);
  c.totals.tick(c.now += 2s);
  CHECK(c.totals.frontend_rates(0).sessions.now == 20);
  CHECK(c.totals.frontend_rates(0).requests.now == 50);
  CHECK(c.totals.server_rate(0, 1).now == 5);
  CHECK(c.totals.server_rate(0, 0).now == 0);
  c.totals.tick(c.now += 1s);
  CHECK(c.totals.frontend_rates(0).requests.now == 0);
  CHECK(c.totals.frontend_rates(0).requests.most == 50);
}

TEST_CASE("clear counters forgets maxima, clear counters all everything") {
  Counting c;
  c.totals.tick(c.now);
  c.server(0, 0, 0).sessions.add(10);
  c.server(0, 0, 0).connect_duration.observe(80ms);
  c.totals.tick(c.now += 1s);
  c.totals.tick(c.now += 1s);
  REQUIRE(c.totals.server_rate(0, 0).most == 10);

  c.totals.clear_maxima();
  CHECK(c.totals.server_rate(0, 0).most == 0);
  CHECK(c.totals.server(0, 0).sessions == 10);
  CHECK(c.totals.server(0, 0).connect_duration.count == 1);

  c.totals.clear_all();
  CHECK(c.totals.server(0, 0).sessions == 0);
  CHECK(c.totals.server(0, 0).connect_duration.largest_microseconds == 0);
  c.server(0, 0, 0).sessions.add(3);
  c.server(0, 0, 0).connect_duration.observe(90ms);
  CHECK(c.totals.server(0, 0).sessions == 3);
  CHECK(c.totals.server(0, 0).connect_duration.largest_microseconds == 90'000);
}

TEST_CASE("a rate does not jump when counters are cleared") {
  Counting c;
  c.server(0, 0, 0).sessions.add(1000);
  c.totals.tick(c.now);
  c.totals.clear_all();
  c.server(0, 0, 0).sessions.add(7);
  c.totals.tick(c.now += 1s);
  CHECK(c.totals.server_rate(0, 0).now == 7);
}

TEST_CASE("idle is the mean of the workers") {
  Counting c;
  c.figures.of(0).worker().loop_busy_permille.set(900);
  c.figures.of(1).worker().loop_busy_permille.set(300);
  CHECK(c.totals.process().idle_percent == 60);
}

}  // namespace tandem::lb::figures
