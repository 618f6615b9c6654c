#include "test/unit/failover/machine/describe.h"

#include <fmt/format.h>

#include <variant>

namespace tandem::failover::machine {
namespace {

struct Describe {
  std::string operator()(const SendAdvert& advert) const {
    return fmt::format("advert {}", advert.priority);
  }
  std::string operator()(const Acquire&) const { return "acquire"; }
  std::string operator()(const Release&) const { return "release"; }
  std::string operator()(const Announce&) const { return "announce"; }
  std::string operator()(const Moved& moved) const {
    return fmt::format("{}>{} {}", role_name(moved.from), role_name(moved.to),
                       reason_name(moved.reason));
  }
};

struct DescribeInput {
  std::string operator()(const Started& started) const {
    return started.advertised_at == Instant{} ? "started" : "started where a predecessor was";
  }
  std::string operator()(const Stopped&) const { return "stopped"; }
  std::string operator()(const Tick&) const { return "tick"; }
  std::string operator()(const Advert& advert) const {
    return fmt::format("heard {}{}", advert.priority,
                       advert.is_from_higher_address ? " (higher address)" : "");
  }
  std::string operator()(const RightChanged& change) const {
    return fmt::format("right is {}", change.priority);
  }
  std::string operator()(const PeerHolds& holds) const {
    return fmt::format("peer holds with {}", holds.priority);
  }
  std::string operator()(const PeerLetGo&) const { return "peer let go"; }
  std::string operator()(const Claim&) const { return "claim"; }
  std::string operator()(const Yield&) const { return "yield"; }
};

}  // namespace

std::string describe(const Input& input) { return std::visit(DescribeInput{}, input); }

std::string describe(const std::vector<Action>& actions) {
  std::string words;
  for (const Action& action : actions) {
    if (!words.empty()) words += ", ";
    words += std::visit(Describe{}, action);
  }
  return words;
}

Config plain_config() { return Config{}; }

State backup_of(std::uint8_t right) {
  State state;
  state.role = Role::kBackup;
  state.right = right;
  state.is_started = true;
  state.deadline = kNow + 2500ms;
  return state;
}

State active_of(std::uint8_t right) {
  State state;
  state.role = Role::kActive;
  state.right = right;
  state.is_started = true;
  state.advertised_at = kNow - 200ms;
  state.deadline = kNow + 800ms;
  return state;
}

State waiting_for_right() {
  State state;
  state.is_started = true;
  return state;
}

Step step_now(const Config& config, const State& state, const Input& input) {
  return step(config, state, kNow, input);
}

Step step_through_silence(const Config& config, State state) {
  const Step first = step(config, state, state.deadline, Tick{});
  if (!first.actions.empty()) return first;
  return step(config, first.state, first.state.deadline, Tick{});
}

}  // namespace tandem::failover::machine
