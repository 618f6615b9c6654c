#include "test/sim/failover/life.h"

#include <algorithm>
#include <array>

namespace tandem::failover::machine {

using namespace std::chrono_literals;

Finding Life::live(std::uint64_t seed, std::string* trace) {
  world_.reset(seed, trace);
  begin();
  const std::uint32_t rounds = 1 + world_.random().below(2);
  for (std::uint32_t i = 0; i < rounds && world_.is_content(); ++i) {
    if (world_.random().below(4) != 0) go_wrong();
    settle();
    probe();
  }
  settle();
  return world_.oracles().finding();
}

void Life::begin() {
  for (std::uint32_t i = 0; i < world_.plan().nodes; ++i) {
    world_.start(i);
    world_.run_for(draw(world_.random(), 0us, world_.plan().interval(0)));
  }
}

// ---- things go wrong ---------------------------------------------------------------------------

void Life::go_wrong() {
  const std::uint32_t things = 1 + world_.random().below(12);
  for (std::uint32_t i = 0; i < things && world_.is_content(); ++i) {
    break_something();
    world_.run_for(draw(world_.random(), 0us, 3 * world_.plan().longest_interval()));
  }
}

void Life::break_something() {
  Random& random = world_.random();
  const Plan& plan = world_.plan();
  const std::uint32_t node = random.below(plan.nodes);
  const std::uint32_t other = (node + 1 + random.below(plan.nodes - 1)) % plan.nodes;
  const Duration interval = plan.interval(node);
  switch (random.below(19)) {
    case 0:
      return world_.lose_power(node);
    case 1:
      return world_.kill_daemon(node);
    case 2:
      return world_.exit_in_place(node);
    case 3:
    case 4:
      return world_.start(node);
    case 5:
      return world_.stop(node);
    case 6:
    case 7:
      return world_.freeze(node, draw(random, 0us, 8 * interval));
    case 8:
      return world_.set_right(node, 0);
    case 9:
    case 10:
      return world_.set_right(node, static_cast<std::uint8_t>(1 + random.below(254)));
    case 11:
      return world_.set_right(node, plan.priorities.at(node));
    case 12:
      return world_.cut_adverts(node, other, random.below(2) == 0);
    case 13:
      return world_.cut_all_adverts(random.below(2) == 0);
    case 14:
      return world_.cut_link(random.below(2) == 0);
    case 15:
      return world_.set_weather({.lost = random.below(40),
                                 .doubled = random.below(20),
                                 .late = random.below(40),
                                 .late_most = draw(random, 0us, 2 * interval)});
    case 16:
      world_.claim(node, world_.now() + draw(random, 0us, 3 * interval));
      return random.below(2) == 0 ? world_.yield(other) : void();
    case 17:
      return freeze_at_the_deadline(node);
    default:
      return random.below(2) == 0 ? world_.yield(node) : world_.tick_early(node);
  }
}

/// The worst moment: silence is about to be believed.
void Life::freeze_at_the_deadline(std::uint32_t node) {
  const auto is_looking = [&] { return world_.node(node).state.looks != 0; };
  const Duration patience = 4 * world_.plan().interval(node);
  if (!world_.run_until(patience, is_looking)) return;
  world_.freeze(node, draw(world_.random(), 0us, patience));
}

/// Not all rights come back; at least one is there.
void Life::restore_rights() {
  bool is_anyone_able = false;
  for (std::uint32_t i = 0; i < world_.plan().nodes; ++i) {
    const bool is_last = i + 1 == world_.plan().nodes;
    if (world_.node(i).state.right == 0 &&
        (world_.random().below(4) != 0 || (is_last && !is_anyone_able)))
      world_.set_right(i, world_.plan().priorities.at(i));
    is_anyone_able |= world_.node(i).is_able();
  }
}

// ---- eventually --------------------------------------------------------------------------------

void Life::settle() {
  if (!world_.is_content()) return;
  world_.heal();
  restore_rights();
  world_.run_for(world_.plan().settling());
  if (!world_.is_content()) return;
  check_settled();
  stay_quiet(3 * world_.plan().longest_interval());
}

/// After the last fault, and given time: one node is active, the highest where higher ones preempt
/// (those that yielded stay back), it alone has the address, and it is the one clients reach.
void Life::check_settled() {
  active_ = world_.find_active();
  const auto wrong = [this](const char* oracle) {
    world_.oracles().report(oracle, active_, world_.now());
  };
  if (world_.count_active() != 1) return wrong("eventually: one active node");
  if (world_.count_holding() != 1 || !world_.node(active_).holds_address)
    wrong("eventually: the active node alone has the address");
  if (world_.is_announcement_owed() && world_.find_announced() != active_)
    wrong("eventually: clients reach the active node");
  if (!world_.plan().preempts()) return;
  for (std::uint32_t i = 0; i < world_.plan().nodes; ++i) {
    const SimNode& node = world_.node(i);
    if (node.is_able() && !node.has_yielded && node.state.right > world_.node(active_).state.right)
      wrong("eventually: the highest is active");
  }
}

void Life::stay_quiet(Duration length) {
  world_.oracles().set_quiet(true);
  world_.run_for(length);
  world_.oracles().set_quiet(false);
}

// ---- in time -----------------------------------------------------------------------------------

void Life::probe() {
  if (!world_.is_content()) return;
  using Probe = void (Life::*)();
  static constexpr std::array<Probe, 9> kProbes = {&Life::probe_silence,
                                                   &Life::probe_farewell,
                                                   &Life::probe_freeze_of_active,
                                                   &Life::probe_freeze_of_backup,
                                                   &Life::probe_cut_adverts,
                                                   &Life::probe_cut_everything,
                                                   &Life::probe_move,
                                                   &Life::probe_higher_backup,
                                                   &Life::probe_restart};
  (this->*kProbes.at(world_.random().below(kProbes.size())))();
}

bool Life::is_able_backup(std::uint32_t node) const {
  return world_.node(node).is_able() && world_.node(node).state.role == Role::kBackup;
}

std::uint32_t Life::find_backup() {
  const std::uint32_t nodes = world_.plan().nodes;
  const std::uint32_t first = world_.random().below(nodes);
  for (std::uint32_t i = 0; i < nodes; ++i)
    if (is_able_backup((first + i) % nodes)) return (first + i) % nodes;
  return nodes;
}

/// The first backup's wait for a node that is active no more; zero if there is no backup.
Duration Life::soonest(Duration (Plan::*wait)(std::uint32_t, std::uint8_t) const) const {
  Duration least = Duration::max();
  for (std::uint32_t i = 0; i < world_.plan().nodes; ++i) {
    if (i == active_ || !is_able_backup(i)) continue;
    least = std::min(least, (world_.plan().*wait)(active_, world_.node(i).state.right));
  }
  return least;
}

void Life::expect_successor(Duration bound, const char* oracle) {
  const auto is_replaced = [this] {
    for (std::uint32_t i = 0; i < world_.plan().nodes; ++i)
      if (i != active_ && world_.node(i).is_active()) return true;
    return false;
  };
  if (!world_.run_until(bound + world_.plan().delay_most + world_.plan().slack(), is_replaced))
    world_.oracles().report(oracle, active_, world_.now());
}

void Life::probe_silence() {
  if (find_backup() == world_.plan().nodes) return;
  const Duration bound = soonest(&Plan::down);
  world_.lose_power(active_);
  expect_successor(bound, "in time: after a crash within the down interval");
}

/// After a farewell the skew is all that is waited, after the peer's word nothing. Nobody answers
/// for the address together with who resigned. (Not so where messages overtake each other: an old
/// advert that arrives after the farewell cancels the fast way, and the down interval is waited.)
void Life::probe_farewell() {
  if (find_backup() == world_.plan().nodes) return;
  const Duration bound = world_.plan().has_link ? Duration::zero() : soonest(&Plan::skew);
  switch (world_.random().below(3)) {
    case 0:
      world_.stop(active_);
      break;
    case 1:
      world_.set_right(active_, 0);
      break;
    default:
      world_.kill_daemon(active_);
  }
  const auto is_two = [this] {
    return world_.node(active_).holds_address && world_.count_holding() > 1;
  };
  if (world_.run_until(world_.plan().delay_most, is_two))
    world_.oracles().report("in time: who resigns is silent before others are told", active_,
                            world_.now());
  expect_successor(bound, world_.plan().has_link ? "in time: after the peer's word at once"
                                                 : "in time: after a farewell within the skew");
}

/// The address moves within the down interval, and back only by preemption: settle() looks.
void Life::probe_freeze_of_active() {
  if (find_backup() == world_.plan().nodes) return;
  const Duration bound = soonest(&Plan::down);
  world_.freeze(active_, 5 * interval() + bound);
  expect_successor(bound, "in time: after a freeze within the down interval");
  world_.run_for(6 * interval() + bound);
}

/// A backup that did not run for a while has missed nothing that it would not find in its sockets.
void Life::probe_freeze_of_backup() {
  const std::uint32_t backup = find_backup();
  if (backup == world_.plan().nodes) return;
  world_.oracles().set_quiet(true);
  world_.freeze(backup, draw(world_.random(), 0us, 12 * interval()));
  world_.run_for(16 * interval());
  world_.oracles().set_quiet(false);
}

/// Without adverts, but with the peer's word, nobody moves: not while cut, not when healed.
void Life::probe_cut_adverts() {
  if (!world_.plan().has_link) return;
  // The peer's word comes with each advert and is believed for three of its intervals.
  world_.oracles().set_quiet(true);
  world_.cut_all_adverts(true);
  world_.run_for(draw(world_.random(), 0us, 12 * interval()));
  world_.cut_all_adverts(false);
  world_.run_for(4 * world_.plan().longest_interval());
  world_.oracles().set_quiet(false);
}

/// Two are active while nothing gets through; the peer link alone is enough to end it.
void Life::probe_cut_everything() {
  if (find_backup() == world_.plan().nodes) return;
  const Duration bound = soonest(&Plan::down);
  world_.cut_link(true);
  world_.cut_all_adverts(true);
  expect_successor(bound + world_.plan().holds_for(active_),
                   "in time: after a cut within the down interval");
  if (!world_.plan().has_link) return;
  world_.cut_link(false);
  world_.run_for(2 * world_.plan().longest_interval() + world_.plan().delay_most +
                 2 * world_.plan().slack());
  if (world_.count_active() != 1)
    world_.oracles().report("in time: the peer link ends a split", active_, world_.now());
}

/// An operator moves the address: at once, without a moment with nobody, and it stays where it is
/// Only where there is a peer link, as in the product: without it a node that yields to one which
/// advertises less often than itself would have taken over again before it heard of it.
void Life::probe_move() {
  const std::uint32_t target = find_backup();
  if (target == world_.plan().nodes || !world_.plan().has_link) return;
  const Duration patience = 2 * interval();
  world_.claim(target, world_.now() + patience);
  const auto is_nobody = [this] { return world_.count_active() == 0; };
  bool was_nobody = world_.run_until(draw(world_.random(), 0us, patience / 2), is_nobody);
  world_.yield(active_);
  was_nobody |= world_.run_until(world_.plan().settling() + patience, is_nobody);
  if (was_nobody || !world_.node(target).is_active())
    world_.oracles().report("in time: a move is made before the old node lets go, and stays",
                            target, world_.now());
}

/// A backup is now higher: it takes over in a down interval (and preempt_delay) where it may, and
/// not at all where it may not.
void Life::probe_higher_backup() {
  const std::uint32_t backup = find_backup();
  if (backup == world_.plan().nodes || world_.node(active_).state.right >= 254) return;
  const bool may = world_.plan().preempts() && !world_.node(backup).has_yielded;
  world_.set_right(backup, 254);
  if (!may) return stay_quiet(world_.plan().settling());
  const Config& config = world_.plan().configs.at(backup);
  const Duration patience = config.preempt_delay == 0s ? 0s : config.preempt_delay + 2 * interval();
  expect_successor(patience + world_.plan().down(active_, 1) + interval(),
                   "in time: a higher backup takes over");
}

/// A daemon that is restarted on purpose adopts what is there: nobody else moves.
void Life::probe_restart() {
  world_.exit_in_place(active_);
  const auto is_anyone_active = [this] { return world_.count_active() != 0; };
  const Duration gone = draw(world_.random(), 0us, interval());
  if (world_.run_until(gone, is_anyone_active))
    world_.oracles().report("in time: a restart is no election", active_, world_.now());
  world_.start(active_);
  if (!world_.node(active_).is_active() || !world_.node(active_).holds_address)
    world_.oracles().report("in time: a restart adopts the address", active_, world_.now());
  stay_quiet(4 * world_.plan().longest_interval());
}

}  // namespace tandem::failover::machine
