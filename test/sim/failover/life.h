// One seed's life: a pair or three nodes start, things go wrong at random, all is healed, the world
// settles; then one thing is done to a quiet network and its bound is checked.
#pragma once

#include "test/sim/failover/world.h"

#include <cstdint>
#include <string>

namespace tandem::failover::machine {

/// Owner of a World that is used for one seed after another.
class Life {
 public:
  /// @return what an oracle found; its `oracle` is nullptr if all were content.
  /// `trace` gets every event in words; nullptr: nowhere, and much faster.
  Finding live(std::uint64_t seed, std::string* trace = nullptr);

 private:
  void begin();
  void go_wrong();
  void break_something();
  void freeze_at_the_deadline(std::uint32_t node);
  void restore_rights();
  void settle();
  void check_settled();
  void stay_quiet(Duration length);

  // Each begins in a quiet network, does one thing and checks what was promised for it.
  void probe();
  void probe_silence();
  void probe_farewell();
  void probe_freeze_of_active();
  void probe_freeze_of_backup();
  void probe_cut_adverts();
  void probe_cut_everything();
  void probe_move();
  void probe_higher_backup();
  void probe_restart();

  void expect_successor(Duration bound, const char* oracle);
  [[nodiscard]] Duration soonest(Duration (Plan::*wait)(std::uint32_t, std::uint8_t) const) const;
  [[nodiscard]] bool is_able_backup(std::uint32_t node) const;
  /// Some backup that could take over; plan().nodes if there is none.
  [[nodiscard]] std::uint32_t find_backup();
  [[nodiscard]] Duration interval() const { return world_.plan().interval(active_); }

  World world_;
  std::uint32_t active_ = 0;  // at the beginning of the probe
};

}  // namespace tandem::failover::machine
