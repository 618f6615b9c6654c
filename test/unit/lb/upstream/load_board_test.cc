#include "lb/upstream/load_board.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <thread>
#include <vector>

namespace tandem::lb::upstream {
namespace {

std::vector<balance::ServerIndex> marked(LoadBoard& board, std::uint32_t worker) {
  std::vector<balance::ServerIndex> servers;
  board.drain(worker, [&](balance::ServerIndex s) { servers.push_back(s); });
  std::ranges::sort(servers);
  return servers;
}

TEST_CASE("Every other worker is told once of each server that changed") {
  LoadBoard board(3, 10'000);
  for (const balance::ServerIndex s : {0U, 1U, 63U, 64U, 4095U, 4096U, 9'999U}) board.mark(1, s);
  board.mark(1, 63);
  const std::vector<balance::ServerIndex> all{0, 1, 63, 64, 4095, 4096, 9'999};
  CHECK(marked(board, 0) == all);
  CHECK(marked(board, 0).empty());
  CHECK(marked(board, 1).empty());
  board.mark(0, 5);
  CHECK(marked(board, 2) == std::vector<balance::ServerIndex>{0, 1, 5, 63, 64, 4095, 4096, 9'999});
  CHECK(marked(board, 1) == std::vector<balance::ServerIndex>{5});
}

TEST_CASE("After the last change every worker knows the last load, whoever wrote it when") {
  constexpr std::uint32_t kWorkers = 4;
  constexpr balance::ServerIndex kServers = 100;
  LoadBoard board(kWorkers, kServers);
  std::vector<std::atomic<std::uint32_t>> loads(kServers);
  std::vector<std::vector<std::uint32_t>> known(kWorkers, std::vector<std::uint32_t>(kServers));
  const auto look = [&](std::uint32_t worker) {
    board.drain(worker, [&](balance::ServerIndex s) {
      known[worker][s] = loads[s].load(std::memory_order_relaxed);
    });
  };
  std::vector<std::thread> threads;
  for (std::uint32_t worker = 0; worker < kWorkers; ++worker) {
    threads.emplace_back([&, worker] {
      for (std::uint32_t i = 0; i < 20'000; ++i) {
        const balance::ServerIndex s = (i * 7 + worker * 13) % kServers;
        loads[s].fetch_add(1);
        board.mark(worker, s);
        // Its own change it knows by itself, as LocalBackend does.
        known[worker][s] = loads[s].load(std::memory_order_relaxed);
        if (i % 16 == 0) look(worker);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (std::uint32_t worker = 0; worker < kWorkers; ++worker) {
    look(worker);
    for (balance::ServerIndex s = 0; s < kServers; ++s)
      REQUIRE(known[worker][s] == loads[s].load());
  }
}

}  // namespace
}  // namespace tandem::lb::upstream
