// Verdict: rise and fall counting, exactly as HAProxy counts. Pure: fed with the outcomes of
// checks, it says whether a server is up.
//
//   health  0 ............ rise-1 | rise ............... rise+fall-1
//           DOWN   DOWN n/rise    | UP (health-rise+1)/fall      UP
//
// A failure takes one step down, or all the way to 0 once the last step of "up" is lost; a success
// takes one step up, and all the way to the top as soon as the server is up.
#pragma once

#include <cstdint>

namespace tandem::lb::health {

enum class State : std::uint8_t {
  kStarting,  // checked, but no result yet: gets no traffic; the first result decides
  kUp,
  kStopping,  // NOLB: up, but gets no new traffic until the next success
  kDown,
};

/// Value type. Thread: any, one owner.
class Verdict {
 public:
  /// A server without checks is up from the start.
  [[nodiscard]] static Verdict unchecked() noexcept;
  /// A checked one starts: one success brings it up, one failure takes it down. 0 counts as 1.
  [[nodiscard]] static Verdict starting(std::uint32_t rise, std::uint32_t fall) noexcept;

  /// Counts one outcome. True: state() is another now.
  [[nodiscard]] bool step(bool passed) noexcept;
  /// "set server … health up|stopping|down", and the way back from an ejection. True: changed.
  [[nodiscard]] bool force(State state) noexcept;
  /// Up or down (nothing else) on somebody's word: the first outcome decides, as after starting().
  /// True: changed.
  [[nodiscard]] bool assume(State state) noexcept;
  /// Takes steps of "up" away without counting an outcome, so that two failures more (on-error
  /// sudden-death, which counts one of them itself) or one more (mark-down) mean down. Nothing on
  /// a server that is down or nearer to it already.
  void lower_to_last_but_one() noexcept;
  void lower_to_last() noexcept;
  /// Up on probation: the next failure takes it down. True: changed.
  [[nodiscard]] bool force_probation() noexcept;
  /// New limits after a reload; the state stays, progress towards a change starts anew.
  void set_limits(std::uint32_t rise, std::uint32_t fall) noexcept;
  /// As after starting(): nothing is known any more.
  void restart() noexcept;

  [[nodiscard]] State state() const noexcept { return state_; }
  /// May get new requests, as far as health is concerned.
  [[nodiscard]] bool is_usable() const noexcept { return state_ == State::kUp; }
  /// check_health, check_rise and check_fall of show stat.
  [[nodiscard]] std::uint32_t health() const noexcept { return health_; }
  [[nodiscard]] std::uint32_t rise() const noexcept { return rise_; }
  [[nodiscard]] std::uint32_t fall() const noexcept { return fall_; }
  /// Between the two certain ends: "UP 1/3", "DOWN 1/2". Checks come at fastinter.
  [[nodiscard]] bool is_changing() const noexcept;
  /// The n of "UP n/fall" or "DOWN n/rise".
  [[nodiscard]] std::uint32_t progress() const noexcept;

 private:
  Verdict(std::uint32_t rise, std::uint32_t fall, State state) noexcept;
  [[nodiscard]] std::uint32_t top() const noexcept { return rise_ + fall_ - 1; }
  bool move_to(State state) noexcept;

  std::uint32_t rise_;
  std::uint32_t fall_;
  std::uint32_t health_;
  State state_;
};

}  // namespace tandem::lb::health
