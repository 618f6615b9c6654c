// ArpSettings: how the kernel deals with questions on an interface of a node that may keep an
// address on `lo`: arp_ignore 1 (it answers for addresses of that interface alone) and arp_announce
// 2 (its own questions never name an address of another network as their sender). Without the
// second, the first question that the old node asks after a move takes the address back.
//
// By rtnetlink, not by /proc/sys, which many a container and service has read-only. IPv6 has no
// such settings and needs none.
#pragma once

#include "common/result.h"
#include "failover/system/netlink.h"

#include <cstdint>
#include <optional>
#include <string>

namespace tandem::failover::system {

/// Of one interface, for all virtual routers on it. Destroying it leaves everything as it is, for a
/// successor, who then finds the raised values and takes them for the operator's. Thread: one;
/// calls block as NetlinkSocket's do.
class ArpSettings {
 public:
  struct Values {
    std::uint32_t ignore = 0;
    std::uint32_t announce = 0;

    friend bool operator==(const Values&, const Values&) = default;
  };

  explicit ArpSettings(std::string interface);

  /// What the interface has of its own; the kernel acts on the larger of it and of "all".
  [[nodiscard]] static Result<Values> read(const std::string& interface);

  /// Raises what is less; stricter values of the operator's stay. To be called again when the
  /// interface has come back. Errors: no such interface, not allowed.
  [[nodiscard]] Result<void> apply();
  /// Puts back what apply() has changed, unless somebody else has changed it since. Nothing before
  /// apply(), or if the interface has gone.
  [[nodiscard]] Result<void> restore();

 private:
  std::string interface_;
  std::optional<Values> before_;
  Values applied_;
};

}  // namespace tandem::failover::system
