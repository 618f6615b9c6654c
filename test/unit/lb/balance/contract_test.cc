// What every row of the policy table promises. A new policy is tested here by being in the table.
#include "test/unit/lb/balance/allocation_counter.h"
#include "test/unit/lb/balance/test_fleet.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <deque>
#include <map>

namespace tandem::lb::balance {
namespace {

/// Runs `check(row, policy)` for every row, and for the hashing rows with bounded loads as well.
template <class Check>
void for_every_policy(Check check) {
  for (const PolicyRow& row : policy_table()) {
    for (const std::uint32_t factor : {0U, 150U}) {
      if (factor != 0 && row.key == KeyNeed::kNone) continue;
      INFO(row.name << ", hash-balance-factor " << factor);
      config::Balance balance;
      balance.policy = row.name;
      balance.hash_balance_factor = factor;
      check(row, *make_policy(balance, 42).value());
    }
  }
}

TEST_CASE("every policy picks only usable servers") {
  for_every_policy([](const PolicyRow&, Policy& policy) {
    TestFleet fleet({1, 1, 3, 1, 2, 1});
    for (const ServerIndex i : {0U, 2U, 5U}) fleet.view().edit(i).usable = false;
    fleet.attach(policy);
    const std::vector<std::uint32_t> counts = count_picks(policy, fleet, 500);
    CHECK(counts[0] + counts[2] + counts[5] == 0);
  });
}

TEST_CASE("every policy gives none when nothing is usable, and when there are no servers") {
  for_every_policy([](const PolicyRow&, Policy& policy) {
    TestFleet fleet({1, 2, 3});
    for (const ServerIndex i : {0U, 1U, 2U}) fleet.view().edit(i).usable = false;
    fleet.attach(policy);
    CHECK_FALSE(policy.pick({}, fleet.view()));
    CHECK_FALSE(policy.pick(keyed(9), fleet.view()));
  });
  for_every_policy([](const PolicyRow&, Policy& policy) {
    TestFleet empty({});
    empty.attach(policy);
    CHECK_FALSE(policy.pick({}, empty.view()));
    CHECK_FALSE(policy.pick(keyed(9), empty.view()));
  });
}

TEST_CASE("every policy sees a server come and go after rebuild") {
  for_every_policy([](const PolicyRow&, Policy& policy) {
    TestFleet fleet({1, 1});
    fleet.attach(policy);
    fleet.set_usable(0, false);
    CHECK(count_picks(policy, fleet, 50)[0] == 0);
    fleet.set_usable(0, true);
    fleet.set_usable(1, false);
    CHECK(count_picks(policy, fleet, 50)[1] == 0);
  });
}

TEST_CASE("every policy leaves out tried servers until none is left") {
  for_every_policy([](const PolicyRow&, Policy& policy) {
    TestFleet fleet({1, 5, 2, 1});
    fleet.attach(policy);
    for (std::uint64_t key = 0; key < 50; ++key) {
      std::vector<ServerIndex> tried;
      while (tried.size() < fleet.view().size()) {
        PickRequest request = keyed(key);
        request.tried = tried;
        const auto picked = policy.pick(request, fleet.view());
        REQUIRE(picked);
        REQUIRE_FALSE(request.was_tried(*picked));
        tried.push_back(*picked);
      }
      PickRequest request = keyed(key);
      request.tried = tried;
      REQUIRE_FALSE(policy.pick(request, fleet.view()));
    }
  });
}

TEST_CASE("policies skip full servers unless they queue on them") {
  for_every_policy([](const PolicyRow&, Policy& policy) {
    TestFleet fleet({1, 1, 1, 1});
    fleet.set_maxconn_everywhere(4);
    fleet.attach(policy);
    for (const ServerIndex i : {0U, 1U, 3U}) fleet.set_load(i, 4);
    const std::vector<std::uint32_t> counts = count_picks(policy, fleet, 200);
    if (policy.queues_on_full()) {
      CHECK(counts[2] < 200);
      return;
    }
    CHECK(counts[2] == 200);
    fleet.set_load(2, 4);
    CHECK_FALSE(policy.pick(keyed(1), fleet.view()));
    fleet.set_load(3, 3);
    CHECK(policy.pick(keyed(1), fleet.view()) == ServerIndex{3});
  });
}

TEST_CASE("no policy that skips full servers ever exceeds maxconn or refuses while there is room") {
  for_every_policy([](const PolicyRow&, Policy& policy) {
    if (policy.queues_on_full()) return;
    constexpr std::uint32_t kServers = 24;
    constexpr std::uint32_t kMaxconn = 3;
    TestFleet fleet(std::vector<std::uint32_t>(kServers, 1));
    fleet.set_maxconn_everywhere(kMaxconn);
    fleet.attach(policy);
    Random random(5);
    std::vector<ServerIndex> running;
    for (int n = 0; n < 4'000; ++n) {
      // Hovers about the limit: mostly full, at times with room.
      if (!running.empty() && random.below(100) < 48) {
        std::swap(running[random.below(static_cast<std::uint32_t>(running.size()))],
                  running.back());
        fleet.give_back(running.back());
        running.pop_back();
        continue;
      }
      const auto picked = policy.pick(keyed(random.next()), fleet.view());
      REQUIRE(picked.has_value() == (running.size() < kServers * kMaxconn));
      if (!picked) continue;
      REQUIRE(fleet.load(*picked) < kMaxconn);
      fleet.take(*picked);
      running.push_back(*picked);
    }
  });
}

TEST_CASE("no policy allocates between rebuilds") {
  for_every_policy([](const PolicyRow&, Policy& policy) {
    TestFleet fleet(std::vector<std::uint32_t>(50, 2));
    fleet.set_maxconn_everywhere(2);
    fleet.attach(policy);
    Random random(3);
    const std::vector<ServerIndex> tried = {1, 4, 9};
    std::vector<ServerIndex> running;
    running.reserve(10'000);
    Instant now{};
    const std::uint64_t before = allocations();
    for (int n = 0; n < 3'000; ++n) {
      PickRequest request = keyed(random.next());
      request.has_key = n % 3 != 0;
      if (n % 5 == 0) request.tried = tried;
      request.now = now += std::chrono::milliseconds(1);
      if (const auto picked = policy.pick(request, fleet.view())) {
        fleet.take(*picked);
        running.push_back(*picked);
        policy.completed(*picked, std::chrono::milliseconds(1 + n % 7), now);
      }
      if (running.size() > 90) {
        fleet.give_back(running.back());
        running.pop_back();
      }
    }
    CHECK(allocations() == before);
  });
}

TEST_CASE("weights decide the shares of policies that honour them") {
  for_every_policy([](const PolicyRow& row, Policy& policy) {
    if (row.weights == WeightUse::kIgnored) return;
    TestFleet fleet({1, 2, 4});
    fleet.attach(policy);
    // Each request runs while the next seventy are picked, so that policies that go by load have
    // loads to go by.
    std::deque<ServerIndex> running;
    std::vector<int> counts(3, 0);
    Random keys(11);
    constexpr int kPicks = 21'000;
    for (int n = 0; n < kPicks; ++n) {
      const ServerIndex i = policy.pick(keyed(keys.next()), fleet.view()).value();
      ++counts[i];
      fleet.take(i);
      running.push_back(i);
      if (running.size() > 70) {
        fleet.give_back(running.front());
        running.pop_front();
      }
    }
    CHECK(counts[0] == Approx(kPicks / 7.0).epsilon(0.2));
    CHECK(counts[1] == Approx(2 * kPicks / 7.0).epsilon(0.2));
    CHECK(counts[2] == Approx(4 * kPicks / 7.0).epsilon(0.2));
  });
}

TEST_CASE("a change of weight moves shares exactly where the table says so") {
  for_every_policy([](const PolicyRow& row, Policy& policy) {
    TestFleet fleet({1, 1});
    fleet.attach(policy);
    fleet.set_weight(1, 20);
    std::deque<ServerIndex> running;
    int heavy = 0;
    Random keys(11);
    for (int n = 0; n < 2'000; ++n) {
      const ServerIndex i = policy.pick(keyed(keys.next()), fleet.view()).value();
      heavy += i == 1 ? 1 : 0;
      fleet.take(i);
      running.push_back(i);
      if (running.size() > 63) {
        fleet.give_back(running.front());
        running.pop_front();
      }
    }
    CHECK((heavy > 1'700) == (row.weights == WeightUse::kFollowed));
  });
}

TEST_CASE("the same seed gives the same picks") {
  for (const PolicyRow& row : policy_table()) {
    INFO(row.name);
    TestFleet fleet({1, 3, 2, 1, 1});
    const auto one = make_named(row.name, 77);
    const auto two = make_named(row.name, 77);
    fleet.attach(*one);
    fleet.attach(*two);
    Random keys(1);
    for (int n = 0; n < 300; ++n) {
      const PickRequest request = keyed(keys.next());
      const auto picked = one->pick(request, fleet.view());
      REQUIRE(picked == two->pick(request, fleet.view()));
      if (n % 3 == 0) fleet.take(*picked);
    }
  }
}

TEST_CASE("hashing policies ignore seed and file order, and move only the keys they must") {
  for (const PolicyRow& row : policy_table()) {
    if (row.key == KeyNeed::kNone) continue;
    INFO(row.name);
    const std::vector<std::string> names = {"ape", "bee", "cat", "dog", "eel"};
    const std::vector<std::string> mixed = {"dog", "ape", "eel", "cat", "bee"};
    TestFleet fleet({1, 1, 1, 1, 1}, names);
    TestFleet other({1, 1, 1, 1, 1}, mixed);
    const auto one = make_named(row.name, 1);
    const auto two = make_named(row.name, 2);
    fleet.attach(*one);
    other.attach(*two);
    std::map<std::uint64_t, ServerIndex> homes;
    for (std::uint64_t key = 0; key < 5'000; ++key) {
      homes[key] = one->pick(keyed(key), fleet.view()).value();
      REQUIRE(names[homes[key]] == mixed[two->pick(keyed(key), other.view()).value()]);
    }
    fleet.set_usable(2, false);
    for (const auto& [key, home] : homes) {
      const ServerIndex now = one->pick(keyed(key), fleet.view()).value();
      REQUIRE((home == 2 ? now != 2 : now == home));
    }
    fleet.set_usable(2, true);
    for (const auto& [key, home] : homes) REQUIRE(one->pick(keyed(key), fleet.view()) == home);
  }
}

}  // namespace
}  // namespace tandem::lb::balance
