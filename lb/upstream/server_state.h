// ServerState: what operators and the configuration have made of one server, and what follows from
// it together with its health: may it get requests, what word does show stat have for it. Pure
// values; the fleet owns and changes them. Thread: control.
#pragma once

#include "common/address.h"
#include "common/time.h"
#include "lb/balance/eligibility.h"
#include "lb/balance/slowstart.h"
#include "lb/config/snapshot.h"
#include "lb/health/checker.h"

#include <cstdint>
#include <optional>
#include <string>

namespace tandem::lb::upstream {

/// Why a server is in maintenance or drain: srv_admin_state of show servers state, HAProxy's bits.
enum AdminBit : std::uint8_t {
  kForcedMaint = 1,
  kInheritedMaint = 2,
  kConfigMaint = 4,
  kForcedDrain = 8,
  kInheritedDrain = 16,
  kResolutionMaint = 32,
};

/// What an operator can ask for.
enum class AdminState : std::uint8_t { kReady, kDrain, kMaint };

/// srv_op_state of show servers state.
enum class OperationalState : std::uint8_t { kStopped, kStarting, kRunning, kStopping };

struct ServerState {
  const config::Server* config = nullptr;
  std::uint8_t admin = 0;            // AdminBit
  std::uint16_t weight = 1;          // user weight (uweight); 0: gets nothing new
  std::uint16_t initial_weight = 1;  // as configured (iweight)
  std::uint32_t maxconn = 0;         // 0: no limit
  SocketAddress address;
  balance::SlowStart ramp;  // meaningful while `is_ramping`
  bool is_ramping = false;
  std::uint32_t shutdowns = 0;  // see ServerStanding
  bool is_out = false;          // down or in maintenance, and not up since
  Instant out_since{};
  Instant last_change{};  // lastchg: of health or administrative state
  Duration downtime{};    // completed spells of being out

  [[nodiscard]] AdminState admin_state() const noexcept;
  /// Time spent down or in maintenance, the present spell included.
  [[nodiscard]] Duration downtime_at(Instant now) const noexcept;
};

/// Effective weight in 1/16 units.
[[nodiscard]] std::uint32_t effective_weight(const ServerState& state, Instant now) noexcept;

/// "throttle" of show stat; nullopt outside of slow start and in drain.
[[nodiscard]] std::optional<std::uint32_t> throttle_percent(const ServerState& state,
                                                            Instant now) noexcept;

[[nodiscard]] balance::ServerState balance_state(const ServerState& state,
                                                 const health::ServerHealth& health) noexcept;

[[nodiscard]] OperationalState operational_state(const ServerState& state,
                                                 const health::ServerHealth& health) noexcept;

/// The status column: "UP", "UP 1/3", "DOWN", "DOWN 1/2", "NOLB", "DRAIN", "MAINT", "no check" …
[[nodiscard]] std::string status_text(const ServerState& state, const health::ServerHealth& health);

}  // namespace tandem::lb::upstream
