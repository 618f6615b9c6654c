#include "lb/upstream/server_state.h"

#include <fmt/format.h>

namespace tandem::lb::upstream {
namespace {

constexpr unsigned kMaintBits = kForcedMaint | kInheritedMaint | kConfigMaint | kResolutionMaint;
constexpr unsigned kDrainBits = kForcedDrain | kInheritedDrain;

bool is_up(const health::ServerHealth& health) noexcept {
  return health.state() == health::State::kUp || health.state() == health::State::kStopping;
}

/// Checks are made, and say something about the state.
bool checks_count(const health::ServerHealth& health) noexcept {
  return health.is_checked && health.is_enabled;
}

/// "UP" or "UP 1/3": the word, with the progress towards losing it.
std::string with_progress(std::string_view word, const health::Verdict& verdict,
                          std::uint32_t out_of) {
  return fmt::format("{} {}/{}", word, verdict.progress(), out_of);
}

std::string text_while_up(const ServerState& state, const health::ServerHealth& health) {
  const bool drains = state.admin_state() == AdminState::kDrain;
  const bool stops = health.state() == health::State::kStopping;
  const std::string_view word = drains ? "DRAIN" : stops ? "NOLB" : "UP";
  if (drains && !stops && health.agent.counts()) return "DRAIN (agent)";
  if (!checks_count(health)) return drains || stops ? std::string(word) : "no check";
  const health::Verdict& verdict = health.verdict;
  return verdict.is_changing() ? with_progress(word, verdict, verdict.fall()) : std::string(word);
}

std::string text_while_down(const health::ServerHealth& health) {
  if (health.agent.counts() && !health.agent.is_up) return "DOWN (agent)";
  const health::Verdict& verdict = health.verdict;
  if (!checks_count(health) || verdict.health() == 0) return "DOWN";
  if (verdict.is_usable()) return "DOWN";  // an agent said so that is asked no more
  return with_progress("DOWN", verdict, verdict.rise());
}

}  // namespace

AdminState ServerState::admin_state() const noexcept {
  if ((admin & kMaintBits) != 0) return AdminState::kMaint;
  if ((admin & kDrainBits) != 0) return AdminState::kDrain;
  return AdminState::kReady;
}

Duration ServerState::downtime_at(Instant now) const noexcept {
  return is_out ? downtime + (now - out_since) : downtime;
}

std::uint32_t effective_weight(const ServerState& state, Instant now) noexcept {
  const balance::SlowStart ramp = state.is_ramping ? state.ramp : balance::SlowStart{};
  return balance::effective_weight(state.weight, ramp, now);
}

std::optional<std::uint32_t> throttle_percent(const ServerState& state, Instant now) noexcept {
  if (!state.is_ramping || state.weight == 0 || state.admin_state() != AdminState::kReady)
    return std::nullopt;
  return balance::throttle_percent(state.ramp, now);
}

balance::ServerState balance_state(const ServerState& state,
                                   const health::ServerHealth& health) noexcept {
  if (state.admin_state() == AdminState::kMaint) return balance::ServerState::kMaint;
  if (!is_up(health)) return balance::ServerState::kDown;
  if (state.admin_state() == AdminState::kDrain || health.state() == health::State::kStopping)
    return balance::ServerState::kDrain;
  return balance::ServerState::kUp;
}

OperationalState operational_state(const ServerState& state,
                                   const health::ServerHealth& health) noexcept {
  if (state.admin_state() == AdminState::kMaint || !is_up(health))
    return OperationalState::kStopped;
  if (health.state() == health::State::kStopping) return OperationalState::kStopping;
  return state.is_ramping ? OperationalState::kStarting : OperationalState::kRunning;
}

std::string status_text(const ServerState& state, const health::ServerHealth& health) {
  if ((state.admin & kResolutionMaint) != 0) return "MAINT (resolution)";
  if (state.admin_state() == AdminState::kMaint) return "MAINT";
  return is_up(health) ? text_while_up(state, health) : text_while_down(health);
}

}  // namespace tandem::lb::upstream
