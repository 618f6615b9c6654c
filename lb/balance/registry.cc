#include "lb/balance/registry.h"

#include "lb/balance/policies.h"

#include <algorithm>
#include <array>

namespace tandem::lb::balance {
namespace {

constexpr std::array<PolicyRow, 9> kTable = {{
    {"roundrobin", make_roundrobin, KeyNeed::kNone, WeightUse::kFollowed,
     "each in turn, by weight, evenly spaced"},
    {"static-rr", make_static_rr, KeyNeed::kNone, WeightUse::kFixed,
     "each in turn, by the weights of the configuration"},
    {"leastconn", make_leastconn, KeyNeed::kNone, WeightUse::kFollowed,
     "the fewest running requests by weight"},
    {"first", make_first, KeyNeed::kNone, WeightUse::kIgnored, "the first that has room"},
    {"random", make_random, KeyNeed::kNone, WeightUse::kFollowed,
     "the least loaded of a few drawn by weight"},
    {"source", make_consistent_hash, KeyNeed::kSource, WeightUse::kFollowed,
     "always the same for the same client address"},
    {"uri", make_consistent_hash, KeyNeed::kUri, WeightUse::kFollowed,
     "always the same for the same path"},
    {"hash", make_consistent_hash, KeyNeed::kConfigured, WeightUse::kFollowed,
     "always the same for the same header, cookie or parameter"},
    {"ewma", make_ewma, KeyNeed::kNone, WeightUse::kFollowed,
     "the faster and less loaded of two drawn by weight"},
}};

}  // namespace

std::span<const PolicyRow> policy_table() noexcept { return kTable; }

const PolicyRow* find_policy(std::string_view name) noexcept {
  const auto* row = std::ranges::find(kTable, name, &PolicyRow::name);
  return row == kTable.end() ? nullptr : row;
}

Result<std::unique_ptr<Policy>> make_policy(const config::Balance& balance, std::uint64_t seed) {
  const PolicyRow* row = find_policy(balance.policy);
  if (row == nullptr) return fail("no balancing policy is called \"" + balance.policy + "\"");
  return row->make(balance, seed);
}

}  // namespace tandem::lb::balance
