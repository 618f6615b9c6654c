// Source: what the admin server shows, asked of the process at the moment of a request. The process
// fills in a few facts that only it knows; everything else is read from the figures and the fleet.
#pragma once

#include "common/time.h"
#include "lb/config/snapshot.h"
#include "lb/figures/figures.h"
#include "lb/upstream/shared.h"

#include <chrono>
#include <cstdint>
#include <string>

namespace tandem::lb::upstream {
class Fleet;
}

namespace tandem::lb::admin {

/// Facts of the process, kept current by lb/server. Thread: control.
struct ProcessFacts {
  std::string version;  // of tandem, "0.1.0"
  Instant started{};
  std::chrono::system_clock::time_point started_at{};
  std::string config_hash;                // hex; label of tandem_config_info
  std::uint32_t frontends_listening = 0;  // with at least one bind that accepts
  bool stopping = false;                  // soft stop has begun
  std::uint64_t reloads_ok = 0;
  std::uint64_t reloads_failed = 0;
  bool last_reload_ok = true;
  std::chrono::system_clock::time_point last_reload_at{};  // start-up counts as the first
  std::uint64_t log_lost = 0;                              // LogWriter::lost()
};

/// Everything the pages and the metrics are made from. The objects outlive the server. Thread:
/// control, except that nothing keeps the workers from counting on meanwhile.
struct Source {
  const config::Snapshot& snapshot;
  const figures::Figures& figures;
  const upstream::Shared& shared;
  const upstream::Fleet& fleet;
  const ProcessFacts& process;
};

}  // namespace tandem::lb::admin
