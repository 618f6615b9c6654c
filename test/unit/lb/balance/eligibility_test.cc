#include "lb/balance/eligibility.h"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

namespace tandem::lb::balance {
namespace {

// One letter for each server: U up, D down, R draining, M maintenance, 0 up with weight 0; small
// letters are backups (z: weight 0).
std::vector<Standing> standings(const std::string& letters) {
  std::vector<Standing> made;
  for (const char letter : letters) {
    Standing s;
    s.backup = letter >= 'a';
    switch (letter) {
      case 'D':
      case 'd':
        s.state = ServerState::kDown;
        break;
      case 'R':
      case 'r':
        s.state = ServerState::kDrain;
        break;
      case 'M':
      case 'm':
        s.state = ServerState::kMaint;
        break;
      case '0':
      case 'z':
        s.weight = 0;
        break;
      default:
        break;
    }
    made.push_back(s);
  }
  return made;
}

TEST_CASE(
    "the acting group is the active servers, else the first backup, else with allbackups all") {
  struct Row {
    std::string servers;
    bool allbackups;
    std::string usable;  // x or .
    std::uint32_t active;
    std::uint32_t backup;
  };
  const std::vector<Row> rows = {
      {"UUU", false, "xxx", 3, 0},     {"UDU", false, "x.x", 2, 0},
      {"URM0u", false, "x....", 1, 1}, {"DRM0", false, "....", 0, 0},
      {"DDuu", false, "..x.", 0, 2},   {"DDuu", true, "..xx", 0, 2},
      {"DDdu", false, "...x", 0, 1},   {"uDu", false, "x..", 0, 2},
      {"uDu", true, "x.x", 0, 2},      {"Duzrmd", true, ".x....", 0, 1},
      {"Ddzrm", true, ".....", 0, 0},  {"", false, "", 0, 0},
  };
  for (const Row& row : rows) {
    INFO(row.servers << (row.allbackups ? " allbackups" : ""));
    const std::vector<Standing> servers = standings(row.servers);
    const Acting acting = decide_acting(servers, row.allbackups);
    std::string usable;
    for (ServerIndex i = 0; i < servers.size(); ++i)
      usable += acting.usable(i, servers[i]) ? 'x' : '.';
    CHECK(usable == row.usable);
    CHECK(acting.active == row.active);
    CHECK(acting.backup == row.backup);
  }
}

TEST_CASE("the group says why nobody is usable") {
  CHECK(decide_acting(standings("DM"), true).group == Acting::Group::kNobody);
  CHECK(decide_acting(standings("Uu"), true).group == Acting::Group::kActive);
  CHECK(decide_acting(standings("Du"), true).group == Acting::Group::kAllBackups);
  CHECK(decide_acting(standings("Du"), false).group == Acting::Group::kFirstBackup);
}

}  // namespace
}  // namespace tandem::lb::balance
