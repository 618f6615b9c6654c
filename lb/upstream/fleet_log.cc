// What the fleet writes to the log when a server changes, in HAProxy's words.
#include "common/log.h"
#include "lb/health/describe.h"
#include "lb/upstream/fleet.h"

namespace tandem::lb::upstream {
namespace {

using health::Change;

Change change_to(AdminState after, AdminState before, bool is_up) {
  if (after == AdminState::kMaint) return is_up ? Change::kMaint : Change::kMaintWhileDown;
  if (after == AdminState::kDrain) return Change::kDrain;
  if (before == AdminState::kMaint) return Change::kLeavesMaint;
  return is_up ? Change::kLeavesDrain : Change::kLeavesDrainDown;
}

bool is_bad_news(Change change) {
  return change == Change::kDown || change == Change::kMaint || change == Change::kStopping ||
         change == Change::kLeavesDrainDown;
}

// Behind a line that ends with a full stop.
constexpr std::string_view kSeenElsewhere =
    " Until its first check: seen from the other node, or from here before the start.";

std::string_view remark_on(Origin origin) {
  switch (origin) {
    case Origin::kHere:
      return "";
    case Origin::kElsewhere:
      return " Set on the other node, or here before the start.";
    case Origin::kAgent:
      return " Its agent asked for it.";
  }
  return "";
}

}  // namespace

void Fleet::log_health(ServerId id, const health::ServerHealth& health) const {
  const bool is_word = health.basis == health::Basis::kWord && !health.is_by_agent;
  const std::string_view remark = is_word ? kSeenElsewhere : remark_on(origin_);
  const bool is_checked = health.is_checked || health.is_by_agent;
  const health::Result& last = health.is_by_agent ? health.agent.last : health.last;
  const health::Result* result = is_checked && !is_forcing_ && !is_word ? &last : nullptr;
  switch (health.state()) {
    case health::State::kUp:
      return log_change(id, Change::kUp, result, remark);
    case health::State::kDown:
      return log_change(id, Change::kDown, result, remark);
    case health::State::kStopping:
      return log_change(id, Change::kStopping, result, remark);
    case health::State::kStarting:
      return;  // nothing is known yet
  }
}

void Fleet::log_admin(ServerId id, AdminState before) const {
  const AdminState after = server(id).admin_state();
  const health::State state = health(id).state();
  if (before == AdminState::kMaint && state == health::State::kStarting) {
    log::notice("Server {}/{} leaves maintenance and waits for its first check.{}",
                backends_[id.backend].config->name, server(id).config->name, remark_on(origin_));
    return;
  }
  const bool is_up = state == health::State::kUp || state == health::State::kStopping;
  log_change(id, change_to(after, before, is_up), nullptr, remark_on(origin_));
}

void Fleet::log_weight(ServerId id) const {
  log::notice("Server {}/{} has weight {} now.{}", backends_[id.backend].config->name,
              server(id).config->name, server(id).weight, remark_on(origin_));
}

void Fleet::log_change(ServerId id, Change change, const health::Result* result,
                       std::string_view remark) const {
  const BackendEntry& entry = backends_[id.backend];
  const ServerShared& shared = shared_.servers[id.backend][id.server];
  std::string line = health::describe_change(
      change, {.backend = entry.config->name,
               .server = entry.servers[id.server].config->name,
               .result = result,
               .active_left = entry.state.acting.active,
               .backup_left = entry.state.acting.backup,
               .sessions = shared.load.load(std::memory_order_relaxed),
               .requeued = 0,  // who waits moves to other servers on the workers, later
               .queued = shared.queued.load(std::memory_order_relaxed)});
  line += remark;
  if (is_bad_news(change)) {
    log::warning("{}", line);
  } else {
    log::notice("{}", line);
  }
}

}  // namespace tandem::lb::upstream
