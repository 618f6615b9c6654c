#include "test/sim/failover/plan.h"

#include <algorithm>

namespace tandem::failover::machine {
namespace {

using namespace std::chrono_literals;

Centiseconds draw_interval(Random& random, bool version2) {
  static constexpr std::array<int, 6> kUsual = {1, 2, 10, 50, 100, 300};
  if (version2) return Centiseconds(random.below(3) == 0 ? 200 : 100);
  return Centiseconds(kUsual.at(random.below(kUsual.size())));
}

/// Most pairs agree; where they do not, one is up to eight times as slow.
void draw_configs(Random& random, Plan& plan) {
  Config config;
  config.version2 = random.below(10) == 0;
  config.advert_interval = draw_interval(random, config.version2);
  config.preempt = random.below(5) < 3;
  if (random.below(4) == 0)
    config.preempt_delay = (1 + random.below(16)) * Duration(config.advert_interval);
  plan.configs.fill(config);
  // Three that disagree can be misled: a third node learns its interval from whom it heard last,
  // and of two that met this may be the faster one, which has given way.
  if (config.version2 || plan.nodes > 2 || random.below(4) != 0) return;
  for (std::uint32_t i = 1; i < plan.nodes; ++i)
    plan.configs.at(i).advert_interval = config.advert_interval * (1 + random.below(8));
}

void draw_priorities(Random& random, Plan& plan) {
  for (std::uint8_t& priority : plan.priorities)
    priority = static_cast<std::uint8_t>(1 + random.below(254));
  if (random.below(6) == 0) plan.priorities[1] = plan.priorities[0];
  if (random.below(16) == 0) plan.priorities.at(random.below(plan.nodes)) = kPriorityOwner;
}

}  // namespace

Duration draw(Random& random, Duration least, Duration most) {
  const auto span = static_cast<std::uint64_t>((most - least).count()) + 1;
  return least + Duration(static_cast<std::int64_t>(random.next() % span));
}

Plan Plan::of_seed(Random& random) {
  Plan plan;
  plan.nodes = random.below(4) == 0 ? 3 : 2;
  draw_configs(random, plan);
  draw_priorities(random, plan);
  plan.has_link = plan.nodes == 2 && random.below(3) != 0;
  plan.says_every_release = random.below(2) == 0;
  const Duration interval = plan.interval(0);  // the shortest
  plan.delay_most = draw(random, 50us, interval / 4);
  if (random.below(2) == 0) plan.slow_most = draw(random, 0us, interval / 3);
  plan.jitter_most = draw(random, 0us, std::min(interval / 20, Duration(2ms)));
  return plan;
}

Duration Plan::longest_interval() const noexcept {
  Duration longest = interval(0);
  for (std::uint32_t i = 1; i < nodes; ++i) longest = std::max(longest, interval(i));
  return longest;
}

Duration Plan::skew(std::uint32_t active, std::uint8_t right) const noexcept {
  const Duration whole = configs[0].version2 ? Duration(1s) : interval(active);
  return whole * (256 - right) / 256;
}

Duration Plan::down(std::uint32_t active, std::uint8_t right) const noexcept {
  return 3 * interval(active) + skew(active, right);
}

Duration Plan::down_most() const noexcept {
  return 3 * longest_interval() +
         std::max(longest_interval(), Duration(configs[0].version2 ? 1s : 0s));
}

Duration Plan::holds_for(std::uint32_t sender) const noexcept { return 3 * interval(sender); }

Duration Plan::slack() const noexcept {
  return (kLooksMost + 1) * jitter_most + kLooksMost * kSecondLook + 2 * slow_most;
}

Duration Plan::settling() const noexcept {
  return configs[0].preempt_delay + 3 * down_most() + 4 * longest_interval() + 4 * slack();
}

}  // namespace tandem::failover::machine
