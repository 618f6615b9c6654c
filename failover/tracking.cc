#include "failover/tracking.h"

#include <algorithm>
#include <utility>

namespace tandem::failover {

Tracking::Tracking(event::Poller& poller, system::RouteMonitor& monitor, system::RouteSocket& route,
                   const config::Track& settings, std::function<void()> on_change)
    : on_change_(std::move(on_change)) {
  if (settings.lb)
    pulse_ = std::make_unique<PulseWatch>(poller,
                                          PulseWatch::Settings{.address = settings.lb->bind,
                                                               .hang = settings.lb->hang,
                                                               .needs_ready = settings.lb->ready},
                                          on_change_);
  for (const std::string& name : settings.interfaces) {
    interfaces_.push_back(std::make_unique<system::Interface>(monitor, route, name));
    interfaces_.back()->set_on_change([this](const auto&) { on_change_(); });
  }
  for (const config::TrackScript& script : settings.scripts)
    scripts_.push_back(std::make_unique<ScriptWatch>(poller.loop(), script, on_change_));
  for (const config::TrackFile& file : settings.files)
    files_.push_back(std::make_unique<FileWatch>(poller, file, on_change_));
}

void Tracking::start() {
  if (pulse_) pulse_->start();
  for (const auto& script : scripts_) script->start();
  for (const auto& file : files_) file->start();
}

std::vector<machine::Tracked> Tracking::all() const {
  std::vector<machine::Tracked> all;
  if (pulse_) all.insert(all.end(), {pulse_->tracked(), pulse_->room()});
  for (const auto& interface : interfaces_) {
    machine::Tracked tracked{.name = "interface " + interface->name(),
                             .is_ok = interface->is_usable()};
    if (!tracked.is_ok)
      tracked.why = interface->link() ? interface->words().substr(interface->name().size() + 1)
                                      : "does not exist";
    all.push_back(std::move(tracked));
  }
  for (const auto& script : scripts_) all.push_back(script->tracked());
  for (const auto& file : files_) all.push_back(file->tracked());
  return all;
}

bool Tracking::is_known(bool with_scripts) const {
  if (pulse_ && !pulse_->is_known()) return false;
  return !with_scripts ||
         std::ranges::all_of(scripts_, [](const auto& script) { return script->is_known(); });
}

}  // namespace tandem::failover
