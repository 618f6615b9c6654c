// One maker for each policy; the classes live hidden in the files of the same name. Only
// registry.cc calls these: everyone else asks make_policy(). Each returned policy belongs to one
// worker.
#pragma once

#include "lb/balance/policy.h"
#include "lb/config/snapshot.h"

#include <cstdint>
#include <memory>

namespace tandem::lb::balance {

[[nodiscard]] std::unique_ptr<Policy> make_roundrobin(const config::Balance&, std::uint64_t seed);
[[nodiscard]] std::unique_ptr<Policy> make_static_rr(const config::Balance&, std::uint64_t seed);
[[nodiscard]] std::unique_ptr<Policy> make_leastconn(const config::Balance&, std::uint64_t seed);
[[nodiscard]] std::unique_ptr<Policy> make_first(const config::Balance&, std::uint64_t seed);
[[nodiscard]] std::unique_ptr<Policy> make_random(const config::Balance&, std::uint64_t seed);
/// Serves the rows source, uri and hash: they differ in what the caller hashes, not in the choice.
[[nodiscard]] std::unique_ptr<Policy> make_consistent_hash(const config::Balance&,
                                                           std::uint64_t seed);
[[nodiscard]] std::unique_ptr<Policy> make_ewma(const config::Balance&, std::uint64_t seed);

}  // namespace tandem::lb::balance
