#include "lb/upstream/server_settings.h"

#include "test/unit/lb/upstream/fleet_harness.h"

#include <catch2/catch.hpp>

namespace tandem::lb::upstream {
namespace {

using namespace std::chrono_literals;
using health::Status;
using pulse::ServerSetting;
using What = ServerSetting::What;

constexpr std::uint64_t kNow = 1'790'000'000'000'000;

/// A fleet whose settings are kept, and a clock that the test moves.
struct World {
  explicit World(config::Snapshot config) : harness(std::move(config)) {
    harness.checks.on_result = [this](BackendIndex b, health::ServerIndex s,
                                      const health::Result& result) {
      settings.checked({b, s}, result);
    };
  }

  [[nodiscard]] Fleet& fleet() { return *harness.fleet; }
  void take(What what, std::uint16_t value, std::uint64_t stamp, std::string server = "app/web1") {
    settings.take({.what = what, .value = value, .stamp = stamp, .server = std::move(server)});
  }
  [[nodiscard]] AdminState state(ServerIndex s = 0) { return fleet().server({0, s}).admin_state(); }

  FleetHarness harness;
  std::uint64_t now = kNow;
  std::vector<ServerSetting> told;
  ServerSettings settings{{.fleet = *harness.fleet,
                           .microseconds = [this] { return now; },
                           .tell = [this](const ServerSetting& one) { told.push_back(one); }}};
};

}  // namespace

TEST_CASE("what an operator sets is told with the time, and told anew to who comes later") {
  World world(unchecked(2));
  CHECK(world.settings.all().empty());
  world.fleet().set_state({0, 1}, AdminState::kDrain);
  world.now += 5;
  world.fleet().set_weight({0, 0}, 256);
  const std::vector<ServerSetting> expected{
      {.what = What::kAdmin, .value = 1, .stamp = kNow, .server = "app/web2"},
      {.what = What::kWeight, .value = 256, .stamp = kNow + 5, .server = "app/web1"}};
  CHECK(world.told == expected);
  const auto all = world.settings.all();
  REQUIRE(all.size() == 2);
  CHECK(all[0] == expected[1]);
  CHECK(all[1] == expected[0]);
}

TEST_CASE("a setting always has a later time than the one before, whatever the clock does") {
  World world(unchecked(1));
  world.fleet().set_state({0, 0}, AdminState::kDrain);
  world.now -= 1'000'000;
  world.fleet().set_state({0, 0}, AdminState::kReady);
  world.fleet().set_state({0, 0}, AdminState::kReady);  // said again: it holds from now
  REQUIRE(world.told.size() == 3);
  CHECK(world.told[1].stamp == kNow + 1);
  CHECK(world.told[2].stamp == kNow + 2);
  world.take(What::kAdmin, 2, kNow + 1'000'000'000);
  world.fleet().set_state({0, 0}, AdminState::kReady);
  CHECK(world.told.back().stamp == kNow + 1'000'000'001);
}

TEST_CASE("what was set elsewhere later is done and not told as news") {
  World world(unchecked(2));
  world.take(What::kAdmin, 1, kNow);
  world.take(What::kWeight, 7, kNow, "app/web2");
  world.fleet().flush();
  CHECK(world.state() == AdminState::kDrain);
  CHECK_FALSE(world.harness.standing(0).usable);
  CHECK(world.fleet().server({0, 1}).weight == 7);
  CHECK(world.harness.standing(1).weight == 7 * balance::kWeightScale);
  world.take(What::kAdmin, 2, kNow + 1);
  CHECK(world.harness.status(0) == "MAINT");
  world.take(What::kAdmin, 0, kNow + 2);
  CHECK(world.state() == AdminState::kReady);
  CHECK(world.told.empty());
  CHECK(world.settings.all().size() == 2);
}

TEST_CASE("of two settings the later counts, and of two as late the greater value") {
  World world(unchecked(1));
  world.take(What::kAdmin, 1, kNow);
  world.take(What::kAdmin, 2, kNow - 1);
  CHECK(world.state() == AdminState::kDrain);
  world.take(What::kAdmin, 0, kNow);
  CHECK(world.state() == AdminState::kDrain);
  world.take(What::kAdmin, 2, kNow);
  CHECK(world.state() == AdminState::kMaint);
  world.now = kNow + 10;
  world.fleet().set_state({0, 0}, AdminState::kReady);
  world.take(What::kAdmin, 2, kNow + 9);
  CHECK(world.state() == AdminState::kReady);
}

TEST_CASE("the same value later moves the time alone") {
  World world(unchecked(1));
  world.take(What::kWeight, 9, kNow);
  world.fleet().flush();
  const auto publications = world.harness.plane.publications;
  world.take(What::kWeight, 9, kNow + 100);
  world.fleet().flush();
  CHECK(world.harness.plane.publications == publications);
  CHECK(world.settings.all().at(0).stamp == kNow + 100);
  world.take(What::kWeight, 3, kNow + 50);
  CHECK(world.fleet().server({0, 0}).weight == 9);
}

TEST_CASE("a setting that means nothing here is passed over") {
  World world(checked(1));
  world.take(What::kAdmin, 2, kNow, "app/web9");
  world.take(What::kAdmin, 2, kNow, "other/web1");
  world.take(What::kAdmin, 2, kNow, "app");
  world.take(What::kAdmin, 2, kNow, "#2/#1");
  world.take(What::kAdmin, 3, kNow);
  world.take(What::kWeight, 257, kNow);
  world.take(What::kHealth, 2, kNow);
  world.take(What::kAdmin, 2, 0);
  world.take(What::kAdmin, 2, ~std::uint64_t{0});
  CHECK(world.state() == AdminState::kReady);
  CHECK(world.fleet().server({0, 0}).weight == 1);
  CHECK(world.settings.all().empty());
}

TEST_CASE("as configured is older than anything that was set") {
  config::Snapshot config = unchecked(1);
  config.backends[0].servers[0].state = config::InitialState::kMaint;
  World world(std::move(config));
  CHECK(world.settings.all().empty());
  world.take(What::kAdmin, 0, 1);
  CHECK(world.state() == AdminState::kReady);
}

TEST_CASE("health is told when the first check has ended and at each change") {
  config::Snapshot config = checked(2);
  config.backends[0].servers[1].check = false;
  World world(std::move(config));
  CHECK(world.settings.all().empty());
  world.harness.pass(1s);
  const ServerSetting up{.what = What::kHealth, .value = 1, .stamp = kNow, .server = "app/web1"};
  CHECK(world.told == std::vector{up});
  world.now += 60;
  world.harness.answer(0, Status::kL4Con);
  world.harness.pass(20s);
  const ServerSetting down{
      .what = What::kHealth, .value = 0, .stamp = kNow + 60, .server = "app/web1"};
  CHECK(world.told == std::vector{up, down});
  CHECK(world.settings.all() == std::vector{down});
}

TEST_CASE("our own want of descriptors says nothing of a server") {
  World world(checked(1));
  world.harness.answer(0, Status::kSockErr);
  world.harness.pass(5s);
  CHECK(world.told.empty());
  world.take(What::kHealth, 1, kNow);
  CHECK(world.harness.status(0).starts_with("UP"));
}

TEST_CASE("a word on health holds until the first check of one's own") {
  World world(checked(2));
  world.take(What::kHealth, 1, kNow);
  world.take(What::kHealth, 0, kNow, "app/web2");
  world.fleet().flush();
  CHECK(world.harness.standing(0).usable);
  CHECK_FALSE(world.harness.standing(1).usable);
  CHECK(world.harness.status(1).starts_with("DOWN"));
  CHECK(world.told.empty());
  CHECK(world.settings.all().empty());
  world.now += 9;
  SECTION("which confirms it: it is so since then") {
    world.harness.answer(1, Status::kL4Con);
    world.harness.pass(1s);
    CHECK(world.harness.status(0) == "UP");
    CHECK(world.harness.status(1) == "DOWN");
    const auto all = world.settings.all();
    REQUIRE(all.size() == 2);
    CHECK(all[0].stamp == kNow);
    CHECK(all[1].stamp == kNow);
    CHECK(world.told.empty());
  }
  SECTION("which says otherwise, at once") {
    world.harness.answer(0, Status::kL4Con);
    world.harness.pass(1s);
    CHECK(world.harness.status(0) == "DOWN");
    CHECK(world.harness.status(1) == "UP");
    REQUIRE(world.told.size() == 2);
    CHECK(world.told[0].stamp == kNow + 9);
  }
  SECTION("a later word of them may still turn it") {
    world.take(What::kHealth, 0, kNow + 1);
    CHECK(world.harness.status(0).starts_with("DOWN"));
    world.take(What::kHealth, 1, kNow);
    CHECK(world.harness.status(0).starts_with("DOWN"));
  }
}

TEST_CASE("a word on health says nothing once checks have spoken, nor where there are none") {
  config::Snapshot config = checked(2);
  config.backends[0].servers[1].check = false;
  World world(std::move(config));
  world.harness.pass(1s);
  world.take(What::kHealth, 0, kNow + 1'000);
  world.take(What::kHealth, 0, kNow + 1'000, "app/web2");
  CHECK(world.harness.status(0) == "UP");
  CHECK(world.harness.status(1) == "no check");
  CHECK(world.settings.all().at(0).stamp == kNow);
}

TEST_CASE("a server in maintenance is not taken for up") {
  World world(checked(1));
  world.take(What::kAdmin, 2, kNow);
  world.take(What::kHealth, 1, kNow);
  CHECK(world.harness.status(0) == "MAINT");
  world.take(What::kAdmin, 0, kNow + 1);
  CHECK_FALSE(world.harness.standing(0).usable);
  world.harness.pass(1s);
  CHECK(world.harness.status(0) == "UP");
}

TEST_CASE("health that a command forced is nobody's finding") {
  World world(checked(1));
  world.harness.pass(1s);
  REQUIRE(world.told.size() == 1);
  world.fleet().set_health({0, 0}, health::State::kDown);
  world.harness.pass(1ms);
  CHECK(world.told.size() == 1);
  world.now += 3;
  world.harness.answer(0, Status::kL4Con);
  world.harness.pass(20s);  // as the checks find it by themselves
  CHECK(world.told.size() == 1);
  world.harness.answer(0, Status::kL4Ok);
  world.harness.pass(20s);
  CHECK(world.settings.all().at(0).value == 1);
}

TEST_CASE("a server that comes back with slow start does so whoever brings it back") {
  config::Snapshot config = unchecked(2);
  for (config::Server& server : config.backends[0].servers) server.slowstart = 10s;
  World world(std::move(config));
  world.harness.pass(1s);
  world.take(What::kAdmin, 2, kNow);
  world.harness.pass(1s);
  world.take(What::kAdmin, 0, kNow + 1);
  CHECK(world.fleet().server({0, 0}).is_ramping);
}

}  // namespace tandem::lb::upstream
