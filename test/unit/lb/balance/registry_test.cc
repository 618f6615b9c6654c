#include "lb/balance/registry.h"

#include "config/policies.h"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

namespace tandem::lb::balance {
namespace {

std::vector<std::string> table_names() {
  std::vector<std::string> names;
  for (const PolicyRow& row : policy_table()) names.emplace_back(row.name);
  return names;
}

TEST_CASE("the policy table has the rows that the configuration allows, in the same order") {
  std::vector<std::string> allowed;
  for (const tandem::config::BalancePolicy& row : tandem::config::kBalancePolicies)
    allowed.emplace_back(row.name);
  CHECK(table_names() == allowed);
}

TEST_CASE("every row makes a policy and describes itself") {
  for (const PolicyRow& row : policy_table()) {
    INFO(row.name);
    config::Balance balance;
    balance.policy = row.name;
    CHECK(make_policy(balance, 1).value() != nullptr);
    CHECK(find_policy(row.name) == &row);
    CHECK_FALSE(row.description.empty());
  }
}

TEST_CASE("an unknown policy is an error that names it") {
  config::Balance balance;
  balance.policy = "roundrobbin";
  const auto made = make_policy(balance, 1);
  REQUIRE_FALSE(made);
  CHECK(made.error().message == "no balancing policy is called \"roundrobbin\"");
  CHECK(find_policy("") == nullptr);
}

}  // namespace
}  // namespace tandem::lb::balance
