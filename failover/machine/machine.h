// The state machine of one virtual router: RFC 9568 section 6.4, and what two tandems know beyond
// it. Pure: takes a state, the time and one input, gives the next state and what is to be done.
// No clock, socket, log; a timer that comes early or twice does no harm, because deadlines are
// part of the state.
//
//                 right to the address lost, or stopped
//        +--------------------------------------------------------+
//        v                                                        |
//  +------------+  started, right gained   +----------+           |
//  | Initialize |------------------------->|  Backup  |-----------+
//  +------------+                          +----------+           |
//        |  owner (priority 255), adopted    |      ^             |
//        |         silence, farewell, preempt|      |higher heard |
//        |          handed over, claim, owner|      |froze, yield |
//        |                                   v      |             |
//        |                                 +----------+           |
//        +-------------------------------->|  Active  |-----------+
//                                          +----------+
//
// Who gives way to a higher node says a last advert first, so that the winner knows that there were
// two and tells the network again where the address is.
#pragma once

#include "common/time.h"

#include <chrono>
#include <cstdint>
#include <string_view>
#include <variant>
#include <vector>

namespace tandem::failover::machine {

/// The RFC's unit of Max Advertise Interval: a hundredth of a second.
using Centiseconds = std::chrono::duration<std::int64_t, std::centi>;

inline constexpr std::uint8_t kPriorityOwner = 255;
inline constexpr std::uint8_t kPriorityFarewell = 0;

enum class Role : std::uint8_t { kInitialize, kBackup, kActive };
/// "initialize", "backup", "active": for logs, metrics and commands.
[[nodiscard]] std::string_view role_name(Role role) noexcept;

struct Config {
  Centiseconds advert_interval{100};  // 1 to 4095; VRRPv2: whole seconds
  bool version2 = false;              // RFC 3768: the skew is a part of a second
  bool preempt = true;
  Duration preempt_delay{0};  // how long a lower node is left in peace before it is preempted
};

/// Why a role changed.
enum class Reason : std::uint8_t {
  kStarted,
  kAdopted,         // a predecessor of this process left the addresses in place
  kOwner,           // priority 255 waits for nobody
  kSilence,         // no advert for the down interval
  kFarewell,        // the active node advertised priority 0
  kHandedOver,      // the active node said over the peer link that it has let go
  kPreempt,         // a node of lower priority was active
  kClaim,           // an operator moves the address here
  kHigherPriority,  // heard while active
  kHigherAddress,   // heard while active, with our own priority
  kYield,           // an operator moves the address away
  kFroze,           // we were late by more than others wait: they have taken over, or may have
  kRightLost,       // not fit to serve
  kStopped,
};
/// "silence", "right_lost" …: for logs and metric labels.
[[nodiscard]] std::string_view reason_name(Reason reason) noexcept;

/// Owner: the daemon. Copied by step().
struct State {
  Role role = Role::kInitialize;
  std::uint8_t right = 0;  // effective priority; 0: this node must not have the address
  bool is_started = false;
  Centiseconds active_interval{100};       // of the active node, as it says (RFC 9568 section 6.1)
  Instant deadline = Instant::max();       // next advert, or the end of the down interval
  Instant advertised_at{};                 // while active: when others last heard of us
  Instant preempt_after = Instant::max();  // a lower node is active and left in peace until then
  Instant claimed_until{};                 // what the node that lets go still says is passed over
  Instant peer_holds_until{};              // the peer link said that the other node is active
  Reason expecting = Reason::kSilence;     // what the end of the down interval will mean
  bool stays_back = false;                 // yielded: whoever is active now is not preempted
  std::uint8_t looks = 0;                  // since the down interval ended; see kSecondLook
};

// ---- inputs -------------------------------------------------------------------------------------

/// A second one changes nothing.
struct Started {
  /// Not zero: a predecessor of this process left the addresses in place, and others heard of it
  /// last at this time. They are adopted if the right is known (RightChanged first) and others
  /// still wait; else released at once.
  Instant advertised_at{};
};
/// For good: gives the address away.
struct Stopped {};
/// A deadline may have been reached. Between two of them the owner reads what has arrived.
struct Tick {};
/// A valid advert of another node for this virtual router.
struct Advert {
  std::uint8_t priority;
  Centiseconds interval;                // never 0: refused when decoded (RFC erratum 8301)
  bool is_from_higher_address = false;  // than our own, as numbers (section 6.4.3)
};
/// The node's effective priority is now this; 0: it must not have the address.
struct RightChanged {
  std::uint8_t priority;
};
/// The peer said over the authenticated link that it is active and able; it is believed until then.
/// While it is, silence does not make us active: it is the path of the adverts that is cut. Two
/// that are active and hear each other only here end as two that hear adverts: the higher stays.
struct PeerHolds {
  Instant until;
  std::uint8_t priority = 0;            // 0: not said, then an active node does not give way to it
  bool is_from_higher_address = false;  // as in Advert
};
/// The peer said over the authenticated link that it has let go and we should take over at once.
/// Worth saying after every Release: one that is active already tells the network again where the
/// address is. What the peer said before may arrive after it (another socket) and is passed over
/// for one interval.
struct PeerLetGo {};
/// An operator moves the address here: taken without waiting, the other node yields next.
struct Claim {
  Instant until;  // how long the other node may take to yield; a claim from before is void
};
/// An operator moves the address away, and the other node has it.
struct Yield {};

using Input =
    std::variant<Started, Stopped, Tick, Advert, RightChanged, PeerHolds, PeerLetGo, Claim, Yield>;

// ---- actions, to be done in order ---------------------------------------------------------------

struct SendAdvert {
  std::uint8_t priority;
  friend bool operator==(const SendAdvert&, const SendAdvert&) = default;
};
/// Put the addresses on the interface.
struct Acquire {
  friend bool operator==(const Acquire&, const Acquire&) = default;
};
/// Take them off.
struct Release {
  friend bool operator==(const Release&, const Release&) = default;
};
/// Tell the network where they are (gratuitous ARP, unsolicited neighbour advertisement).
struct Announce {
  friend bool operator==(const Announce&, const Announce&) = default;
};
struct Moved {
  Role from;
  Role to;
  Reason reason;
  friend bool operator==(const Moved&, const Moved&) = default;
};

using Action = std::variant<SendAdvert, Acquire, Release, Announce, Moved>;

struct Step {
  State state;
  std::vector<Action> actions;
};

[[nodiscard]] Step step(const Config& config, State state, Instant now, const Input& input);

/// When a down interval ends, what has already arrived is read before the silence is believed: a
/// process that did not run for a while sees its timers first and its packets next.
inline constexpr Duration kSecondLook = Milliseconds(1);
/// A second look that came late itself, by an eighth of an interval, is repeated, so often in all.
inline constexpr std::uint8_t kLooksMost = 3;

/// (256 - priority) / 256 of the interval; of a second in VRRPv2 (RFC 9568 section 6.1, RFC 3768).
[[nodiscard]] Duration skew_time(const Config& config, Centiseconds interval,
                                 std::uint8_t priority) noexcept;
/// How long silence lasts before a backup of this priority takes over: three intervals and the
/// skew.
[[nodiscard]] Duration down_interval(const Config& config, Centiseconds interval,
                                     std::uint8_t priority) noexcept;
/// How long a node that says nothing more may still answer for the addresses: until the one that
/// waits least has taken over, if no other's priority is greater than this, and a little longer, so
/// that somebody answers at every moment.
[[nodiscard]] Duration lease(const Config& config, std::uint8_t priority_of_others) noexcept;
/// What another needs from the end of its down interval until the network has heard of it. The
/// kernel ends a lease up to two of its ticks late besides.
inline constexpr Duration kLeaseOverlap = Milliseconds(10);
/// The longest silence after which no backup, whatever its priority, can have taken over yet.
[[nodiscard]] Duration safe_silence(const Config& config) noexcept;

}  // namespace tandem::failover::machine
