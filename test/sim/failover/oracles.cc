#include "test/sim/failover/oracles.h"

#include <algorithm>
#include <variant>

namespace tandem::failover::machine {
namespace {

template <typename T>
bool is(const Input& input) {
  return std::holds_alternative<T>(input);
}

template <typename T>
std::size_t count_of(const Step& result) {
  return static_cast<std::size_t>(std::ranges::count_if(
      result.actions, [](const Action& action) { return std::holds_alternative<T>(action); }));
}

/// What a node may be told that counts as having listened: somebody else's word about the address.
bool is_word_of_another(const Input& input) {
  return is<Advert>(input) || is<PeerLetGo>(input) || is<PeerHolds>(input);
}

/// The diagram of machine.h, arrow by arrow.
bool is_legal(Role from, Role to, Reason reason) {
  switch (reason) {
    case Reason::kStarted:
      return from == Role::kInitialize && to == Role::kBackup;
    case Reason::kAdopted:
      return from == Role::kInitialize && to == Role::kActive;
    case Reason::kOwner:
      return from != Role::kActive && to == Role::kActive;
    case Reason::kSilence:
    case Reason::kFarewell:
    case Reason::kHandedOver:
    case Reason::kPreempt:
    case Reason::kClaim:
      return from == Role::kBackup && to == Role::kActive;
    case Reason::kHigherPriority:
    case Reason::kHigherAddress:
    case Reason::kYield:
    case Reason::kFroze:
      return from == Role::kActive && to == Role::kBackup;
    case Reason::kRightLost:
    case Reason::kStopped:
      return from != Role::kInitialize && to == Role::kInitialize;
  }
  return false;
}

bool is_higher(const Input& input, std::uint8_t right) {
  if (const auto* advert = std::get_if<Advert>(&input)) return advert->priority > right;
  if (const auto* holds = std::get_if<PeerHolds>(&input)) return holds->priority > right;
  return false;
}

bool is_equal_from_higher(const Input& input, std::uint8_t right) {
  if (const auto* advert = std::get_if<Advert>(&input))
    return advert->priority == right && advert->is_from_higher_address;
  if (const auto* holds = std::get_if<PeerHolds>(&input))
    return holds->priority == right && holds->is_from_higher_address;
  return false;
}

/// Whether the input is one that leads to such a move.
bool is_cause(const Input& input, Reason reason, std::uint8_t right) {
  switch (reason) {
    case Reason::kStarted:
    case Reason::kOwner:
      return is<Started>(input) || is<RightChanged>(input);
    case Reason::kAdopted:
      return is<Started>(input);
    case Reason::kSilence:
    case Reason::kFarewell:
    case Reason::kPreempt:
      return is<Tick>(input);
    case Reason::kHandedOver:
      return is<PeerLetGo>(input);
    case Reason::kClaim:
      return is<Claim>(input);
    case Reason::kHigherPriority:
      return is_higher(input, right);
    case Reason::kHigherAddress:
      return is_equal_from_higher(input, right);
    case Reason::kYield:
      return is<Yield>(input);
    case Reason::kFroze:
      return true;
    case Reason::kRightLost:
      return is<RightChanged>(input);
    case Reason::kStopped:
      return is<Stopped>(input);
  }
  return false;
}

}  // namespace

void Oracles::reset(const Plan& plan, Instant now) {
  *this = Oracles{};
  plan_ = &plan;
  alone_since_ = covered_until_ = now;
}

void Oracles::report(const char* oracle, std::uint32_t node, Instant now) {
  if (is_content()) finding_ = {.oracle = oracle, .at = now, .node = node};
}

void Oracles::note_arrival(std::uint32_t node, const SimNode& there, const Advert& advert,
                           Instant now) {
  if (there.state.role != Role::kBackup || advert.priority == kPriorityFarewell) return;
  // A lower one is followed too where nothing is ever preempted; patience is left out, for
  // simplicity.
  if (advert.priority < there.state.right &&
      (plan_->preempts() || there.state.right == kPriorityOwner))
    return;
  watch_.at(node).follow_at = now;
  watch_.at(node).follow_for = 3 * Duration(advert.interval);
}

void Oracles::note_disturbance(Instant now) {
  covered_until_ = std::max(covered_until_, now);
  alone_since_ = std::max(alone_since_, now);
}

void Oracles::note_bad_network(Instant now) { alone_since_ = std::max(alone_since_, now); }

void Oracles::note_claim(Instant until) { claimed_until_ = std::max(claimed_until_, until); }

// ---- always: one step --------------------------------------------------------------------------

void Oracles::check_step(std::uint32_t node, const State& before, const Input& input,
                         const Step& result, Instant now) {
  const bool froze =
      before.role == Role::kActive && now - watch_.at(node).last_advert > 3 * plan_->interval(node);
  check_moves(node, before, input, result, now);
  check_actions(node, before, result, now);
  check_answer(node, before, input, result, froze, now);
  check_deadline(node, input, result.state, now);
  check_freeze(node, froze, input, result, now);
  listen(node, result.state, input, now);
}

/// Every change of role is one arrow of the diagram, said by exactly one Moved, and caused by the
/// input at hand. Only a freeze that is noticed leads to two in one step.
void Oracles::check_moves(std::uint32_t node, const State& before, const Input& input,
                          const Step& result, Instant now) {
  Role role = before.role;
  for (const Action& action : result.actions) {
    const auto* moved = std::get_if<Moved>(&action);
    if (moved == nullptr) continue;
    if (moved->from != role || !is_legal(moved->from, moved->to, moved->reason))
      report("always: only legal moves", node, now);
    check_move(node, *moved, before, input, now);
    role = moved->to;
  }
  if (role != result.state.role) report("always: a move is said", node, now);
  const bool takes_part = result.state.is_started && result.state.right != 0;
  if (takes_part != (result.state.role != Role::kInitialize))
    report("always: without a right not active, with one not idle", node, now);
}

void Oracles::check_move(std::uint32_t node, const Moved& moved, const State& before,
                         const Input& input, Instant now) {
  if (!is_cause(input, moved.reason, before.right))
    return report("always: a move has its cause", node, now);
  if (moved.reason == Reason::kAdopted &&
      now - std::get<Started>(input).advertised_at > 3 * plan_->interval(node))
    report("always: adopts only while others wait", node, now);
  if (is_quiet_) report("in a quiet network nobody moves", node, now);
  if (moved.to == Role::kActive) check_takeover(node, moved.reason, before, now);
  if (moved.to != Role::kBackup) return;
  watch_.at(node).lower_since = Instant{};
  watch_.at(node).follow_at = Instant{};
}

/// Silence is silence: no advert that is to be followed reached the node within three of its
/// intervals, read or not, unless a farewell or another right came after it. (One that came just
/// before the last look may be missed: that look may be late by an eighth of an interval.)
/// Preemption is allowed, and patient.
void Oracles::check_takeover(std::uint32_t node, Reason reason, const State& before, Instant now) {
  const Watch& watch = watch_.at(node);
  const Config& config = plan_->configs.at(node);
  if (reason == Reason::kSilence && watch.follow_at != Instant{} &&
      now - watch.follow_at < watch.follow_for &&
      now - watch.follow_at > std::max(kSecondLook, watch.follow_for / 24) + plan_->slack())
    report("always: silence only after three intervals without an advert", node, now);
  if (reason != Reason::kPreempt || before.right == kPriorityOwner) return;
  if (!config.preempt) report("always: preempts only where it may", node, now);
  if (watch.lower_since == Instant{} || now - watch.lower_since < config.preempt_delay)
    report("always: preempts only after preempt_delay", node, now);
}

/// Acquire and Release take turns and end as the role says; who takes an address tells the network.
void Oracles::check_actions(std::uint32_t node, const State& before, const Step& result,
                            Instant now) {
  bool wants = before.role == Role::kActive;
  bool has_released = false;
  bool has_announced = true;
  for (const Action& action : result.actions) {
    if (std::holds_alternative<Acquire>(action)) {
      if (wants) report("always: acquires only what it does not have", node, now);
      wants = true;
      has_announced = false;
    } else if (std::holds_alternative<Release>(action)) {
      wants = false;
      has_released = true;
    } else if (std::holds_alternative<Announce>(action)) {
      has_announced = true;
    } else if (const auto* advert = std::get_if<SendAdvert>(&action)) {
      check_advert(node, *advert, before, result, has_released, now);
    }
  }
  if (wants != (result.state.role == Role::kActive))
    report("always: holds the address exactly when active", node, now);
  if (!has_announced) report("always: announces what it takes", node, now);
}

/// Only an active node advertises, with the right it has; the farewell comes from one that was
/// active, after the address is gone: there is never a moment with two that answer.
void Oracles::check_advert(std::uint32_t node, const SendAdvert& advert, const State& before,
                           const Step& result, bool has_released, Instant now) {
  count_advert(node, now);
  if (advert.priority == kPriorityFarewell) {
    if (!has_released || result.state.role == Role::kActive)
      report("always: a farewell follows the release", node, now);
    return;
  }
  watch_.at(node).last_advert = now;
  if (has_released && result.state.role != Role::kActive)
    report("always: silent after the release", node, now);
  if (before.role != Role::kActive && result.state.role != Role::kActive)
    report("always: only an active node advertises", node, now);
  if (advert.priority != before.right && advert.priority != result.state.right)
    report("always: advertises the right it has", node, now);
}

/// RFC 9568 section 6.4.3: a farewell or a lower advert is answered at once, unless the other node
/// was told to let go and answering would only keep two nodes answering each other.
void Oracles::check_answer(std::uint32_t node, const State& before, const Input& input,
                           const Step& result, bool froze, Instant now) {
  const bool was_active = before.role == Role::kActive && result.state.role == Role::kActive;
  if (was_active) {
    const auto* advert = std::get_if<Advert>(&input);
    if (advert == nullptr) return;
    const bool is_farewell = advert->priority == kPriorityFarewell;
    if (!is_farewell && now < before.claimed_until) return;
    if (count_of<SendAdvert>(result) == 0 || count_of<Announce>(result) == 0)
      report("always: an active node answers", node, now);
    if (!is_farewell &&
        (is_higher(input, before.right) || is_equal_from_higher(input, before.right)))
      report("always: gives way to the higher", node, now);
    return;
  }
  const bool resigned = before.role == Role::kActive && result.state.role == Role::kInitialize;
  if (resigned && !froze && count_of<SendAdvert>(result) == 0)
    report("always: who resigns says so", node, now);
}

/// There is always a next time to look, not too far away; after a tick it is in the future.
void Oracles::check_deadline(std::uint32_t node, const Input& input, const State& after,
                             Instant now) {
  const bool is_past = is<Tick>(input) && after.deadline <= now;
  switch (after.role) {
    case Role::kInitialize:
      return;
    case Role::kActive:
      if (is_past || after.deadline > now + plan_->interval(node))
        report("always: an active node advertises every interval", node, now);
      return;
    case Role::kBackup:
      if (is_past || after.deadline > std::max(now + plan_->down_most(), after.peer_holds_until))
        report("always: a backup waits no longer than the down interval", node, now);
      return;
  }
}

/// Others wait three intervals. Who was silent for longer releases, and says nothing before it
/// heard somebody or waited as long itself. Exceptions: an operator's claim, an owner's right, and
/// the peer's word that it has let go (which is hearing somebody).
void Oracles::check_freeze(std::uint32_t node, bool froze, const Input& input, const Step& result,
                           Instant now) {
  Watch& watch = watch_.at(node);
  if (froze) {
    if (count_of<Release>(result) == 0) report("always: who froze lets go", node, now);
    watch.listens_since = now;
  }
  if (watch.listens_since == Instant{}) return;
  const bool has_listened =
      is_word_of_another(input) || now - watch.listens_since >= 3 * plan_->interval(node);
  const bool may_speak = is<PeerLetGo>(input) || is<Claim>(input) ||
                         result.state.right == kPriorityOwner || (has_listened && !froze);
  if (count_of<SendAdvert>(result) != 0 && !may_speak)
    report("always: who froze listens before it speaks", node, now);
  if (may_speak || has_listened) watch.listens_since = Instant{};
}

/// What this node has heard, for check_takeover().
void Oracles::listen(std::uint32_t node, const State& after, const Input& input, Instant now) {
  if (is<RightChanged>(input)) watch_.at(node).follow_at = Instant{};
  const auto* advert = std::get_if<Advert>(&input);
  if (advert == nullptr || after.role != Role::kBackup) return;
  Watch& watch = watch_.at(node);
  if (advert->priority == kPriorityFarewell) {
    watch.follow_at = Instant{};
    return;
  }
  if (advert->priority >= after.right)
    watch.lower_since = Instant{};
  else if (watch.lower_since == Instant{})
    watch.lower_since = now;
}

/// Two nodes that answer each other's answers would fill the network: a bound on what one node says
/// in one of its intervals. One is regular, the others are answers.
void Oracles::count_advert(std::uint32_t node, Instant now) {
  constexpr std::uint32_t kAdvertsMost = 64;
  Watch& watch = watch_.at(node);
  if (now - watch.window_begin > plan_->interval(node)) {
    watch.window_begin = now;
    watch.window_adverts = 0;
  }
  if (++watch.window_adverts > kAdvertsMost) report("always: no storm of adverts", node, now);
}

// ---- always: the world -------------------------------------------------------------------------

/// What is done is what was decided, as soon as slow actions have ended.
/// Two are active only while they cannot hear each other, or until the next advert of the higher.
/// Exceptions: an operator's move, and a node that was told that the other has let go passes over
/// adverts for one interval. "Never two" is no oracle: under a cut VRRP has two by design.
/// None is active for a down interval at most, counted from the last fault; a late copy of an old
/// advert may begin that wait anew, and the peer's word is believed a while.
void Oracles::check_world(std::span<const SimNode> nodes, Instant now) {
  int active = 0;
  bool is_anyone_able = false;
  for (const SimNode& node : nodes) {
    active += node.is_active() ? 1 : 0;
    is_anyone_able |= node.is_able();
    if (node.is_running && node.slow_actions == 0 &&
        node.holds_address != (node.state.role == Role::kActive))
      report("always: holds the address exactly when active", 0, now);
  }
  if (active < 2 || is_cut_ || now < claimed_until_) alone_since_ = now;
  const Duration longest = plan_->longest_interval();
  const Duration slack = plan_->delay_most + 2 * plan_->slack();
  if (now - alone_since_ > (plan_->has_link ? 2 : 1) * longest + slack)
    report("in time: two that hear each other end as one", 0, now);
  if (active > 0 || !is_anyone_able) covered_until_ = now;
  if (now - covered_until_ > plan_->down_most() + 3 * longest + 4 * slack)
    report("in time: somebody takes over", 0, now);
}

}  // namespace tandem::failover::machine
