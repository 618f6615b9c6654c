// Prober: makes one check of one server, without waiting for it. The interface between the checker
// and the kinds of checks; see probes.h for the table of kinds.
#pragma once

#include "common/address.h"
#include "common/time.h"
#include "lb/config/snapshot.h"
#include "lb/health/result.h"
#include "lb/tls/client_context.h"

#include <functional>
#include <memory>
#include <string_view>

namespace tandem::lb::health {

/// What to check. `check` must live as long as the probe.
struct ProbeTarget {
  SocketAddress address;
  const config::Check* check;
  Milliseconds timeout;  // for the whole check, connecting included
  /// The PROXY header it begins with: one that says nothing of addresses.
  config::SendProxy send_proxy = config::SendProxy::kNone;
  /// Then TLS; nullptr: plain, which a check of the type "tls" never is.
  std::shared_ptr<const tls::ClientContext> tls = nullptr;
  /// What must be agreed on there by ALPN; empty: nothing is asked.
  std::string_view protocol = {};
};

using ProbeDone = std::move_only_function<void(Result)>;

/// A check under way. Destroying it gives it up: nothing is called any more.
class Probe {
 public:
  virtual ~Probe() = default;
};

/// Thread: the control loop's.
class Prober {
 public:
  virtual ~Prober() = default;

  /// Starts a check. `done` is called once, in a later turn of the loop, never from within start();
  /// it may destroy the probe. Never null.
  [[nodiscard]] virtual std::unique_ptr<Probe> start(const ProbeTarget& target, ProbeDone done) = 0;
};

}  // namespace tandem::lb::health
