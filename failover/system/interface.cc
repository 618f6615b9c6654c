#include "failover/system/interface.h"

#include "common/log.h"

#include <fmt/format.h>

#include <cerrno>
#include <utility>

namespace tandem::failover::system {

Interface::Interface(RouteMonitor& monitor, RouteSocket& route, std::string name)
    : monitor_(monitor), route_(route), name_(std::move(name)) {
  look_up();
  monitor_.join(*this);
}

Interface::~Interface() { monitor_.leave(*this); }

bool Interface::is_usable() const noexcept { return link_ && link_->is_up && link_->has_carrier; }

std::string Interface::words() const {
  if (!link_) return fmt::format("there is no interface {}", name_);
  if (!link_->is_up) return fmt::format("{} is down", name_);
  return fmt::format("{} {}", name_, link_->has_carrier ? "is up" : "has no carrier");
}

void Interface::on_link(const InterfaceState& link, bool is_gone) {
  const bool is_ours = link_ && link_->index == link.index;
  if (is_gone || link.name != name_) {
    // Gone, or it bears another name now.
    if (is_ours) become(std::nullopt);
    return;
  }
  become(link);
}

void Interface::on_lost_track() { look_up(); }

void Interface::look_up() {
  auto found = route_.link(name_);
  if (found) {
    become(*std::move(found));
  } else if (found.error().number == ENODEV) {
    become(std::nullopt);
  } else {
    log::warning("cannot read the state of interface {}: {}", name_, found.error().words);
  }
}

void Interface::become(std::optional<InterfaceState> link) {
  if (link == link_) return;
  const auto before = std::exchange(link_, std::move(link));
  if (on_change_) on_change_(before);
}

}  // namespace tandem::failover::system
