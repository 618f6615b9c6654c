#include "failover/server_settings.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

namespace tandem::failover {
namespace {

using pulse::ServerSetting;
using What = ServerSetting::What;
using Reader = ServerSettings::Reader;
using Table = ServerSettings::Table;

ServerSetting admin(std::uint16_t value, std::uint64_t stamp, std::string server = "app/web1") {
  return {.what = What::kAdmin, .value = value, .stamp = stamp, .server = std::move(server)};
}

ServerSetting health(std::uint16_t value, std::uint64_t stamp, std::string server = "app/web1") {
  return {.what = What::kHealth, .value = value, .stamp = stamp, .server = std::move(server)};
}

std::vector<ServerSetting> all(const ServerSettings& settings, Reader reader) {
  std::uint64_t version = 0;
  return settings.changes(reader, version, ServerSettings::kServersMax);
}

}  // namespace

TEST_CASE("Of two settings of one thing the later counts, and of two as late the greater value") {
  struct Row {
    ServerSetting first, second, kept;
  };
  const auto row = GENERATE(Row{admin(1, 10), admin(0, 11), admin(0, 11)},
                            Row{admin(0, 10), admin(2, 10), admin(2, 10)},
                            Row{admin(1, 10), admin(1, 10), admin(1, 10)});
  ServerSettings one;
  CHECK(one.take_from_data_plane(row.first));
  CHECK(one.take_from_peer("lb2", row.second) == (row.first != row.second));
  CHECK(all(one, Reader::kPeer) == std::vector{row.kept});
  ServerSettings other;
  CHECK(other.take_from_peer("lb1", row.second));
  CHECK_FALSE(other.take_from_data_plane(row.first));
  CHECK(all(other, Reader::kDataPlane) == std::vector{row.kept});
}

TEST_CASE("Nodes that hear the same in any order end with the same") {
  std::vector<ServerSetting> said;
  for (std::uint16_t i = 0; i < 5; ++i)
    said.push_back(admin(i % 3, 10 + i / 2, i % 2 == 0 ? "app/a" : "app/b"));
  std::vector<std::size_t> order{0, 1, 2, 3, 4};
  std::vector<std::vector<ServerSetting>> ends;
  do {
    ServerSettings settings;
    for (const std::size_t i : order) settings.take_from_peer(i % 2 == 0 ? "lb2" : "lb3", said[i]);
    ends.push_back(settings.list(Table::kAdmin, 10));
  } while (std::ranges::next_permutation(order).found);
  CHECK(ends.size() == 120);
  CHECK(std::ranges::adjacent_find(ends, std::not_equal_to()) == ends.end());
  CHECK(ends.front().size() == 2);
}

TEST_CASE("What is as configured was set by nobody") {
  ServerSettings settings;
  CHECK_FALSE(settings.take_from_data_plane(admin(2, 0)));
  CHECK(settings.count(Table::kAdmin) == 0);
  CHECK(settings.refused() == 0);
}

TEST_CASE("The data plane is told of the other nodes' health, and they of ours") {
  ServerSettings settings;
  settings.take_from_data_plane(health(0, 5));
  settings.take_from_peer("lb2", health(1, 4));
  settings.take_from_data_plane(admin(1, 6));
  CHECK(all(settings, Reader::kPeer) == std::vector{health(0, 5), admin(1, 6)});
  CHECK(all(settings, Reader::kDataPlane) == std::vector{health(1, 4), admin(1, 6)});
  CHECK(settings.count(Table::kHealth) == 1);
  CHECK(settings.count(Table::kPeerHealth) == 1);
}

TEST_CASE("Health of who begins anew counts, whatever the clock was before") {
  ServerSettings settings;
  settings.begin_peer("lb2");
  CHECK(settings.take_from_peer("lb2", health(0, 1'000)));
  CHECK_FALSE(settings.take_from_peer("lb2", health(1, 10)));
  settings.begin_peer("lb2");
  CHECK(settings.take_from_peer("lb2", health(1, 10)));
  CHECK_FALSE(settings.take_from_peer("lb2", health(0, 9)));
  settings.begin_data_plane();
  CHECK(settings.take_from_data_plane(health(0, 1'000)));
  settings.begin_data_plane();
  CHECK_FALSE(settings.take_from_data_plane(health(0, 1'000)));  // nothing new
  CHECK(settings.take_from_data_plane(admin(1, 1'000)));
  settings.begin_data_plane();
  CHECK_FALSE(settings.take_from_data_plane(admin(0, 10)));  // not so what operators have set
}

TEST_CASE("A reader is told each change once, in order, and no more than it asks for") {
  ServerSettings settings;
  for (std::uint64_t i = 1; i <= 5; ++i)
    settings.take_from_data_plane(admin(1, i, fmt::format("app/{}", i)));
  std::uint64_t version = 0;
  CHECK(settings.changes(Reader::kPeer, version, 3).size() == 3);
  settings.take_from_data_plane(admin(0, 9, "app/1"));
  settings.take_from_data_plane(admin(0, 10, "app/5"));
  const auto rest = settings.changes(Reader::kPeer, version, 10);
  CHECK(rest == std::vector{admin(1, 4, "app/4"), admin(0, 9, "app/1"), admin(0, 10, "app/5")});
  CHECK(version == settings.version(Reader::kPeer));
  CHECK(settings.changes(Reader::kPeer, version, 10).empty());
}

TEST_CASE("What cannot be is refused and counted") {
  const auto setting = GENERATE(
      admin(3, 1), health(2, 1), ServerSetting{What::kWeight, 257, 1, "app/web1"}, admin(1, 1, ""),
      admin(1, 1, std::string(pulse::kServerNameBytesMax + 1, 'a')), admin(1, 1, "app/two words"),
      admin(1, 1, "app/\n"), admin(1, ServerSettings::kStampMax + 1));
  ServerSettings settings;
  CHECK_FALSE(settings.take_from_peer("lb2", setting));
  CHECK(settings.refused() == 1);
  CHECK(settings.version(Reader::kDataPlane) == 0);
}

TEST_CASE("Each table is bounded; what is in it can still change") {
  ServerSettings settings;
  for (std::size_t i = 0; i < ServerSettings::kServersMax; ++i)
    settings.take_from_data_plane(admin(1, 1, fmt::format("app/{}", i)));
  CHECK(settings.refused() == 0);
  CHECK_FALSE(settings.take_from_data_plane(admin(1, 2, "app/more")));
  CHECK(settings.refused() == 1);
  CHECK(settings.take_from_data_plane(admin(0, 2, "app/7")));
  CHECK(settings.take_from_data_plane(health(0, 2, "app/more")));
  CHECK(settings.count(Table::kAdmin) == ServerSettings::kServersMax);
}

TEST_CASE("Settings are told in words") {
  CHECK(words_of(admin(0, 1)) == "app/web1 ready");
  CHECK(words_of(admin(1, 1)) == "app/web1 drain");
  CHECK(words_of(admin(2, 1)) == "app/web1 maint");
  CHECK(words_of({What::kWeight, 50, 1, "app/web1"}) == "app/web1 weight 50");
  CHECK(words_of(health(0, 1)) == "app/web1 down");
  CHECK(words_of(health(1, 1)) == "app/web1 up");
}

}  // namespace tandem::failover
