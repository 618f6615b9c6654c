// Skew, down interval and what a timer does that is early, late or doubled.
#include "test/unit/failover/machine/describe.h"

#include <catch2/catch.hpp>

namespace tandem::failover::machine {
namespace {

TEST_CASE("skew and down interval follow the active node's interval and the own priority") {
  struct Row {
    Centiseconds interval;
    std::uint8_t priority;
    bool version2;
    Duration skew;
    Duration down;
  };
  const Row rows[] = {
      {Centiseconds(100), 100, false, 609'375us, 3'609'375us},
      {Centiseconds(100), 255, false, 3'906'250ns, 3'003'906'250ns},
      {Centiseconds(100), 1, false, 996'093'750ns, 3'996'093'750ns},
      {Centiseconds(20), 100, false, 121'875us, 721'875us},  // 3 x 200 + 122: seen with keepalived
      {Centiseconds(1), 100, false, 6'093'750ns, 36'093'750ns},
      {Centiseconds(4095), 128, false, 20'475ms, 143'325ms},
      // RFC 3768 section 6.2: the skew is a part of a second, whatever the interval.
      {Centiseconds(100), 100, true, 609'375us, 3'609'375us},
      {Centiseconds(1000), 100, true, 609'375us, 30'609'375us},
  };
  for (const Row& row : rows) {
    Config config;
    config.version2 = row.version2;
    INFO(row.interval.count() << " cs, priority " << int{row.priority});
    CHECK(skew_time(config, row.interval, row.priority) == row.skew);
    CHECK(down_interval(config, row.interval, row.priority) == row.down);
  }
}

TEST_CASE("no backup takes over within the safe silence") {
  for (const int interval : {1, 7, 100, 4095}) {
    const Config config{.advert_interval = Centiseconds(interval)};
    for (const int priority : {1, 100, 254, 255}) {
      CHECK(safe_silence(config) <
            down_interval(config, config.advert_interval, static_cast<std::uint8_t>(priority)));
    }
  }
}

TEST_CASE("a lease outlasts the wait of the others by what a takeover takes") {
  const Config config{.advert_interval = Centiseconds(10)};
  CHECK(lease(config, 100) == 300ms + 60'937'500ns + kSecondLook + kLeaseOverlap);
  CHECK(lease(config, 254) < lease(config, 100));
  CHECK(lease(config, 255) > safe_silence(config));
}

TEST_CASE("silence is believed only after what had come was read") {
  State state = backup_of(100);
  state.deadline = kNow;
  const Step first = step_now(plain_config(), state, Tick{});
  CHECK(first.actions.empty());
  CHECK(first.state.deadline == kNow + kSecondLook);

  // An advert was in the queue: all begins again, with a look and a second one.
  const Step heard = step_now(plain_config(), first.state, Advert{150, Centiseconds(100)});
  CHECK(heard.actions.empty());
  CHECK(heard.state.deadline == kNow + down_interval(plain_config(), Centiseconds(100), 100));
  CHECK(heard.state.looks == 0);

  // There was nothing.
  CHECK(step(plain_config(), first.state, kNow + kSecondLook / 2, Tick{}).actions.empty());
  const Step second = step(plain_config(), first.state, kNow + kSecondLook, Tick{});
  CHECK(describe(second.actions) == "backup>active silence, acquire, advert 100, announce");
}

TEST_CASE("a backup that did not run for a while listens for a whole down interval") {
  State state = backup_of(100);
  const Duration allowed = 3s;
  const Step late = step(plain_config(), state, state.deadline + allowed, Tick{});
  CHECK(late.state.deadline == state.deadline + allowed + kSecondLook);

  const Instant thawed = state.deadline + allowed + 1ns;
  const Step later = step(plain_config(), state, thawed, Tick{});
  CHECK(later.actions.empty());
  CHECK(later.state.deadline == thawed + down_interval(plain_config(), Centiseconds(100), 100));

  // The second look can be late as well.
  state.looks = 1;
  const Step between = step(plain_config(), state, thawed, Tick{});
  CHECK(between.actions.empty());
  CHECK(between.state.deadline == thawed + down_interval(plain_config(), Centiseconds(100), 100));
}

TEST_CASE("a second look that comes late is repeated, but not without end") {
  State state = backup_of(100);
  state.deadline = kNow;
  Instant now = kNow;
  for (int i = 0; i < kLooksMost; ++i) {
    const Step look = step(plain_config(), state, now, Tick{});
    CHECK(look.actions.empty());
    CHECK(look.state.deadline == now + kSecondLook);
    state = look.state;
    now += kSecondLook + 125ms + 1ns;
  }
  CHECK(describe(step(plain_config(), state, now, Tick{}).actions) ==
        "backup>active silence, acquire, advert 100, announce");
}

TEST_CASE("a second look that is late by less than an eighth of an interval will do") {
  State state = backup_of(100);
  state.deadline = kNow;
  state = step_now(plain_config(), state, Tick{}).state;
  CHECK_FALSE(step(plain_config(), state, state.deadline + 125ms, Tick{}).actions.empty());
  CHECK(step(plain_config(), state, state.deadline + 125ms + 1ns, Tick{}).actions.empty());
}

TEST_CASE("lateness is measured with the interval of the node that is active") {
  Config config = plain_config();
  config.advert_interval = Centiseconds(1);
  State state = backup_of(100);  // has learned one second
  const Step late = step(config, state, state.deadline + 50ms, Tick{});
  CHECK(late.state.deadline == state.deadline + 50ms + kSecondLook);
}

TEST_CASE("a tick too many does nothing, in any role") {
  for (const State& state : {backup_of(100), active_of(100), waiting_for_right(), State{}}) {
    const Step once = step_now(plain_config(), state, Tick{});
    const Step twice = step_now(plain_config(), once.state, Tick{});
    CHECK(once.actions.empty());
    CHECK(twice.actions.empty());
    CHECK(twice.state.deadline == state.deadline);
  }
}

TEST_CASE("VRRPv2 waits with the skew of its own RFC") {
  Config config;
  config.advert_interval = Centiseconds(500);
  config.version2 = true;
  State state = backup_of(156);
  state = step_now(config, state, Advert{200, Centiseconds(500)}).state;
  CHECK(state.deadline == kNow + 15s + 390'625us);
  state = step_now(config, state, Advert{0, Centiseconds(500)}).state;
  CHECK(state.deadline == kNow + 390'625us);
}

TEST_CASE("a farewell never makes a backup wait longer") {
  State state = backup_of(100);
  state.deadline = kNow + 10ms;
  CHECK(step_now(plain_config(), state, Advert{0, Centiseconds(100)}).state.deadline ==
        kNow + 10ms);
}

}  // namespace
}  // namespace tandem::failover::machine
