// ControlContext: everything a runtime command may look at or change. References to objects of
// lb/server that outlive the commands. Thread: control.
#pragma once

#include "lb/config/snapshot.h"
#include "lb/control/certificate_store.h"
#include "lb/figures/captures.h"
#include "lb/figures/totals.h"
#include "lb/upstream/fleet.h"
#include "lb/upstream/shared.h"

#include <chrono>
#include <cstdint>
#include <string>

namespace tandem::lb::control {

/// Facts of the process that nothing else knows. Kept current by lb/server.
struct ProcessInfo {
  std::string version;       // of tandem, "0.1.0"
  std::string release_date;  // "2026/11/21"
  std::int64_t pid = 0;
  Instant started{};
  std::chrono::system_clock::time_point started_at{};
  std::int64_t boot_milliseconds = 0;   // from start to ready
  std::uint64_t descriptors_limit = 0;  // RLIMIT_NOFILE
  std::uint32_t listeners = 0;          // client sockets that accept
  std::uint32_t warnings = 0;           // of the configuration
  std::uint64_t log_lost = 0;           // LogWriter::lost(), lines that workers' rings had taken
  bool stopping = false;
};

/// What rows and figures are read from. Also for the admin page.
struct StatSource {
  const config::Snapshot& snapshot;
  const upstream::Fleet& fleet;
  const upstream::Shared& shared;
  const figures::Totals& totals;
  const CertificateStore& certificates;
};

struct ControlContext {
  const config::Snapshot& snapshot;
  upstream::Fleet& fleet;
  upstream::Shared& shared;
  figures::Totals& totals;
  const figures::Captures& captures;
  const ProcessInfo& process;
  CertificateStore& certificates;

  [[nodiscard]] StatSource source() const noexcept {
    return {snapshot, fleet, shared, totals, certificates};
  }
  [[nodiscard]] Instant now() const noexcept { return fleet.now(); }
};

}  // namespace tandem::lb::control
