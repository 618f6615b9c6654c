// Addresses: the virtual addresses of one router on one interface: put there, taken off, read back
// and watched. What it was told last (acquire or release) stays true: an address that somebody took
// away is put back at once, one that is there without right is taken off. It decides nothing about
// who may hold them, and tells no neighbour: see failover/machine and announcer.h.
//
// With a lifetime the kernel itself lets an address go that the daemon no longer refreshes, dead or
// frozen as it may be. Who comes late to refresh has lost it: another node may have it by now, so
// nothing is put back until acquire() is called anew.
#pragma once

#include "common/event/timer.h"
#include "failover/system/interface.h"
#include "failover/system/link_budget.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::failover::system {

/// What Addresses is to see to.
enum class Holding : std::uint8_t {
  kUndecided,  // neither acquired nor released yet: nothing is touched
  kHeld,
  kReleased,
  kLapsed,  // it was held, and not refreshed in time: what the kernel left is taken off
};
/// "undecided", "held", "released", "lapsed": for logs, metrics and commands.
[[nodiscard]] std::string_view holding_name(Holding holding) noexcept;

/// Something that was not asked for.
struct Incident {
  enum class Kind : std::uint8_t {
    kPutBack,       // somebody had taken the address away
    kNotPutBack,    // as before, and the kernel refuses to have it back: tried again each second
    kWithdrawn,     // it was there without right
    kNotWithdrawn,  // as before, and the kernel refuses to let it go
    kLapsed,        // the lifetime ended before refresh() came
  };
  Kind kind;
  IpPrefix address;
  std::string words;  // a sentence that names the address and the interface
};

/// Thread: the loop's.
class Addresses final : private RouteListener {
 public:
  struct Settings {
    std::vector<IpPrefix> addresses;
    std::optional<std::chrono::seconds> lifetime;  // at least 1 s; none: until released
  };
  struct Counts {
    std::uint64_t added = 0;
    std::uint64_t adopted = 0;  // were there already when acquired
    std::uint64_t removed = 0;
    std::uint64_t put_back = 0;
    std::uint64_t withdrawn = 0;
    std::uint64_t lapsed = 0;
    std::uint64_t failures = 0;  // requests that the kernel refused
  };
  /// Called after the fact, in the loop's turn. May call acquire() or release(); must not destroy
  /// the Addresses.
  using OnIncident = std::function<void(const Incident&)>;

  /// Everything given must outlive it. Touches nothing yet; present() tells what a successor finds.
  Addresses(event::Loop& loop, RouteMonitor& monitor, RouteSocket& route,
            const Interface& interface, Settings settings);
  /// Leaves the addresses where they are, so that a successor can adopt them.
  ~Addresses();

  void set_on_incident(OnIncident callback) { on_incident_ = std::move(callback); }

  /// Puts all of them on the interface; those that are there are adopted and keep serving. Goes on
  /// after an error, so that as many as possible are there; the error names the first that is not,
  /// and is mended as if it had been taken away.
  [[nodiscard]] Result<void> acquire();
  /// Takes all of them off, whatever the length of their network; none being there is no error.
  [[nodiscard]] Result<void> release();
  /// Begins the lifetime anew; nothing without one. To be called several times in it.
  /// Errors: not held; lapsed (the incident has been told); the kernel's refusal.
  [[nodiscard]] Result<void> refresh();

  /// Those of them that are on the interface now, by asking the kernel.
  [[nodiscard]] Result<std::vector<IpPrefix>> present();

  [[nodiscard]] Holding holding() const noexcept { return holding_; }
  [[nodiscard]] const Counts& counts() const noexcept { return counts_; }
  [[nodiscard]] const std::vector<IpPrefix>& addresses() const noexcept {
    return settings_.addresses;
  }

 private:
  using Found = std::vector<InterfaceAddress>;

  void on_link(const InterfaceState& link, bool is_gone) override;
  void on_address(const InterfaceAddress& address, bool is_gone) override;
  void on_lost_track() override;

  void mend();
  [[nodiscard]] std::vector<Incident> put_back_missing(const Found& all);
  [[nodiscard]] std::vector<Incident> withdraw(const Found& all);
  [[nodiscard]] bool has_lapsed() const noexcept;
  void lapse();
  /// Adds or renews the address at `place` of the list.
  [[nodiscard]] Result<void> put(int link, std::size_t place);
  [[nodiscard]] Result<void> remove(const InterfaceAddress& found);
  [[nodiscard]] Result<Found> read_all();
  [[nodiscard]] bool is_ours(const IpAddress& address) const noexcept;
  [[nodiscard]] bool needs_no_route(const Found& all, const IpPrefix& wanted) const noexcept;
  void tell(const Incident& incident);

  RouteMonitor& monitor_;
  RouteSocket& route_;
  const Interface& interface_;
  Settings settings_;
  Holding holding_ = Holding::kUndecided;
  Instant lives_until_ = Instant::max();
  std::vector<bool> without_route_;  // for each address: how it was added
  int seen_index_ = 0;               // of the interface when it was last mended; 0: it was not up
  Counts counts_;
  OnIncident on_incident_;
  // Two programs that undo each other must not eat the processor.
  TurnBudget mends_{{.turn = Milliseconds(200), .burst = 20}};
  event::Timer mend_later_;
};

}  // namespace tandem::failover::system
