#include "test/sim/failover/world.h"

#include <algorithm>
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

// ---- time --------------------------------------------------------------------------------------

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

// ---- nodes -------------------------------------------------------------------------------------

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
    claimed_by_ = node;
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
  if (has_moved(result, Reason::kFroze) ||
      (has_moved(result, Reason::kYield) && (!is_claimed() || node == claimed_by_)))
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

// ---- events ------------------------------------------------------------------------------------

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

// ---- what can be seen --------------------------------------------------------------------------

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

}  // namespace tandem::failover::machine
