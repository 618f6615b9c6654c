#include "test/sim/balance/balance_world.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace tandem::lb::balance {

Duration WorldReport::percentile(double share) const {
  std::vector<Duration> sorted = times;
  std::ranges::sort(sorted);
  return sorted.at(static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1)));
}

double WorldReport::share_of(ServerIndex i) const {
  const auto all = std::accumulate(served.begin(), served.end(), std::uint64_t{0});
  return static_cast<double>(served[i]) / static_cast<double>(all);
}

BalanceWorld::BalanceWorld(WorldOptions options)
    : options_(std::move(options)), random_(options_.seed), fleet_(options_.weights) {
  if (options_.maxconn != 0) fleet_.set_maxconn_everywhere(options_.maxconn);
  for (std::uint32_t w = 0; w < options_.workers; ++w) {
    policies_.push_back(make_named(options_.policy, options_.seed * 1'000 + w));
    fleet_.attach(*policies_.back());
  }
}

Duration BalanceWorld::exponential(Duration mean) {
  const double factor = -std::log(1.0 - random_.fraction());
  return Duration(static_cast<Duration::rep>(factor * static_cast<double>(mean.count())));
}

bool BalanceWorld::start(Instant arrived, std::uint32_t worker) {
  PickRequest request = keyed(random_.next());
  request.now = now_;
  const auto server = policies_[worker]->pick(request, fleet_.view());
  if (!server) return false;
  fleet_.take(*server);
  report_->load_most[*server] = std::max(report_->load_most[*server], fleet_.load(*server));
  answers_.push_back(
      {now_ + exponential(options_.service[*server]), arrived, now_, *server, worker});
  std::push_heap(answers_.begin(), answers_.end());
  return true;
}

void BalanceWorld::arrive(Instant arrived, std::uint32_t worker) {
  if (!queue_.empty() || !start(arrived, worker)) queue_.emplace_back(arrived, worker);
}

void BalanceWorld::finish(WorldReport& report) {
  std::pop_heap(answers_.begin(), answers_.end());
  const Answer answer = answers_.back();
  answers_.pop_back();
  fleet_.give_back(answer.server);
  policies_[answer.worker]->completed(answer.server, now_ - answer.started, now_);
  ++report.served[answer.server];
  report.times.push_back(now_ - answer.arrived);
  while (!queue_.empty() && start(queue_.front().first, queue_.front().second)) queue_.pop_front();
}

WorldReport BalanceWorld::run(Duration length) {
  WorldReport report;
  report.served.resize(options_.weights.size());
  report.load_most.resize(options_.weights.size());
  report_ = &report;
  const Duration gap(static_cast<Duration::rep>(1e9 / options_.requests_per_second));
  const Instant end = now_ + length;
  Instant next_arrival = now_ + exponential(gap);
  while (now_ < end) {
    if (!answers_.empty() && answers_.front().at <= next_arrival) {
      now_ = answers_.front().at;
      finish(report);
    } else {
      now_ = next_arrival;
      arrive(now_, random_.below(options_.workers));
      next_arrival = now_ + exponential(gap);
    }
  }
  report_ = nullptr;
  return report;
}

}  // namespace tandem::lb::balance
