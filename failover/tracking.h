// Tracking: everything this node's right to its addresses hangs on: the data plane, interfaces,
// scripts, files. It watches and adds up; failover/machine/right.h says what comes of the sum.
// Thread: the loop's.
#pragma once

#include "common/event/poller.h"
#include "failover/config/settings.h"
#include "failover/file_watch.h"
#include "failover/machine/right.h"
#include "failover/pulse_watch.h"
#include "failover/script_watch.h"
#include "failover/system/interface.h"

#include <functional>
#include <memory>
#include <vector>

namespace tandem::failover {

class Tracking {
 public:
  /// `on_change`: all() has become another, or is_known() true. Everything given outlives it.
  Tracking(event::Poller& poller, system::RouteMonitor& monitor, system::RouteSocket& route,
           const config::Track& settings, std::function<void()> on_change);

  void start();

  /// Each tracked thing as it is now.
  [[nodiscard]] std::vector<machine::Tracked> all() const;
  /// Everything that can answer has. `with_scripts`: their first runs too.
  [[nodiscard]] bool is_known(bool with_scripts) const;

  /// nullptr: no data plane is watched.
  [[nodiscard]] PulseWatch* pulse() noexcept { return pulse_.get(); }
  [[nodiscard]] const std::vector<std::unique_ptr<ScriptWatch>>& scripts() const noexcept {
    return scripts_;
  }

 private:
  std::function<void()> on_change_;
  std::unique_ptr<PulseWatch> pulse_;
  std::vector<std::unique_ptr<system::Interface>> interfaces_;
  std::vector<std::unique_ptr<ScriptWatch>> scripts_;
  std::vector<std::unique_ptr<FileWatch>> files_;
};

}  // namespace tandem::failover
