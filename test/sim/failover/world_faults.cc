#include "test/sim/failover/world.h"

#include <algorithm>
#include <functional>

namespace tandem::failover::machine {

// ---- what befalls a node -----------------------------------------------------------------------

void World::start(std::uint32_t node) {
  disturb("start", node);
  SimNode& there = nodes_[node];
  Instant advertised_at{};
  if (!there.is_running) {
    const std::uint8_t right = there.state.right != 0 ? there.state.right : plan_.priorities[node];
    if (there.holds_address) advertised_at = left_at_[node];
    there = {.is_running = true, .holds_address = there.holds_address, .life = there.life + 1};
    oracles_.note_birth(node);
    tell(node, {.what = What::kRight, .priority = right});
  }
  tell(node, {.what = What::kStarted, .until = advertised_at});
}

void World::end_process(std::uint32_t node) {
  SimNode& there = nodes_[node];
  // What it had yet to do and to say stays undone.
  if (there.slow_actions != 0 && is_another_active(node)) is_announcement_owed_ = false;
  const bool holds_address = there.holds_address;
  there = SimNode{.holds_address = holds_address, .life = there.life + 1};
  queues_[node].clear();
}

void World::lose_power(std::uint32_t node) {
  disturb("lose power", node);
  if (is_another_active(node)) is_announcement_owed_ = false;
  end_process(node);
  nodes_[node].holds_address = false;
}

void World::kill_daemon(std::uint32_t node) {
  disturb("kill daemon", node);
  const bool was_active = nodes_[node].state.role == Role::kActive;
  end_process(node);
  nodes_[node].holds_address = false;
  if (!was_active) return;
  send_advert(node, kPriorityFarewell);
  say_on_link(node, What::kLetGo, 0);
}

void World::exit_in_place(std::uint32_t node) {
  disturb("exit in place", node);
  if (is_another_active(node)) is_announcement_owed_ = false;
  left_at_[node] = nodes_[node].last_advert;
  nodes_[node].holds_address = nodes_[node].state.role == Role::kActive;
  const std::uint8_t right = nodes_[node].state.right;
  end_process(node);
  nodes_[node].state.right = right;  // the next process finds the same
}

void World::freeze(std::uint32_t node, Duration length) {
  if (!nodes_[node].is_running || nodes_[node].is_frozen) return;
  disturb("freeze", node);
  nodes_[node].is_frozen = true;
  schedule({.at = now_ + length,
            .what = What::kThaw,
            .to = static_cast<std::uint8_t>(node),
            .life = nodes_[node].life});
}

/// A process that runs again sees its timers first or its sockets first, and reads one socket
/// after the other: adverts and the peer's words lose their common order.
void World::thaw(std::uint32_t node) {
  if (!nodes_[node].is_frozen) return;
  disturb("thaw", node);
  nodes_[node].is_frozen = false;
  std::vector<Event> queue;
  queue.swap(queues_[node]);
  const auto is_advert = [](const Event& event) { return event.what == What::kAdvert; };
  if (random_.below(2) == 0)
    std::ranges::stable_partition(queue, is_advert);
  else
    std::ranges::stable_partition(queue, std::not_fn(is_advert));
  if (random_.below(2) == 0) step_node(node, Tick{});
  for (const Event& event : queue) read(node, event);
  queue.clear();
  queues_[node].swap(queue);
}

void World::set_right(std::uint32_t node, std::uint8_t right) {
  disturb("right", node);
  tell(node, {.what = What::kRight, .priority = right});
}

void World::claim(std::uint32_t node, Instant until) {
  disturb("claim", node);
  tell(node, {.what = What::kClaim, .until = until});
}

// ---- what befalls the network ------------------------------------------------------------------

void World::cut_adverts(std::uint32_t from, std::uint32_t to, bool is_cut) {
  disturb(is_cut ? "cut from" : "heal from", from);
  is_cut_[from][to] = is_cut;
  oracles_.set_adverts_cut(is_any_cut());
}

void World::cut_all_adverts(bool is_cut) {
  for (std::uint32_t from = 0; from < plan_.nodes; ++from)
    for (std::uint32_t to = 0; to < plan_.nodes; ++to) cut_adverts(from, to, is_cut);
}

void World::cut_link(bool is_cut) {
  disturb(is_cut ? "cut link" : "heal link", 0);
  is_link_cut_ = is_cut;
}

bool World::is_any_cut() const noexcept {
  return std::ranges::any_of(
      is_cut_, [](const auto& row) { return std::ranges::any_of(row, std::identity{}); });
}

void World::heal() {
  cut_all_adverts(false);
  cut_link(false);
  weather_ = {};
  for (std::uint32_t i = 0; i < plan_.nodes; ++i) {
    thaw(i);
    start(i);
  }
}

void World::disturb(const char* what, std::uint32_t node) {
  oracles_.note_disturbance(now_);
  if (trace_ != nullptr) trace_event(what, node);
}

}  // namespace tandem::failover::machine
