// RFC 9568 sections 6.4.1 to 6.4.3, row by row: what each state does with each input, and that it
// does nothing else.
#include "test/unit/failover/machine/describe.h"

#include <catch2/catch.hpp>

namespace tandem::failover::machine {
namespace {

constexpr Centiseconds kSecond{100};
constexpr Duration kFar = Duration::max();  // no deadline at all

struct Row {
  const char* what;
  State state;
  Input input;
  Role role;
  std::string_view actions;
  Duration deadline;  // from kNow
};

Duration down_of(std::uint8_t right, Centiseconds interval = kSecond) {
  return down_interval(plain_config(), interval, right);
}

Duration deadline_of(const State& state) {
  return state.deadline == Instant::max() ? kFar : state.deadline - kNow;
}

void check(const Row& row, const Config& config = plain_config()) {
  INFO(row.what);
  const Step result = step_now(config, row.state, row.input);
  CHECK(role_name(result.state.role) == role_name(row.role));
  CHECK(describe(result.actions) == row.actions);
  CHECK(deadline_of(result.state).count() == row.deadline.count());
}

State with_right(std::uint8_t right) {
  State state;
  state.right = right;
  return state;
}

State due(State state) {
  state.deadline = kNow;
  return state;
}

State looked_again(State state) {
  state.looks = 1;
  return due(state);
}

TEST_CASE("6.4.1: a started node waits a down interval, an owner does not") {
  const Row rows[] = {
      {"the highest below an owner", with_right(254), Started{}, Role::kBackup,
       "initialize>backup started", down_of(254)},
      {"the lowest", with_right(1), Started{}, Role::kBackup, "initialize>backup started",
       down_of(1)},
      {"an owner", with_right(255), Started{}, Role::kActive,
       "initialize>active owner, acquire, advert 255, announce", 1s},
      {"without a right", with_right(0), Started{}, Role::kInitialize, "", kFar},
      {"a right before the start", State{}, RightChanged{100}, Role::kInitialize, "", kFar},
      {"a right after the start", waiting_for_right(), RightChanged{100}, Role::kBackup,
       "initialize>backup started", down_of(100)},
      {"an owner's right after the start", waiting_for_right(), RightChanged{255}, Role::kActive,
       "initialize>active owner, acquire, advert 255, announce", 1s},
  };
  for (const Row& row : rows) check(row);
}

TEST_CASE("a node that takes no part does nothing, whatever it is told") {
  const Input inputs[] = {Tick{},
                          Advert{.priority = 0, .interval = kSecond},
                          Advert{.priority = 1, .interval = kSecond},
                          Advert{.priority = 255, .interval = kSecond},
                          RightChanged{0},
                          PeerHolds{.until = kNow + 1s, .priority = 200},
                          PeerLetGo{},
                          Claim{kNow + 1s},
                          Yield{},
                          Stopped{}};
  for (const Input& input : inputs) {
    check({"not started", with_right(0), input, Role::kInitialize, "", kFar});
    check({"not started, able", with_right(100), input, Role::kInitialize, "", kFar});
    check({"without a right", waiting_for_right(), input, Role::kInitialize, "", kFar});
  }
}

TEST_CASE("6.4.2: a backup listens") {
  const Duration left = 2500ms;
  const Row rows[] = {
      {"the timer is early", backup_of(100), Tick{}, Role::kBackup, "", left},
      {"higher", backup_of(100), Advert{101, kSecond}, Role::kBackup, "", down_of(100)},
      {"equal", backup_of(100), Advert{100, kSecond}, Role::kBackup, "", down_of(100)},
      {"equal, from a lower address too", backup_of(100), Advert{100, kSecond, false},
       Role::kBackup, "", down_of(100)},
      {"lower is ignored: the timer runs on", backup_of(100), Advert{99, kSecond}, Role::kBackup,
       "", left},
      {"farewell: only the skew is left", backup_of(100), Advert{0, kSecond}, Role::kBackup, "",
       skew_time(plain_config(), kSecond, 100)},
      {"another interval is learned", backup_of(100), Advert{150, Centiseconds(10)}, Role::kBackup,
       "", down_of(100, Centiseconds(10))},
      {"stopped", backup_of(100), Stopped{}, Role::kInitialize, "backup>initialize stopped", kFar},
      {"right lost", backup_of(100), RightChanged{0}, Role::kInitialize,
       "backup>initialize right_lost", kFar},
      {"another right", backup_of(100), RightChanged{50}, Role::kBackup, "", left},
      {"the same right", backup_of(100), RightChanged{100}, Role::kBackup, "", left},
      {"an owner's right", backup_of(100), RightChanged{255}, Role::kActive,
       "backup>active owner, acquire, advert 255, announce", 1s},
      {"started again", backup_of(100), Started{}, Role::kBackup, "", left},
      {"silence, and nothing had come", looked_again(backup_of(100)), Tick{}, Role::kActive,
       "backup>active silence, acquire, advert 100, announce", 1s},
  };
  for (const Row& row : rows) check(row);
}

TEST_CASE("6.4.2: without preemption a lower node is followed like a higher one") {
  Config config = plain_config();
  config.preempt = false;
  const Row rows[] = {
      {"lower", backup_of(100), Advert{1, kSecond}, Role::kBackup, "", down_of(100)},
      {"lower, another interval", backup_of(100), Advert{1, Centiseconds(200)}, Role::kBackup, "",
       down_of(100, Centiseconds(200))},
      {"higher", backup_of(100), Advert{200, kSecond}, Role::kBackup, "", down_of(100)},
      {"farewell all the same", backup_of(100), Advert{0, kSecond}, Role::kBackup, "",
       skew_time(config, kSecond, 100)},
      {"silence all the same", looked_again(backup_of(100)), Tick{}, Role::kActive,
       "backup>active silence, acquire, advert 100, announce", 1s},
  };
  for (const Row& row : rows) check(row, config);
}

TEST_CASE("section 6.1: an owner preempts whatever preempt says") {
  Config config = plain_config();
  config.preempt = false;
  config.preempt_delay = 1h;
  check({"froze, and hears its standby", backup_of(255), Advert{254, kSecond}, Role::kBackup, "",
         2500ms},
        config);
}

TEST_CASE("6.4.3: an active node advertises and defends") {
  const std::string_view defence = "advert 100, announce";
  const Row rows[] = {
      {"the timer is early", active_of(100), Tick{}, Role::kActive, "", 800ms},
      {"the timer", due(active_of(100)), Tick{}, Role::kActive, "advert 100", 1s},
      {"farewell of another", active_of(100), Advert{0, kSecond}, Role::kActive, defence, 1s},
      {"lower", active_of(100), Advert{99, kSecond}, Role::kActive, defence, 1s},
      {"lower from a higher address", active_of(100), Advert{99, kSecond, true}, Role::kActive,
       defence, 1s},
      {"equal from a lower address", active_of(100), Advert{100, kSecond, false}, Role::kActive,
       defence, 1s},
      {"equal from a higher address", active_of(100), Advert{100, kSecond, true}, Role::kBackup,
       "advert 100, release, active>backup higher_address", down_of(100)},
      {"higher", active_of(100), Advert{101, kSecond}, Role::kBackup,
       "advert 100, release, active>backup higher_priority", down_of(100)},
      {"higher with another interval", active_of(100), Advert{255, Centiseconds(20)}, Role::kBackup,
       "advert 100, release, active>backup higher_priority", down_of(100, Centiseconds(20))},
      {"stopped", active_of(100), Stopped{}, Role::kInitialize,
       "release, advert 0, active>initialize stopped", kFar},
      {"right lost", active_of(100), RightChanged{0}, Role::kInitialize,
       "release, advert 0, active>initialize right_lost", kFar},
      {"another right is said at once", active_of(100), RightChanged{40}, Role::kActive,
       "advert 40", 1s},
      {"the same right", active_of(100), RightChanged{100}, Role::kActive, "", 800ms},
      {"started again", active_of(100), Started{}, Role::kActive, "", 800ms},
  };
  for (const Row& row : rows) check(row);
}

TEST_CASE("who was lower before the right changed is not preempted for that") {
  State state = step_now(plain_config(), backup_of(100), Advert{50, kSecond}).state;
  state = step_now(plain_config(), state, RightChanged{40}).state;
  const Step result = step_through_silence(plain_config(), state);
  CHECK(describe(result.actions) == "backup>active silence, acquire, advert 40, announce");
}

TEST_CASE("a stopped node can be started again, with the right it has by then") {
  const Step stopped = step_now(plain_config(), active_of(100), Stopped{});
  const Step changed = step_now(plain_config(), stopped.state, RightChanged{90});
  CHECK(changed.actions.empty());
  const Step started = step_now(plain_config(), changed.state, Started{});
  CHECK(describe(started.actions) == "initialize>backup started");
  CHECK(started.state.deadline == kNow + down_of(90));
}

TEST_CASE("a takeover in words: what the end of the down interval means") {
  struct Reasoned {
    std::vector<Advert> heard;
    std::string_view reason;
  };
  const Reasoned rows[] = {
      {{}, "silence"},
      {{{150, kSecond}}, "silence"},
      {{{0, kSecond}}, "farewell"},
      {{{50, kSecond}}, "preempt"},
      {{{150, kSecond}, {0, kSecond}}, "farewell"},
      {{{50, kSecond}, {150, kSecond}}, "silence"},
      {{{0, kSecond}, {150, kSecond}}, "silence"},
  };
  for (const Reasoned& row : rows) {
    State state = backup_of(100);
    for (const Advert& advert : row.heard) state = step_now(plain_config(), state, advert).state;
    const Step result = step_through_silence(plain_config(), state);
    INFO(describe(result.actions));
    REQUIRE(result.actions.size() == 4);
    CHECK(reason_name(std::get<Moved>(result.actions[0]).reason) == row.reason);
  }
}

}  // namespace
}  // namespace tandem::failover::machine
