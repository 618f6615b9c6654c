// Legacy: what one daemon leaves to the next, in this process (reload) or in another (USR2), so
// that addresses that are held stay held: no election.
#pragma once

#include "common/ip_address.h"
#include "common/time.h"
#include "failover/virtual_router.h"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::failover {

/// One active virtual router.
struct Heirloom {
  std::string interface;
  std::vector<IpPrefix> vips;
  Instant waits_until{};  // system::boot_now(), until when others wait for it

  friend bool operator==(const Heirloom&, const Heirloom&) = default;
};

struct Legacy {
  std::map<std::string, Heirloom> active;        // by router
  std::map<std::string, RouterFigures> figures;  // by router; not told to another process
};

/// One line, for the environment of the next process.
[[nodiscard]] std::string encode_legacy(const Legacy& legacy);
/// nullopt: no such line.
[[nodiscard]] std::optional<Legacy> decode_legacy(std::string_view text);

}  // namespace tandem::failover
