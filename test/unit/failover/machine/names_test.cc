#include "failover/machine/machine.h"

#include <catch2/catch.hpp>

#include <set>

namespace tandem::failover::machine {
namespace {

TEST_CASE("each role and each reason has a name of its own") {
  std::set<std::string_view> names;
  for (const Role role : {Role::kInitialize, Role::kBackup, Role::kActive})
    CHECK(names.insert(role_name(role)).second);
  std::set<std::string_view> reasons;
  for (int i = 0; i <= static_cast<int>(Reason::kStopped); ++i)
    CHECK(reasons.insert(reason_name(static_cast<Reason>(i))).second);
  CHECK_FALSE(names.contains(""));
  CHECK_FALSE(reasons.contains(""));
}

}  // namespace
}  // namespace tandem::failover::machine
