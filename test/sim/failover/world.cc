#include "test/sim/failover/world.h"

#include "test/unit/failover/machine/describe.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <variant>

namespace tandem::failover::machine {
namespace {

constexpr std::size_t kQueueMost = 512;  // messages a frozen node's sockets keep

bool has_moved(const Step& result, Reason reason) {
  return std::ranges::any_of(result.actions, [reason](const Action& action) {
    const auto* moved = std::get_if<Moved>(&action);
    return moved != nullptr && moved->reason == reason;
  });
}

}  // namespace

void World::reset(std::uint64_t seed, std::string* trace) {
  random_ = Random(seed);
  trace_ = trace;
  plan_ = Plan::of_seed(random_);
  now_ = Instant(std::chrono::hours(1)) + draw(random_, Duration(0), plan_.interval(0));
  order_ = 0;
  nodes_.fill({});
  for (auto& queue : queues_) queue.clear();
  events_.clear();
  is_cut_ = {};
  is_link_cut_ = false;
  wire_busy_until_ = {};
  link_busy_until_.fill(Instant{});
  left_at_.fill(Instant{});
  weather_ = {};
  claimed_until_ = Instant{};
  announced_ = kNodesMost;
  is_announcement_owed_ = true;
  oracles_.reset(plan_, now_);
}

// ---- time
// ----------------------------------------------------------------------------------------

void World::run_for(Duration length) {
  const Instant end = now_ + length;
  while (is_content() && run_next(end)) {
  }
}

/// The next event or timer up to `end`; false: there is none, and it is `end` now.
bool World::run_next(Instant end) {
  std::uint32_t first = plan_.nodes;
  Instant at = events_.empty() ? Instant::max() : events_.front().at;
  for (std::uint32_t i = 0; i < plan_.nodes; ++i) {
    if (!nodes_[i].is_running || nodes_[i].is_frozen || nodes_[i].wake >= at) continue;
    at = nodes_[i].wake;
    first = i;
  }
  if (at > end) {
    now_ = end;
    return false;
  }
  now_ = std::max(now_, at);
  if (first < plan_.nodes) {
    step_node(first, Tick{});
  } else {
    std::ranges::pop_heap(events_, comes_later);
    const Event event = events_.back();
    events_.pop_back();
    handle(event);
  }
  oracles_.check_world({nodes_.data(), plan_.nodes}, now_);
  return true;
}

void World::schedule(Event event) {
  event.order = ++order_;
  events_.push_back(event);
  std::ranges::push_heap(events_, comes_later);
}

// ---- nodes
// ---------------------------------------------------------------------------------------

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

void World::tell(std::uint32_t node, const Event& event) {
  if (!nodes_[node].is_running) return;
  if (event.what == What::kAdvert)
    oracles_.note_arrival(node, nodes_[node], advert_of(node, event), now_);
  if (!nodes_[node].is_frozen) return read(node, event);
  if (queues_[node].size() < kQueueMost) queues_[node].push_back(event);
}

void World::read(std::uint32_t node, const Event& event) {
  if (event.what == What::kRight || event.what == What::kYield || event.what == What::kStopped ||
      event.what == What::kClaim)
    oracles_.note_disturbance(now_);  // from when it takes effect
  step_node(node, input_of(node, event));
}

Advert World::advert_of(std::uint32_t to, const Event& event) const {
  return {.priority = event.priority,
          .interval = plan_.configs[event.from].advert_interval,
          .is_from_higher_address = event.from > to};
}

Input World::input_of(std::uint32_t node, const Event& event) const {
  switch (event.what) {
    case What::kStarted:
      return Started{event.until};
    case What::kStopped:
      return Stopped{};
    case What::kAdvert:
      return advert_of(node, event);
    case What::kRight:
      return RightChanged{event.priority};
    case What::kHolds:
      return PeerHolds{.until = now_ + plan_.holds_for(event.from),
                       .priority = event.priority,
                       .is_from_higher_address = event.from > node};
    case What::kLetGo:
      return PeerLetGo{};
    case What::kClaim:
      return Claim{event.until};
    case What::kYield:
      return Yield{};
    default:
      return Tick{};
  }
}

void World::step_node(std::uint32_t node, const Input& input) {
  SimNode& there = nodes_[node];
  const State before = there.state;
  const Step result = step(plan_.configs[node], before, now_, input);
  there.state = result.state;
  if (trace_ != nullptr) trace_step(node, input, result);
  oracles_.check_step(node, before, input, result, now_);
  note_silent_end(node, result);
  for (const Action& action : result.actions) perform(node, action);
  if (has_moved(result, Reason::kClaim)) {
    claimed_until_ = there.state.claimed_until;
    oracles_.note_claim(claimed_until_);
  }
  if (has_moved(result, Reason::kYield)) there.has_yielded = true;
  if (there.state.role == Role::kActive) there.has_yielded = false;
  const Instant deadline = there.state.deadline;
  there.wake = deadline == Instant::max()
                   ? deadline
                   : std::max(now_, deadline) + draw(random_, Duration(0), plan_.jitter_most);
}

/// One of two lets go without a word: the other cannot know that clients are to be told again. (A
/// claim ends with an announcement anyway.)
void World::note_silent_end(std::uint32_t node, const Step& result) {
  if (!is_another_active(node)) return;
  if (has_moved(result, Reason::kFroze) || (has_moved(result, Reason::kYield) && !is_claimed()))
    is_announcement_owed_ = false;
}

bool World::is_another_active(std::uint32_t node) const noexcept {
  for (std::uint32_t i = 0; i < plan_.nodes; ++i)
    if (i != node && nodes_[i].state.role == Role::kActive) return true;
  return false;
}

void World::perform(std::uint32_t node, const Action& action) {
  if (const auto* advert = std::get_if<SendAdvert>(&action)) {
    nodes_[node].last_advert = now_;
    return after_slow_actions(node, What::kSend, advert->priority);
  }
  if (std::holds_alternative<Acquire>(action)) return act_slowly(node, What::kAcquired);
  if (std::holds_alternative<Release>(action)) return act_slowly(node, What::kReleased);
  if (std::holds_alternative<Announce>(action))
    return after_slow_actions(node, What::kAnnounced, 0);
}

void World::act_slowly(std::uint32_t node, What done) {
  SimNode& there = nodes_[node];
  const Duration takes = draw(random_, Duration(0), plan_.slow_most);
  there.busy_until = std::max(now_, there.busy_until) + takes;
  ++there.slow_actions;
  const bool resigned = there.state.role == Role::kInitialize;
  Event event{.at = there.busy_until,
              .what = done,
              .to = static_cast<std::uint8_t>(node),
              .tells_peer = done == What::kReleased && (resigned || plan_.says_every_release),
              .life = there.life};
  if (there.busy_until == now_) return handle(event);
  schedule(event);
}

/// Actions are done in order: what follows a slow one waits for it.
void World::after_slow_actions(std::uint32_t node, What what, std::uint8_t priority) {
  const Event event{.at = std::max(now_, nodes_[node].busy_until),
                    .what = what,
                    .to = static_cast<std::uint8_t>(node),
                    .priority = priority,
                    .life = nodes_[node].life};
  if (event.at == now_ && nodes_[node].slow_actions == 0) return handle(event);
  schedule(event);
}

// ---- events
// --------------------------------------------------------------------------------------

void World::handle(const Event& event) {
  switch (event.what) {
    case What::kAcquired:
    case What::kReleased:
    case What::kSend:
    case What::kAnnounced:
    case What::kThaw:
      if (event.life == nodes_[event.to].life) handle_own(event);
      return;
    default:
      return tell(event.to, event);
  }
}

void World::handle_own(const Event& event) {
  SimNode& there = nodes_[event.to];
  switch (event.what) {
    case What::kAcquired:
    case What::kReleased:
      --there.slow_actions;
      there.holds_address = event.what == What::kAcquired;
      if (event.tells_peer) say_on_link(event.to, What::kLetGo, 0);
      return;
    case What::kSend:
      send_advert(event.to, event.priority);
      if (event.priority != 0) say_on_link(event.to, What::kHolds, event.priority);
      return;
    case What::kAnnounced:
      return announce(event.to);
    case What::kThaw:
      return thaw(event.to);
    default:
      return;
  }
}

// ---- network
// -------------------------------------------------------------------------------------

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

// ---- what can be seen
// ----------------------------------------------------------------------------

std::uint32_t World::count_active() const noexcept {
  return static_cast<std::uint32_t>(std::ranges::count_if(nodes_, &SimNode::is_active));
}

std::uint32_t World::count_holding() const noexcept {
  return static_cast<std::uint32_t>(std::ranges::count_if(nodes_, &SimNode::holds_address));
}

std::uint32_t World::find_active() const noexcept {
  std::uint32_t i = 0;
  while (i < plan_.nodes && !nodes_[i].is_active()) ++i;
  return i;
}

// ---- the trace
// -----------------------------------------------------------------------------------

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
