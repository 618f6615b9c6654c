// What two tandems know beyond RFC 9568: freezes, the peer link, moves by an operator, adoption,
// patience before preempting.
#include "test/unit/failover/machine/describe.h"

#include <catch2/catch.hpp>

namespace tandem::failover::machine {
namespace {

constexpr Centiseconds kSecond{100};

Duration down_of(std::uint8_t right) { return down_interval(plain_config(), kSecond, right); }

// ---- freezes -----------------------------------------------------------------------------------

TEST_CASE("an active node that was silent for longer than others wait says nothing and listens") {
  const std::string froze = "release, active>backup froze";
  struct Row {
    Input input;
    std::string actions;
    Role role;
  };
  const Row rows[] = {
      {Tick{}, froze, Role::kBackup},
      {Advert{50, kSecond}, froze, Role::kBackup},
      {Advert{150, kSecond}, froze, Role::kBackup},
      {Advert{0, kSecond}, froze, Role::kBackup},
      {RightChanged{90}, froze, Role::kBackup},
      {PeerHolds{kNow + 1s, 150}, froze, Role::kBackup},
      {Yield{}, froze, Role::kBackup},
      {Started{}, froze, Role::kBackup},
      // No farewell either: another may be active by now.
      {RightChanged{0}, froze + ", backup>initialize right_lost", Role::kInitialize},
      {Stopped{}, froze + ", backup>initialize stopped", Role::kInitialize},
      // The peer's word is as good as having listened.
      {PeerLetGo{}, froze + ", backup>active handed_over, acquire, advert 100, announce",
       Role::kActive},
  };
  for (const Row& row : rows) {
    State state = active_of(100);
    state.advertised_at = kNow - safe_silence(plain_config()) - 1ns;
    state.deadline = state.advertised_at + 1s;
    const Step result = step_now(plain_config(), state, row.input);
    CHECK(describe(result.actions) == row.actions);
    CHECK(role_name(result.state.role) == role_name(row.role));
    if (row.role == Role::kBackup) CHECK(result.state.deadline <= kNow + down_of(100));
  }
}

TEST_CASE("an active node that was late within the safe silence goes on") {
  State state = active_of(100);
  state.advertised_at = kNow - safe_silence(plain_config());
  state.deadline = state.advertised_at + 1s;
  CHECK(describe(step_now(plain_config(), state, Tick{}).actions) == "advert 100");
}

// ---- preempt_delay -----------------------------------------------------------------------------

TEST_CASE("a lower node is left in peace for preempt_delay, then replaced") {
  Config config = plain_config();
  config.preempt_delay = 10s;
  State state = backup_of(100);
  Instant now = kNow;
  for (; now < kNow + 10s; now += 1s) {  // followed like a higher one
    state = step(config, state, now, Advert{50, kSecond}).state;
    CHECK(state.deadline == now + down_of(100));
  }
  const Instant followed = state.deadline;
  const Step result = step(config, state, now, Advert{50, kSecond});
  CHECK(result.state.deadline == followed);  // the timer runs on
  const Step taken = step_through_silence(config, result.state);
  CHECK(describe(taken.actions) == "backup>active preempt, acquire, advert 100, announce");
}

TEST_CASE("preempt_delay begins anew when a higher node was active in between") {
  Config config = plain_config();
  config.preempt_delay = 10s;
  State state = step_now(config, backup_of(100), Advert{50, kSecond}).state;
  state = step(config, state, kNow + 1s, Advert{150, kSecond}).state;
  const Instant again = kNow + 11s;
  const Step result = step(config, state, again, Advert{50, kSecond});
  CHECK(result.state.deadline == again + down_of(100));
  CHECK(result.state.preempt_after == again + 10s);
}

TEST_CASE("preempt_delay delays nothing but preemption") {
  Config config = plain_config();
  config.preempt_delay = 1h;
  State state = step_now(config, backup_of(100), Advert{50, kSecond}).state;
  CHECK(describe(step_through_silence(config, state).actions) ==
        "backup>active silence, acquire, advert 100, announce");
  state = step_now(config, state, Advert{0, kSecond}).state;
  CHECK(describe(step_through_silence(config, state).actions) ==
        "backup>active farewell, acquire, advert 100, announce");
}

// ---- the peer link -----------------------------------------------------------------------------

TEST_CASE("silence is not believed while the peer says that it holds the address") {
  State state = backup_of(100);
  state.deadline = kNow + 100ms;
  state = step_now(plain_config(), state, PeerHolds{kNow + 500ms, 150}).state;
  const Step waited = step_through_silence(plain_config(), state);
  CHECK(waited.actions.empty());
  CHECK(waited.state.deadline == kNow + 500ms);
  // Its word is not believed for longer than it said.
  CHECK(describe(step_through_silence(plain_config(), waited.state).actions) ==
        "backup>active silence, acquire, advert 100, announce");
}

TEST_CASE("an older word of the peer does not shorten a newer one") {
  State state = step_now(plain_config(), backup_of(100), PeerHolds{kNow + 5s, 150}).state;
  state = step_now(plain_config(), state, PeerHolds{kNow + 3s, 150}).state;
  CHECK(state.peer_holds_until == kNow + 5s);
}

TEST_CASE("a peer that holds the address is preempted and followed up all the same") {
  const State holds = step_now(plain_config(), backup_of(100), PeerHolds{kNow + 1h, 50}).state;
  const State preempting = step_now(plain_config(), holds, Advert{50, kSecond}).state;
  CHECK(describe(step_through_silence(plain_config(), preempting).actions) ==
        "backup>active preempt, acquire, advert 100, announce");
  const State farewell = step_now(plain_config(), holds, Advert{0, kSecond}).state;
  CHECK(farewell.peer_holds_until == Instant{});
  CHECK(describe(step_through_silence(plain_config(), farewell).actions) ==
        "backup>active farewell, acquire, advert 100, announce");
}

TEST_CASE("two active nodes that hear each other by the peer link alone end by the RFC's rule") {
  struct Row {
    std::uint8_t priority;
    bool is_from_higher_address;
    std::string_view actions;
  };
  const Row rows[] = {
      {0, true, ""},
      {99, true, ""},
      {100, false, ""},
      {100, true, "advert 100, release, active>backup higher_address"},
      {101, false, "advert 100, release, active>backup higher_priority"},
  };
  for (const Row& row : rows) {
    const PeerHolds holds{kNow + 2s, row.priority, row.is_from_higher_address};
    const Step result = step_now(plain_config(), active_of(100), holds);
    CHECK(describe(result.actions) == row.actions);
    CHECK(result.state.peer_holds_until == kNow + 2s);
  }
}

TEST_CASE("a backup takes over at once when the peer has let go") {
  State state = step_now(plain_config(), backup_of(100), PeerHolds{kNow + 1h, 150}).state;
  const Step taken = step_now(plain_config(), state, PeerLetGo{});
  CHECK(describe(taken.actions) == "backup>active handed_over, acquire, advert 100, announce");
  // What the peer advertised before may be read after its word.
  const Step stale = step_now(plain_config(), taken.state, Advert{150, kSecond});
  CHECK(stale.actions.empty());
  const Step stale_word = step_now(plain_config(), taken.state, PeerHolds{kNow + 1s, 150});
  CHECK(stale_word.actions.empty());
  // For one interval: afterwards it is news.
  const Step news = step(plain_config(), taken.state, kNow + 1s, Advert{150, kSecond});
  CHECK(describe(news.actions) == "advert 100, release, active>backup higher_priority");
}

TEST_CASE("an active node announces itself again when the peer has let go beside it") {
  CHECK(describe(step_now(plain_config(), active_of(100), PeerLetGo{}).actions) == "announce");
}

// ---- moves by an operator ----------------------------------------------------------------------

TEST_CASE("a claim takes the address without waiting and passes over the node that lets go") {
  const Step claimed = step_now(plain_config(), backup_of(100), Claim{kNow + 2500ms});
  CHECK(describe(claimed.actions) == "backup>active claim, acquire, advert 100, announce");
  for (const int priority : {1, 100, 150, 255}) {
    const Advert advert{static_cast<std::uint8_t>(priority), kSecond, true};
    CHECK(step(plain_config(), claimed.state, kNow + 1s, advert).actions.empty());
  }
  // Another's farewell is always answered.
  CHECK(describe(step(plain_config(), claimed.state, kNow + 1s, Advert{0, kSecond}).actions) ==
        "advert 100, announce");
}

TEST_CASE("a claim that the other node does not heed ends by the RFC's rule") {
  State state = step_now(plain_config(), backup_of(100), Claim{kNow + 2500ms}).state;
  state = step(plain_config(), state, kNow + 1s, Tick{}).state;
  state = step(plain_config(), state, kNow + 2s, Tick{}).state;
  CHECK(describe(step(plain_config(), state, kNow + 2500ms, Advert{150, kSecond}).actions) ==
        "advert 100, release, active>backup higher_priority");
}

TEST_CASE("the end of a claim is announced, since two were heard until then") {
  State state = step_now(plain_config(), backup_of(100), Claim{kNow + 1500ms}).state;
  const Step during = step(plain_config(), state, kNow + 1s, Tick{});
  CHECK(describe(during.actions) == "advert 100");
  const Step after = step(plain_config(), during.state, kNow + 2s, Tick{});
  CHECK(describe(after.actions) == "advert 100, announce");
  const Step later = step(plain_config(), after.state, kNow + 3s, Tick{});
  CHECK(describe(later.actions) == "advert 100");
}

TEST_CASE("a claim is void for who is active, unfit, or reads it too late") {
  const Claim claim{kNow + 1s};
  CHECK(step_now(plain_config(), active_of(100), claim).actions.empty());
  CHECK(step_now(plain_config(), waiting_for_right(), claim).actions.empty());
  CHECK(step_now(plain_config(), backup_of(100), Claim{kNow}).actions.empty());
}

TEST_CASE("who yields does not preempt its successor, but follows it up") {
  const Step yielded = step_now(plain_config(), active_of(150), Yield{});
  CHECK(describe(yielded.actions) == "release, active>backup yield");
  CHECK(yielded.state.deadline == kNow + down_of(150));
  const Instant later = kNow + 1s;
  const Step followed = step(plain_config(), yielded.state, later, Advert{100, kSecond});
  CHECK(followed.state.deadline == later + down_of(150));
  const Step taken = step_through_silence(plain_config(), followed.state);
  CHECK(describe(taken.actions) == "backup>active silence, acquire, advert 150, announce");
  CHECK_FALSE(taken.state.stays_back);
}

TEST_CASE("only the active node can yield") {
  CHECK(step_now(plain_config(), backup_of(100), Yield{}).actions.empty());
  CHECK_FALSE(step_now(plain_config(), backup_of(100), Yield{}).state.stays_back);
}

// ---- adoption ----------------------------------------------------------------------------------

TEST_CASE("addresses that a predecessor left in place are adopted while others still wait") {
  struct Row {
    const char* what;
    std::uint8_t right;
    Duration silence;
    std::string_view actions;
  };
  const Row rows[] = {
      {"in time", 100, 3s, "initialize>active adopted, acquire, advert 100, announce"},
      {"an owner in time", 255, 1s, "initialize>active adopted, acquire, advert 255, announce"},
      {"too late", 100, 3s + 1ns, "release, initialize>backup started"},
      {"an owner, too late", 255, 4s,
       "release, initialize>active owner, acquire, advert 255, announce"},
      {"no right", 0, 1s, "release, advert 0"},
      {"no right, and too late", 0, 4s, "release"},
  };
  for (const Row& row : rows) {
    INFO(row.what);
    State state;
    state.right = row.right;
    const Step result = step_now(plain_config(), state, Started{kNow - row.silence});
    CHECK(describe(result.actions) == row.actions);
  }
}

}  // namespace
}  // namespace tandem::failover::machine
