// Two nodes' ends, each with a data plane that the test plays, and the link between them: it
// delivers when the test says so.
#include "failover/sharing.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace tandem::failover {
namespace {

using pulse::ServerSetting;
using What = ServerSetting::What;

ServerSetting admin(std::uint16_t value, std::uint64_t stamp, std::string server = "app/web1") {
  return {.what = What::kAdmin, .value = value, .stamp = stamp, .server = std::move(server)};
}

struct End {
  std::string name;
  ServerSettings settings;
  EventLog events;
  std::map<std::pair<What, std::string>, ServerSetting> data_plane;  // what it was told
  std::size_t room = 1'000'000;                                      // packets the kernel takes
  std::deque<std::function<void()>> on_the_way;                      // to the other end
  std::size_t longest = 0;                                           // part that was sent
  std::size_t parts = 0;
  std::unique_ptr<Sharing> sharing;

  bool take(const ServerSetting& setting) {
    if (room == 0) return false;
    --room;
    data_plane[{setting.what, setting.server}] = setting;
    return true;
  }
  std::uint16_t value(What what, const std::string& server) const {
    const auto found = data_plane.find({what, server});
    return found == data_plane.end() ? std::uint16_t{9} : found->second.value;
  }
};

struct Pair {
  event::Loop loop;
  End one{.name = "lb1"};
  End two{.name = "lb2"};
  bool is_cut = true;

  Pair() {
    make(one, two);
    make(two, one);
  }
  void make(End& end, End& other) {
    const auto way = [this, &end, &other](const std::string& node, const auto& message) {
      REQUIRE(node == other.name);
      if (is_cut) return;
      if constexpr (std::is_same_v<std::decay_t<decltype(message)>, peer::SettingsPart>) {
        end.longest = std::max(end.longest, message.settings.size());
        ++end.parts;
      }
      end.on_the_way.push_back([&end, &other, message] { other.sharing->hear(end.name, message); });
    };
    end.sharing = std::make_unique<Sharing>(
        loop, end.settings, end.events,
        Sharing::Ways{.to_data_plane = [&end](const ServerSetting& s) { return end.take(s); },
                      .settings = way,
                      .taken = way,
                      .events = way});
  }
  void connect() {
    is_cut = false;
    one.sharing->begin("lb2");
    two.sharing->begin("lb1");
    deliver();
  }
  void cut() {
    is_cut = true;
    one.on_the_way.clear();
    two.on_the_way.clear();
    one.sharing->end("lb2");
    two.sharing->end("lb1");
  }
  static void deliver(End& end) {
    while (!end.on_the_way.empty()) {
      const auto message = std::move(end.on_the_way.front());
      end.on_the_way.pop_front();
      message();
    }
  }
  void deliver() {
    while (!one.on_the_way.empty() || !two.on_the_way.empty()) {
      deliver(one);
      deliver(two);
    }
  }
};

}  // namespace

TEST_CASE("What an operator sets on one node is set on both, and made good again") {
  Pair pair;
  pair.connect();
  pair.one.sharing->hear(admin(1, 10));
  pair.deliver();
  CHECK(pair.two.value(What::kAdmin, "app/web1") == 1);
  pair.two.sharing->hear(admin(0, 11));
  pair.deliver();
  CHECK(pair.one.value(What::kAdmin, "app/web1") == 0);
  CHECK(pair.one.sharing->is_in_step("lb2"));
  CHECK(pair.two.sharing->is_in_step("lb1"));
}

TEST_CASE("Nodes that were apart end with what was set later") {
  Pair pair;
  pair.one.sharing->hear(admin(1, 10));
  pair.two.sharing->hear(admin(2, 11));
  pair.one.sharing->hear({What::kWeight, 7, 12, "app/web1"});
  pair.two.sharing->hear({What::kWeight, 8, 10, "app/web1"});
  CHECK_FALSE(pair.one.sharing->is_in_step("lb2"));
  pair.connect();
  for (const End* end : {&pair.one, &pair.two}) {
    CHECK(end->value(What::kAdmin, "app/web1") == 2);
    CHECK(end->value(What::kWeight, "app/web1") == 7);
  }
}

TEST_CASE("Each data plane hears how the other one finds the servers, also after that has gone") {
  Pair pair;
  pair.one.sharing->hear({What::kHealth, 0, 10, "app/web1"});
  pair.connect();
  CHECK(pair.two.value(What::kHealth, "app/web1") == 0);
  CHECK(pair.one.value(What::kHealth, "app/web1") == 9);
  pair.cut();
  pair.two.data_plane.clear();
  pair.two.sharing->begin_data_plane();
  CHECK(pair.two.value(What::kHealth, "app/web1") == 0);
}

TEST_CASE("A data plane that begins anew is told everything, as fast as it reads") {
  Pair pair;
  for (std::uint64_t i = 0; i < 600; ++i)
    pair.one.sharing->hear(admin(1, 10, fmt::format("app/{}", i)));
  pair.one.data_plane.clear();
  pair.one.room = 100;
  pair.one.sharing->begin_data_plane();
  CHECK(pair.one.data_plane.size() == 100);
  pair.one.room = 1'000;
  pair.one.sharing->feed_data_plane();
  CHECK(pair.one.data_plane.size() == 100 + Sharing::kAtOnce);
  while (pair.one.data_plane.size() < 600) pair.loop.run_once();
}

TEST_CASE("Many settings go in parts, the next when the last was taken") {
  Pair pair;
  for (std::uint64_t i = 0; i < 1'234; ++i)
    pair.one.sharing->hear(admin(1, 10, fmt::format("app/{}", i)));
  pair.is_cut = false;
  pair.one.sharing->begin("lb2");
  pair.two.sharing->begin("lb1");
  CHECK(pair.one.parts == 1);
  CHECK_FALSE(pair.one.sharing->is_in_step("lb2"));
  CHECK(pair.one.sharing->lag("lb2") >= Duration::zero());
  pair.one.sharing->hear(admin(0, 11, "app/7"));
  CHECK(pair.one.parts == 1);
  pair.deliver();
  CHECK(pair.one.longest == peer::kSettingsMax);
  CHECK(pair.two.settings.count(ServerSettings::Table::kAdmin) == 1'234);
  CHECK(pair.two.value(What::kAdmin, "app/7") == 0);
  CHECK(pair.one.sharing->is_in_step("lb2"));
  CHECK(pair.one.sharing->lag("lb2") == Duration::zero());
}

TEST_CASE("A part that was lost with its connection is told again") {
  Pair pair;
  pair.connect();
  pair.one.sharing->hear(admin(1, 10));
  pair.cut();
  CHECK_FALSE(pair.two.data_plane.contains({What::kAdmin, "app/web1"}));
  pair.connect();
  CHECK(pair.two.value(What::kAdmin, "app/web1") == 1);
  CHECK(pair.one.sharing->resyncs("lb2") == 2);
}

TEST_CASE("A node that takes nothing is waited for without end or heap") {
  Pair pair;
  pair.is_cut = false;
  pair.one.sharing->begin("lb2");
  for (std::uint16_t i = 1; i <= 1'000; ++i) pair.one.sharing->hear(admin(i % 3, i));
  CHECK(pair.one.parts == 1);
  CHECK_FALSE(pair.one.sharing->is_in_step("lb2"));
  pair.one.sharing->hear("lb2", peer::SettingsTaken{.number = 77});  // of another connection
  CHECK(pair.one.parts == 1);
}

TEST_CASE("Each node tells its events, those of before too, and not those it was told") {
  Pair pair;
  for (int i = 0; i < 150; ++i) pair.one.events.add("main", fmt::format("early {}", i));
  pair.connect();
  CHECK(pair.two.events.of_all_nodes().size() == peer::kEventsMax);
  pair.two.events.add("", "there");
  pair.deliver();
  pair.cut();
  pair.connect();
  CHECK(pair.one.events.of_all_nodes().size() == 151);
  CHECK(pair.two.events.of_all_nodes().size() == peer::kEventsMax + 1);
  CHECK(pair.two.events.of_all_nodes().front().node == "lb1");
}

TEST_CASE("What operators set at about the same time is one event, on every node") {
  Pair pair;
  pair.connect();
  for (std::uint64_t i = 10; i < 22; ++i)
    pair.one.sharing->hear(admin(1, i, fmt::format("app/{}", i)));
  pair.one.sharing->hear({What::kHealth, 0, 10, "app/10"});
  while (pair.one.events.events().empty()) pair.loop.run_once();
  pair.deliver();
  REQUIRE(pair.two.events.of_all_nodes().size() == 1);
  CHECK(pair.two.events.of_all_nodes().front().words ==
        "set by an operator: app/10 drain, app/11 drain, app/12 drain, app/13 drain, app/14 drain, "
        "app/15 drain, app/16 drain, app/17 drain, app/18 drain, app/19 drain and 2 more");
}

}  // namespace tandem::failover
