// Source: what the admin server shows, asked of the process at the moment of a request. It refers
// to the figures, the fleet and the facts only the process knows, and owns nothing.
#pragma once

#include "lb/control/context.h"
#include "lb/figures/figures.h"

#include <chrono>
#include <cstdint>
#include <string>

namespace tandem::lb::admin {

/// What control::ProcessInfo does not tell. Kept current by lb/server. Thread: control.
struct ProcessFacts {
  std::string config_hash;                // hex; label of tandem_config_info
  std::uint32_t frontends_listening = 0;  // with at least one bind that accepts
  std::uint64_t reloads_ok = 0;
  std::uint64_t reloads_failed = 0;
  bool last_reload_ok = true;
  std::chrono::system_clock::time_point last_reload_at{};  // start-up counts as the first
};

class Pair;

/// Everything the pages and the metrics are made from. The objects outlive the server. Thread:
/// control; the workers go on counting meanwhile.
struct Source {
  control::StatSource stat;  // snapshot, fleet, shared, totals
  const figures::Figures& figures;
  const control::ProcessInfo& process;
  const ProcessFacts& facts;
  const Pair* pair = nullptr;  // null: the node is not one of a pair
};

}  // namespace tandem::lb::admin
