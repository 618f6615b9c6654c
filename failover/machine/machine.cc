#include "failover/machine/machine.h"

#include <algorithm>
#include <utility>

namespace tandem::failover::machine {
namespace {

/// One call of step(): the state on its way and the actions so far.
class Stepper {
 public:
  Stepper(const Config& config, State state, Instant now)
      : config_(config), now_(now), result_{.state = state, .actions = {}} {}

  Step take() { return std::move(result_); }

  /// Whoever was silent for longer than others wait may have been replaced: it must not say a word
  /// before it has listened. Comes before every input, whichever woke us.
  void notice_freeze() {
    if (state().role != Role::kActive) return;
    if (now_ - state().advertised_at <= safe_silence(config_)) return;
    do_action(Release{});
    become_backup(Reason::kFroze);
  }

  void operator()(const Started& started) {
    if (std::exchange(state().is_started, true)) return;
    state().active_interval = config_.advert_interval;
    if (started.advertised_at != Instant{}) return adopt(started.advertised_at);
    leave_initialize(Reason::kStarted);
  }

  void operator()(Stopped) {
    state().is_started = false;
    resign(Reason::kStopped);
  }

  void operator()(Tick) {
    if (now_ < state().deadline) return;
    if (state().role == Role::kActive) return stay_active();
    if (state().role == Role::kBackup) return end_silence();
  }

  void operator()(const Advert& advert) {
    if (state().role == Role::kBackup) return heard_as_backup(advert);
    if (state().role == Role::kActive) return heard_as_active(advert);
  }

  void operator()(const RightChanged& change) {
    const std::uint8_t before = std::exchange(state().right, change.priority);
    if (change.priority == before) return;
    if (change.priority == 0) return resign(Reason::kRightLost);
    switch (state().role) {
      case Role::kInitialize:
        leave_initialize(Reason::kStarted);
        return;
      case Role::kBackup:
        // Whether who was lower still is, the next advert tells.
        if (state().expecting == Reason::kPreempt && change.priority < before)
          state().expecting = Reason::kSilence;
        if (change.priority == kPriorityOwner) become_active(Reason::kOwner);
        return;
      case Role::kActive:
        // Others compare with what we say: not only with the next regular advert.
        advertise();
        return;
    }
  }

  void operator()(const PeerHolds& holds) {
    state().peer_holds_until = std::max(state().peer_holds_until, holds.until);
    if (state().role != Role::kActive || now_ < state().claimed_until) return;
    if (outranks(holds.priority, holds.is_from_higher_address))
      give_way(holds.priority, config_.advert_interval);
  }

  void operator()(PeerLetGo) {
    state().peer_holds_until = Instant{};
    if (state().role == Role::kInitialize) return;
    if (state().role == Role::kBackup)
      become_active(Reason::kHandedOver);
    else
      do_action(Announce{});  // the network knew two places until now
    state().claimed_until = now_ + config_.advert_interval;
  }

  void operator()(const Claim& claim) {
    if (state().role != Role::kBackup || claim.until <= now_) return;
    become_active(Reason::kClaim);
    state().claimed_until = claim.until;
  }

  void operator()(Yield) {
    if (state().role != Role::kActive) return;
    do_action(Release{});
    become_backup(Reason::kYield);
    state().stays_back = true;
  }

 private:
  State& state() { return result_.state; }
  void do_action(Action action) { result_.actions.push_back(action); }

  // RFC 9568 section 6.4.1.
  void leave_initialize(Reason reason) {
    if (!state().is_started || state().right == 0) return;
    if (state().right == kPriorityOwner) return become_active(Reason::kOwner);
    become_backup(reason);
  }

  void adopt(Instant advertised_at) {
    const bool is_in_time = now_ - advertised_at <= safe_silence(config_);
    if (is_in_time && state().right != 0) return become_active(Reason::kAdopted);
    do_action(Release{});
    // Others still wait for the predecessor's next advert: it will not come.
    if (is_in_time) do_action(SendAdvert{kPriorityFarewell});
    leave_initialize(Reason::kStarted);
  }

  // Section 6.4.2.
  void heard_as_backup(const Advert& advert) {
    if (advert.priority == kPriorityFarewell) {
      state().peer_holds_until = Instant{};
      state().expecting = Reason::kFarewell;
      // Not later than silence would have it anyway.
      return wait_until(std::min(
          state().deadline, now_ + skew_time(config_, state().active_interval, state().right)));
    }
    if (advert.priority >= state().right || !preempts()) return follow(advert);
    state().expecting = Reason::kPreempt;
  }

  /// Whether a lower node that is active is to be replaced now.
  bool preempts() {
    if (state().stays_back) return false;
    if (state().right == kPriorityOwner) return true;  // whatever preempt says (section 6.1)
    if (!config_.preempt) return false;
    if (config_.preempt_delay == Duration::zero()) return true;
    if (state().preempt_after == Instant::max())
      state().preempt_after = now_ + config_.preempt_delay;
    return now_ >= state().preempt_after;
  }

  void follow(const Advert& advert) {
    if (advert.priority >= state().right) state().preempt_after = Instant::max();
    state().active_interval = advert.interval;
    state().expecting = Reason::kSilence;
    wait_for_silence();
  }

  void end_silence() {
    const Duration late = now_ - state().deadline;
    // So late that we did not run: what was said meanwhile may still be on its way to us.
    if (late > 3 * Duration(state().active_interval)) return wait_for_silence();
    // A look that was late itself proves nothing; but a node that is merely busy must come to an
    // end.
    const Duration interval = state().active_interval;
    const bool is_late = late > std::max(kSecondLook, interval / 8);
    if (state().looks == 0 || (is_late && state().looks < kLooksMost)) {
      ++state().looks;
      state().deadline = now_ + kSecondLook;
      return;
    }
    // No adverts, but the node that sends them lives and serves: it is the path that is cut.
    if (state().expecting == Reason::kSilence && now_ < state().peer_holds_until)
      return wait_until(state().peer_holds_until);
    become_active(state().expecting);
  }

  // Section 6.4.3.
  void heard_as_active(const Advert& advert) {
    if (advert.priority != kPriorityFarewell) {
      // Answering a node that is about to let go would have both answer each other without end.
      if (now_ < state().claimed_until) return;
      if (outranks(advert.priority, advert.is_from_higher_address))
        return give_way(advert.priority, advert.interval);
    }
    // It gives way when it hears us; the network may have learned its address meanwhile.
    advertise();
    do_action(Announce{});
  }

  bool outranks(std::uint8_t priority, bool is_from_higher_address) {
    if (priority != state().right) return priority > state().right;
    return is_from_higher_address;
  }

  /// The winner may never have heard us: without this last advert it would not know that the
  /// network has to be told again where the address is.
  void give_way(std::uint8_t priority, Centiseconds active_interval) {
    do_action(SendAdvert{state().right});
    do_action(Release{});
    become_backup(priority > state().right ? Reason::kHigherPriority : Reason::kHigherAddress,
                  active_interval);
  }

  void stay_active() {
    advertise();
    if (state().claimed_until == Instant{} || now_ < state().claimed_until) return;
    // The other node was heard as well until now.
    state().claimed_until = Instant{};
    do_action(Announce{});
  }

  void become_active(Reason reason) {
    const Role from = std::exchange(state().role, Role::kActive);
    state().expecting = Reason::kSilence;
    state().preempt_after = Instant::max();
    state().stays_back = false;
    state().peer_holds_until = Instant{};
    do_action(Moved{.from = from, .to = Role::kActive, .reason = reason});
    do_action(Acquire{});
    advertise();
    do_action(Announce{});
  }

  void become_backup(Reason reason) { become_backup(reason, config_.advert_interval); }

  void become_backup(Reason reason, Centiseconds active_interval) {
    const Role from = std::exchange(state().role, Role::kBackup);
    state().active_interval = active_interval;
    state().expecting = Reason::kSilence;
    state().preempt_after = Instant::max();
    state().claimed_until = Instant{};
    do_action(Moved{.from = from, .to = Role::kBackup, .reason = reason});
    wait_for_silence();
  }

  /// Out of the race: what is held is given away, and said so.
  void resign(Reason reason) {
    const Role from = std::exchange(state().role, Role::kInitialize);
    state().deadline = Instant::max();
    state().claimed_until = Instant{};
    state().preempt_after = Instant::max();
    if (from == Role::kActive) {
      // Silent before others are told, so that no two ever answer.
      do_action(Release{});
      do_action(SendAdvert{kPriorityFarewell});
    }
    if (from != Role::kInitialize)
      do_action(Moved{.from = from, .to = Role::kInitialize, .reason = reason});
  }

  void wait_for_silence() {
    wait_until(now_ + down_interval(config_, state().active_interval, state().right));
  }

  void wait_until(Instant deadline) {
    state().deadline = deadline;
    state().looks = 0;
  }

  void advertise() {
    do_action(SendAdvert{state().right});
    state().advertised_at = now_;
    state().deadline = now_ + config_.advert_interval;
  }

  const Config& config_;
  Instant now_;
  Step result_;
};

}  // namespace

std::string_view role_name(Role role) noexcept {
  switch (role) {
    case Role::kInitialize:
      return "initialize";
    case Role::kBackup:
      return "backup";
    case Role::kActive:
      return "active";
  }
  return "";
}

std::string_view reason_name(Reason reason) noexcept {
  switch (reason) {
    case Reason::kStarted:
      return "started";
    case Reason::kAdopted:
      return "adopted";
    case Reason::kOwner:
      return "owner";
    case Reason::kSilence:
      return "silence";
    case Reason::kFarewell:
      return "farewell";
    case Reason::kHandedOver:
      return "handed_over";
    case Reason::kPreempt:
      return "preempt";
    case Reason::kClaim:
      return "claim";
    case Reason::kHigherPriority:
      return "higher_priority";
    case Reason::kHigherAddress:
      return "higher_address";
    case Reason::kYield:
      return "yield";
    case Reason::kFroze:
      return "froze";
    case Reason::kRightLost:
      return "right_lost";
    case Reason::kStopped:
      return "stopped";
  }
  return "";
}

Duration skew_time(const Config& config, Centiseconds interval, std::uint8_t priority) noexcept {
  const Duration whole = config.version2 ? Duration(std::chrono::seconds(1)) : Duration(interval);
  return whole * (256 - priority) / 256;
}

Duration down_interval(const Config& config, Centiseconds interval,
                       std::uint8_t priority) noexcept {
  return 3 * Duration(interval) + skew_time(config, interval, priority);
}

Duration lease(const Config& config, std::uint8_t priority_of_others) noexcept {
  return down_interval(config, config.advert_interval, priority_of_others) + kSecondLook +
         kLeaseOverlap;
}

Duration safe_silence(const Config& config) noexcept {
  return 3 * Duration(config.advert_interval);
}

Step step(const Config& config, State state, Instant now, const Input& input) {
  Stepper stepper(config, state, now);
  stepper.notice_freeze();
  std::visit(stepper, input);
  return stepper.take();
}

}  // namespace tandem::failover::machine
