// The table of balancing policies: every name that "balance" may have, what it needs and how it is
// made. Not a place for behaviour: each policy is a file of its own. Thread: any (constant).
#pragma once

#include "common/result.h"
#include "lb/balance/policy.h"
#include "lb/config/snapshot.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace tandem::lb::balance {

/// What PickRequest::key must be a hash of (see key.h).
enum class KeyNeed : std::uint8_t {
  kNone,        // the policy ignores the key
  kSource,      // the client's address
  kUri,         // the request target
  kConfigured,  // what config::Balance::key names
};

/// What a policy makes of the weights of servers; 0 is out for all of them.
enum class WeightUse : std::uint8_t {
  kFollowed,  // shares follow the weights, changes at run time included
  kFixed,     // shares follow the weights of when a server was first usable
  kIgnored,
};

struct PolicyRow {
  std::string_view name;  // as written in the configuration and shown by "show backend"
  std::unique_ptr<Policy> (*make)(const config::Balance& balance, std::uint64_t seed);
  KeyNeed key;
  WeightUse weights;
  std::string_view description;
};

/// All rows, in the order of the documentation.
[[nodiscard]] std::span<const PolicyRow> policy_table() noexcept;

/// nullptr: no policy of this name.
[[nodiscard]] const PolicyRow* find_policy(std::string_view name) noexcept;

/// A policy for one backend and one worker; rebuild() must run before its first pick. `seed` should
/// differ between workers so that they do not march in step; the same seed gives the same picks.
/// Hashing policies do not let the seed decide where a key belongs: all workers, and both nodes of
/// a pair, agree. Error: no policy of that name.
[[nodiscard]] Result<std::unique_ptr<Policy>> make_policy(const config::Balance& balance,
                                                          std::uint64_t seed);

}  // namespace tandem::lb::balance
