// BalanceWorld: a backend under load in simulated time. Requests arrive at random at one of several
// workers, each with a policy of its own; servers answer after a time of their own; loads are
// shared, as in the process. One seed decides everything, so a failure can be run again.
#pragma once

#include "common/random.h"
#include "common/time.h"
#include "test/unit/lb/balance/test_fleet.h"

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace tandem::lb::balance {

struct WorldOptions {
  std::string policy = "leastconn";
  std::vector<std::uint32_t> weights;
  std::vector<Duration> service;  // mean time of a server's answer, exponentially distributed
  std::uint32_t workers = 4;
  double requests_per_second = 1'000;
  std::uint32_t maxconn = 0;  // of each server; requests that find no room wait in one queue
  std::uint64_t seed = 1;
};

/// What happened in one run().
struct WorldReport {
  std::vector<std::uint64_t> served;     // answers by server
  std::vector<std::uint32_t> load_most;  // highest load by server
  std::vector<Duration> times;           // of every answered request, waiting included
  [[nodiscard]] Duration percentile(double share) const;
  [[nodiscard]] double share_of(ServerIndex i) const;
};

class BalanceWorld {
 public:
  explicit BalanceWorld(WorldOptions options);

  [[nodiscard]] WorldReport run(Duration length);
  void set_service(ServerIndex i, Duration mean) { options_.service[i] = mean; }
  [[nodiscard]] TestFleet& fleet() noexcept { return fleet_; }

 private:
  struct Answer {
    Instant at;
    Instant arrived;
    Instant started;
    ServerIndex server;
    std::uint32_t worker;
    friend bool operator<(const Answer& a, const Answer& b) { return a.at > b.at; }  // for a heap
  };

  [[nodiscard]] Duration exponential(Duration mean);
  void arrive(Instant arrived, std::uint32_t worker);
  void finish(WorldReport& report);
  [[nodiscard]] bool start(Instant arrived, std::uint32_t worker);

  WorldOptions options_;
  Random random_;
  TestFleet fleet_;
  std::vector<std::unique_ptr<Policy>> policies_;        // by worker
  std::vector<Answer> answers_;                          // pending; a heap, the earliest first
  std::deque<std::pair<Instant, std::uint32_t>> queue_;  // arrival, worker
  Instant now_{};
  WorldReport* report_ = nullptr;
};

}  // namespace tandem::lb::balance
