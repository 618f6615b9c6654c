#include "failover/wire/refusal.h"

#include <catch2/catch.hpp>

#include <set>
#include <string_view>

namespace tandem::failover::wire {
namespace {

TEST_CASE("Every reason has a name of its own that can be a metric label") {
  std::set<std::string_view> names;
  for (const Refusal refusal : all_refusals()) {
    const std::string_view name = refusal_name(refusal);
    INFO(name);
    CHECK(name != "unknown");
    CHECK(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string_view::npos);
    CHECK(names.insert(name).second);
  }
  CHECK(names.size() == kRefusalCount);
}

}  // namespace
}  // namespace tandem::failover::wire
