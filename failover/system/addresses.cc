#include "failover/system/addresses.h"

#include "common/check.h"
#include "common/log.h"

#include <fmt/format.h>
#include <linux/if_addr.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace tandem::failover::system {
namespace {

constexpr std::uint32_t kForEver = ~0U;
// The kernel counts lifetimes in whole seconds and may be this much early.
constexpr Milliseconds kKernelEarly{100};
constexpr std::chrono::seconds kTryAgain{1};

bool shares_network(const IpPrefix& wanted, const IpPrefix& other) {
  if (wanted.address.is_v6() != other.address.is_v6() || other.length > wanted.length) {
    return false;
  }
  const auto a = wanted.address.bytes();
  const auto b = other.address.bytes();
  const std::size_t whole = other.length / 8U;
  if (!std::ranges::equal(a.first(whole), b.first(whole))) return false;
  const unsigned rest = other.length % 8U;
  return rest == 0 || ((a[whole] ^ b[whole]) >> (8U - rest)) == 0;
}

// An IPv6 address is on a link once, whatever its length; an IPv4 one may be there with several.
bool serves_as(const IpPrefix& found, const IpPrefix& wanted) {
  return found.address == wanted.address &&
         (wanted.address.is_v6() || found.length == wanted.length);
}

const InterfaceAddress* find(const std::vector<InterfaceAddress>& all, const IpPrefix& wanted) {
  const auto at = std::ranges::find_if(
      all, [&](const InterfaceAddress& found) { return serves_as(found.prefix, wanted); });
  return at == all.end() ? nullptr : &*at;
}

}  // namespace

std::string_view holding_name(Holding holding) noexcept {
  switch (holding) {
    case Holding::kUndecided:
      return "undecided";
    case Holding::kHeld:
      return "held";
    case Holding::kReleased:
      return "released";
    case Holding::kLapsed:
      return "lapsed";
  }
  return "undecided";
}

Addresses::Addresses(event::Loop& loop, RouteMonitor& monitor, RouteSocket& route,
                     const Interface& interface, Settings settings)
    : monitor_(monitor),
      route_(route),
      interface_(interface),
      settings_(std::move(settings)),
      without_route_(settings_.addresses.size()),
      mend_later_(loop, [this] { mend(); }) {
  TANDEM_CHECK(!settings_.lifetime || settings_.lifetime->count() > 0);
  monitor_.join(*this);
}

Addresses::~Addresses() { monitor_.leave(*this); }

// ---- what is asked for --------------------------------------------------------------------------

Result<void> Addresses::acquire() {
  holding_ = Holding::kHeld;
  lives_until_ = settings_.lifetime ? Clock::now() + *settings_.lifetime : Instant::max();
  mend_later_.start(kTryAgain);  // unless all goes well
  const auto all = read_all();
  if (!all) return std::unexpected(all.error());
  if (!interface_.link()) return fail(interface_.words());
  const int link = interface_.link()->index;
  Result<void> outcome;
  for (std::size_t i = 0; i < settings_.addresses.size(); ++i) {
    const IpPrefix& wanted = settings_.addresses[i];
    const InterfaceAddress* found = find(*all, wanted);
    without_route_[i] =
        found != nullptr ? (found->flags & IFA_F_NOPREFIXROUTE) != 0 : needs_no_route(*all, wanted);
    if (found != nullptr && !settings_.lifetime && found->valid_seconds == kForEver) {
      ++counts_.adopted;
      continue;
    }
    const auto done = put(link, i);
    if (done) ++(found != nullptr ? counts_.adopted : counts_.added);
    if (!done && outcome) outcome = done;
  }
  if (outcome) mend_later_.stop();
  seen_index_ = interface_.link()->is_up ? link : 0;
  return outcome;
}

Result<void> Addresses::release() {
  holding_ = Holding::kReleased;
  mend_later_.stop();
  const auto all = read_all();
  if (!all) return std::unexpected(all.error());
  Result<void> outcome;
  for (const InterfaceAddress& found : *all) {
    if (!is_ours(found.prefix.address)) continue;
    const auto done = remove(found);
    if (done) ++counts_.removed;
    if (!done && outcome) outcome = done;
  }
  return outcome;
}

Result<void> Addresses::refresh() {
  if (holding_ == Holding::kHeld && has_lapsed()) lapse();
  if (holding_ != Holding::kHeld) {
    return fail(fmt::format("the addresses on {} are {}: nothing to refresh", interface_.name(),
                            holding_name(holding_)));
  }
  if (!settings_.lifetime) return {};
  if (!interface_.link()) return fail(interface_.words());
  const Instant until = Clock::now() + *settings_.lifetime;
  for (std::size_t i = 0; i < settings_.addresses.size(); ++i) {
    if (auto done = put(interface_.link()->index, i); !done) return done;
  }
  lives_until_ = until;
  return {};
}

Result<std::vector<IpPrefix>> Addresses::present() {
  const auto all = read_all();
  if (!all) return std::unexpected(all.error());
  std::vector<IpPrefix> ours;
  for (const InterfaceAddress& found : *all) {
    if (is_ours(found.prefix.address)) ours.push_back(found.prefix);
  }
  return ours;
}

// ---- what others do -----------------------------------------------------------------------------

void Addresses::on_link(const InterfaceState&, bool) {
  // The Interface has been told before us.
  const auto& link = interface_.link();
  const int index = link && link->is_up ? link->index : 0;
  if (std::exchange(seen_index_, index) != index && index != 0) mend();
}

void Addresses::on_address(const InterfaceAddress& address, bool is_gone) {
  if (!interface_.link() || address.link != interface_.link()->index) return;
  if (!is_ours(address.prefix.address)) return;
  // What agrees with what was asked for is most likely our own doing.
  if (is_gone == (holding_ == Holding::kHeld)) mend();
}

void Addresses::on_lost_track() { mend(); }

void Addresses::mend() {
  if (holding_ == Holding::kUndecided || !interface_.link()) return;
  if (holding_ == Holding::kHeld && has_lapsed()) {
    lapse();
    return;
  }
  // IPv6 leaves an interface that goes down; it is put back when it comes up.
  if (holding_ == Holding::kHeld && !interface_.link()->is_up) return;
  const Instant now = Clock::now();
  if (!mends_.take(now)) {
    mend_later_.start(mends_.wait(now));
    return;
  }
  const auto all = read_all();
  if (!all) {
    log::warning("{}", all.error().message);
    mend_later_.start(kTryAgain);
    return;
  }
  // Told when all is done: who is told may acquire or release.
  const auto incidents = holding_ == Holding::kHeld ? put_back_missing(*all) : withdraw(*all);
  for (const Incident& incident : incidents) tell(incident);
}

std::vector<Incident> Addresses::put_back_missing(const Found& all) {
  std::vector<Incident> incidents;
  for (std::size_t i = 0; i < settings_.addresses.size(); ++i) {
    const IpPrefix& wanted = settings_.addresses[i];
    if (find(all, wanted) != nullptr) continue;
    without_route_[i] = needs_no_route(all, wanted);
    if (const auto done = put(interface_.link()->index, i); done) {
      ++counts_.put_back;
      incidents.push_back({Incident::Kind::kPutBack, wanted,
                           fmt::format("{} had vanished from {} and was put back", wanted.text(),
                                       interface_.name())});
    } else {
      mend_later_.start(kTryAgain);
      incidents.push_back(
          {Incident::Kind::kNotPutBack, wanted,
           fmt::format("{} has vanished: {}", wanted.text(), done.error().message)});
    }
  }
  return incidents;
}

std::vector<Incident> Addresses::withdraw(const Found& all) {
  std::vector<Incident> incidents;
  for (const InterfaceAddress& found : all) {
    if (!is_ours(found.prefix.address)) continue;
    if (const auto done = remove(found); done) {
      ++counts_.withdrawn;
      incidents.push_back({Incident::Kind::kWithdrawn, found.prefix,
                           fmt::format("{} was on {} without right and was taken off",
                                       found.prefix.text(), interface_.name())});
    } else {
      mend_later_.start(kTryAgain);
      incidents.push_back({Incident::Kind::kNotWithdrawn, found.prefix,
                           fmt::format("{} is on {} without right: {}", found.prefix.text(),
                                       interface_.name(), done.error().message)});
    }
  }
  return incidents;
}

bool Addresses::has_lapsed() const noexcept {
  return settings_.lifetime && Clock::now() >= lives_until_ - kKernelEarly;
}

void Addresses::lapse() {
  holding_ = Holding::kLapsed;
  mend_later_.stop();
  ++counts_.lapsed;
  const Duration late = Clock::now() - (lives_until_ - *settings_.lifetime);
  for (const InterfaceAddress& found : read_all().value_or(Found{})) {
    if (!is_ours(found.prefix.address)) continue;
    if (const auto done = remove(found); !done) log::warning("{}", done.error().message);
  }
  const IpPrefix first = settings_.addresses.empty() ? IpPrefix{} : settings_.addresses.front();
  tell({Incident::Kind::kLapsed, first,
        fmt::format("the addresses on {} ({} …) were not refreshed for {} ms and live for {} s: "
                    "given up",
                    interface_.name(), first.text(), to_milliseconds(late),
                    settings_.lifetime->count())});
}

// ---- the kernel ---------------------------------------------------------------------------------

Result<void> Addresses::put(int link, std::size_t place) {
  const IpPrefix& address = settings_.addresses[place];
  const Answer answer = route_.put_address({.link = link,
                                            .prefix = address,
                                            .lifetime = settings_.lifetime,
                                            .without_route = without_route_[place]});
  if (answer) return {};
  ++counts_.failures;
  return fail(fmt::format("cannot put {} on {}: {}", address.text(), interface_.name(),
                          answer.error().words));
}

Result<void> Addresses::remove(const InterfaceAddress& found) {
  const Answer answer = route_.remove_address(found.link, found.prefix);
  if (answer) return {};
  const int error = answer.error().number;
  if (error == EADDRNOTAVAIL || error == ENODEV) return {};  // it has gone meanwhile
  ++counts_.failures;
  return fail(fmt::format("cannot take {} off {}: {}", found.prefix.text(), interface_.name(),
                          answer.error().words));
}

Result<Addresses::Found> Addresses::read_all() {
  if (!interface_.link()) return Found{};
  auto all = route_.addresses(interface_.link()->index);
  if (all) return *std::move(all);
  if (all.error().number == ENODEV) return Found{};
  ++counts_.failures;
  return fail(
      fmt::format("cannot read the addresses of {}: {}", interface_.name(), all.error().words));
}

bool Addresses::is_ours(const IpAddress& address) const noexcept {
  return std::ranges::any_of(settings_.addresses,
                             [&](const IpPrefix& ours) { return ours.address == address; });
}

// A second route to the same IPv6 network is merged with the first: one that lives as long as a
// router advertises it would live as long as our lease instead.
bool Addresses::needs_no_route(const Found& all, const IpPrefix& wanted) const noexcept {
  return wanted.address.is_v6() && std::ranges::any_of(all, [&](const InterfaceAddress& other) {
           return !is_ours(other.prefix.address) && shares_network(wanted, other.prefix);
         });
}

void Addresses::tell(const Incident& incident) {
  log::warning("{}", incident.words);
  if (on_incident_) on_incident_(incident);
}

}  // namespace tandem::failover::system
