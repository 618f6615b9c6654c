// A node's right to the address: its base priority, and what is tracked beside it, made into the
// effective priority and into words. Pure; does not watch anything itself.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace tandem::failover::machine {

/// Something the right depends on: the data plane, an interface, a script, a file.
struct Tracked {
  std::string name;  // as an operator knows it: "script gw", "interface eth0", "data plane"
  bool is_ok = true;
  /// 0: while it fails the node has no right at all. Negative: subtracted while it fails.
  /// Positive: added while it is well.
  int weight = 0;
  std::string why;  // of a failure: "timed out after 1s", "is hung (no turn for 212 ms)"
  /// What it adds or takes now, in place of a weight that counts whole or not at all; `why` then
  /// says what it rests on: "says -3". Nothing is said of a 0 that is well.
  std::optional<int> adds = std::nullopt;
};

struct Right {
  std::uint8_t priority = 0;  // as in RightChanged: 0, the node must not have the address
  /// The whole sum: "150", "150 - 60 (script gw failed: timed out after 1s) = 90",
  /// "none: data plane is hung (no turn for 212 ms)".
  std::string why;
};

/// Weights alone never take the right away nor make an owner: they end at 1 and 254. An owner
/// (base 255) has no weights, since the RFC gives that number a meaning of its own.
[[nodiscard]] Right effective_right(std::uint8_t base, std::span<const Tracked> tracked);

}  // namespace tandem::failover::machine
