// World: nodes that run step(), and between them a network, a peer link, clients that believe the
// last announcement, and everything that can go wrong. One seed decides all of it. One thread, no
// clock, no socket; nothing is allocated per event once its vectors have grown.
#pragma once

#include "test/sim/failover/oracles.h"

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace tandem::failover::machine {

/// How the network treats adverts while something is wrong with it, in percent.
struct Weather {
  std::uint32_t lost = 0;
  std::uint32_t doubled = 0;
  std::uint32_t late = 0;  // by up to `late_most`: overtaken by later ones
  Duration late_most{};    // also of the peer link, which keeps its order
};

class World {
 public:
  /// Begins anew. `trace`: where every event is written, in words; nullptr: nowhere.
  void reset(std::uint64_t seed, std::string* trace);

  // ---- time -------------------------------------------------------------------------------------

  [[nodiscard]] Instant now() const noexcept { return now_; }
  /// Runs until then, or until an oracle is not content.
  void run_for(Duration length);
  /// As run_for(), and stops as soon as `is_reached()`. False: it never was.
  template <typename Condition>
  bool run_until(Duration length, Condition is_reached);

  // ---- what befalls a node ----------------------------------------------------------------------

  /// A process where there is none, else the start of one that was stopped.
  void start(std::uint32_t node);
  void stop(std::uint32_t node) { tell(node, {.what = What::kStopped}); }
  /// The machine dies: the address is gone, nobody is told.
  void lose_power(std::uint32_t node);
  /// The daemon dies, its guard withdraws the address and says goodbye for it.
  void kill_daemon(std::uint32_t node);
  /// The process ends and leaves the address for the next one, which start() begins.
  void exit_in_place(std::uint32_t node);
  void freeze(std::uint32_t node, Duration length);
  void set_right(std::uint32_t node, std::uint8_t right);
  void claim(std::uint32_t node, Instant until);
  void yield(std::uint32_t node) { tell(node, {.what = What::kYield}); }
  void tick_early(std::uint32_t node) { tell(node, {.what = What::kTick}); }

  // ---- what befalls the network -----------------------------------------------------------------

  void cut_adverts(std::uint32_t from, std::uint32_t to, bool is_cut);
  void cut_all_adverts(bool is_cut);
  void cut_link(bool is_cut);
  void set_weather(const Weather& weather) { weather_ = weather; }
  /// Ends all that is wrong with network and processes; rights stay as they are.
  void heal();

  // ---- what can be seen -------------------------------------------------------------------------

  [[nodiscard]] const Plan& plan() const noexcept { return plan_; }
  [[nodiscard]] const SimNode& node(std::uint32_t i) const noexcept { return nodes_[i]; }
  [[nodiscard]] std::uint32_t count_active() const noexcept;
  [[nodiscard]] std::uint32_t count_holding() const noexcept;
  /// The first active one; plan().nodes if there is none.
  [[nodiscard]] std::uint32_t find_active() const noexcept;
  /// Whom clients reach.
  [[nodiscard]] std::uint32_t find_announced() const noexcept { return announced_; }
  /// Clients reach the active node, unless the last word of another that had the address was lost
  /// or could not be said (power lost, frozen): then only a refresh, which is not the machine's.
  [[nodiscard]] bool is_announcement_owed() const noexcept { return is_announcement_owed_; }
  [[nodiscard]] Random& random() noexcept { return random_; }
  [[nodiscard]] Oracles& oracles() noexcept { return oracles_; }
  [[nodiscard]] bool is_content() const noexcept { return oracles_.is_content(); }

 private:
  enum class What : std::uint8_t {
    // Told to a node; wait for it while it is frozen.
    kTick,
    kStarted,
    kStopped,
    kAdvert,
    kRight,
    kHolds,
    kLetGo,
    kClaim,
    kYield,
    // Of the world.
    kAcquired,
    kReleased,
    kSend,
    kAnnounced,
    kThaw,
  };
  struct Event {
    Instant at{};
    std::uint64_t order = 0;
    What what = What::kTick;
    std::uint8_t to = 0;
    std::uint8_t from = 0;
    std::uint8_t priority = 0;
    bool tells_peer = false;  // kReleased
    std::uint32_t life = 0;   // of the node that began it
    Instant until{};          // kClaim; kStarted: advertised_at
  };
  static bool comes_later(const Event& a, const Event& b) noexcept {
    return a.at != b.at ? a.at > b.at : a.order > b.order;
  }

  bool run_next(Instant end);
  void schedule(Event event);
  void handle(const Event& event);
  void handle_own(const Event& event);
  /// To the node, now; into its queue if it is frozen; nowhere if it does not run.
  void tell(std::uint32_t node, const Event& event);
  void read(std::uint32_t node, const Event& event);
  [[nodiscard]] Input input_of(std::uint32_t node, const Event& event) const;
  void step_node(std::uint32_t node, const Input& input);
  void note_silent_end(std::uint32_t node, const Step& result);
  [[nodiscard]] bool is_another_active(std::uint32_t node) const noexcept;
  void perform(std::uint32_t node, const Action& action);
  void act_slowly(std::uint32_t node, What done);
  void after_slow_actions(std::uint32_t node, What what, std::uint8_t priority);
  void send_advert(std::uint32_t node, std::uint8_t priority);
  void send_one(std::uint32_t from, std::uint32_t to, std::uint8_t priority);
  void say_on_link(std::uint32_t from, What what, std::uint8_t priority);
  void announce(std::uint32_t node);
  void thaw(std::uint32_t node);
  void end_process(std::uint32_t node);
  [[nodiscard]] Advert advert_of(std::uint32_t to, const Event& event) const;
  [[nodiscard]] bool is_any_cut() const noexcept;
  [[nodiscard]] bool is_claimed() const noexcept { return now_ < claimed_until_; }
  void disturb(const char* what, std::uint32_t node);
  void trace_event(const char* what, std::uint32_t node);
  void trace_step(std::uint32_t node, const Input& input, const Step& result);

  Plan plan_;
  Random random_{0};
  Instant now_{};
  std::uint64_t order_ = 0;
  std::array<SimNode, kNodesMost> nodes_;
  std::array<std::vector<Event>, kNodesMost> queues_;  // of what a frozen node will read
  std::vector<Event> events_;                          // a heap, the earliest first
  std::array<std::array<bool, kNodesMost>, kNodesMost> is_cut_{};  // [from][to]
  bool is_link_cut_ = false;
  std::array<std::array<Instant, kNodesMost>, kNodesMost> wire_busy_until_{};
  std::array<Instant, kNodesMost> link_busy_until_{};  // by sender: the link keeps its order
  std::array<Instant, kNodesMost> left_at_{};          // exit_in_place(): the last advert
  Weather weather_;
  Instant claimed_until_{};
  std::uint32_t claimed_by_ = 0;
  std::uint32_t announced_ = kNodesMost;
  bool is_announcement_owed_ = true;
  Oracles oracles_;
  std::string* trace_ = nullptr;
};

template <typename Condition>
bool World::run_until(Duration length, Condition is_reached) {
  const Instant end = now_ + length;
  while (!is_reached()) {
    if (!is_content() || !run_next(end)) return false;
  }
  return true;
}

}  // namespace tandem::failover::machine
