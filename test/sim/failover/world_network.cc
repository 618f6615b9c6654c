#include "test/sim/failover/world.h"
#include "test/unit/failover/machine/describe.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace tandem::failover::machine {

void World::send_advert(std::uint32_t node, std::uint8_t priority) {
  for (std::uint32_t to = 0; to < plan_.nodes; ++to)
    if (to != node) send_one(node, to, priority);
}

void World::send_one(std::uint32_t from, std::uint32_t to, std::uint8_t priority) {
  Event event{.at = now_ + draw(random_, Duration(0), plan_.delay_most),
              .what = What::kAdvert,
              .to = static_cast<std::uint8_t>(to),
              .from = static_cast<std::uint8_t>(from),
              .priority = priority};
  if (is_cut_[from][to] || random_.below(100) < weather_.lost) {
    if (nodes_[from].state.role != Role::kActive) is_announcement_owed_ = false;
    oracles_.note_bad_network(now_);
    return;
  }
  // One wire keeps the order of what is sent on it, unless it is not one wire.
  event.at = wire_busy_until_[from][to] = std::max(wire_busy_until_[from][to], event.at);
  if (random_.below(100) < weather_.late)
    event.at += draw(random_, Duration(0), weather_.late_most);
  if (random_.below(100) < weather_.doubled) {
    Event copy = event;
    copy.at += draw(random_, Duration(0), weather_.late_most);
    oracles_.note_bad_network(copy.at);
    schedule(copy);
  }
  if (weather_.late != 0) oracles_.note_bad_network(event.at);
  schedule(event);
}

void World::say_on_link(std::uint32_t from, What what, std::uint8_t priority) {
  if (!plan_.has_link || is_link_cut_) return;
  Instant at = now_ + draw(random_, Duration(0), plan_.delay_most);
  if (random_.below(100) < weather_.late) at += draw(random_, Duration(0), weather_.late_most);
  link_busy_until_[from] = std::max(link_busy_until_[from], at);
  schedule({.at = link_busy_until_[from],
            .what = what,
            .to = static_cast<std::uint8_t>(1 - from),
            .from = static_cast<std::uint8_t>(from),
            .priority = priority});
}

void World::announce(std::uint32_t node) {
  announced_ = node;
  if (nodes_[node].state.role == Role::kActive) is_announcement_owed_ = true;
}

// ---- the trace ---------------------------------------------------------------------------------

void World::trace_event(const char* what, std::uint32_t node) {
  fmt::format_to(std::back_inserter(*trace_), "{:>14} ns  node {}  -- {}\n",
                 (now_ - Instant(std::chrono::hours(1))).count(), node, what);
}

void World::trace_step(std::uint32_t node, const Input& input, const Step& result) {
  const State& state = result.state;
  fmt::format_to(std::back_inserter(*trace_), "{:>14} ns  node {}  {:<28} {} right {} due in {} ns",
                 (now_ - Instant(std::chrono::hours(1))).count(), node, describe(input),
                 role_name(state.role), state.right,
                 state.deadline == Instant::max() ? -1 : (state.deadline - now_).count());
  if (!result.actions.empty())
    fmt::format_to(std::back_inserter(*trace_), "  => {}", describe(result.actions));
  trace_->push_back('\n');
}

}  // namespace tandem::failover::machine
