// Eligibility: which servers of a backend may get new requests. Pure: facts about each server in,
// the acting group out. Not concerned with full servers (a matter of load, seen at each pick).
#pragma once

#include "lb/balance/policy.h"

#include <cstdint>
#include <span>

namespace tandem::lb::balance {

/// What health checks and operators have made of a server, already combined.
enum class ServerState : std::uint8_t {
  kUp,
  kDown,   // by health checks or by observed errors
  kDrain,  // serves what it has; gets nothing new
  kMaint,
};

/// The facts of one server.
struct Standing {
  ServerState state = ServerState::kUp;
  std::uint32_t weight = 16;  // effective, in 1/16 of a configured unit (slowstart.h)
  bool backup = false;

  /// Able to serve new requests, should its group be the acting one.
  [[nodiscard]] bool available() const noexcept { return state == ServerState::kUp && weight > 0; }
};

/// Who is acting in a backend.
struct Acting {
  enum class Group : std::uint8_t { kNobody, kActive, kFirstBackup, kAllBackups };

  Group group = Group::kNobody;
  std::uint32_t active = 0;      // available servers that are no backups: "act" of show stat
  std::uint32_t backup = 0;      // available backups: "bck" of show stat
  ServerIndex first_backup = 0;  // the lowest available backup; meaningful if `backup` is not 0

  /// What Candidate::usable of server `i` must be.
  [[nodiscard]] bool usable(ServerIndex i, const Standing& standing) const noexcept;
};

/// Backups act only when no other server is available; then the first of them alone, or all with
/// `allbackups`. O(n), allocates nothing.
[[nodiscard]] Acting decide_acting(std::span<const Standing> servers, bool allbackups) noexcept;

}  // namespace tandem::lb::balance
