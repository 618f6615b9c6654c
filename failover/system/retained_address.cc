#include "failover/system/retained_address.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <utility>

namespace tandem::failover::system {
namespace {

constexpr std::uint32_t kForEver = ~0U;

IpPrefix alone(const IpAddress& address) {
  return {.address = address, .length = static_cast<std::uint8_t>(address.is_v6() ? 128 : 32)};
}

}  // namespace

RetainedAddress::RetainedAddress(RouteSocket& route, std::vector<IpAddress> addresses)
    : route_(route), addresses_(std::move(addresses)) {}

Result<void> RetainedAddress::begin() {
  if (auto put_there = put(); !put_there) {
    // Half of them is of no use. That it cannot be undone either adds nothing to the words.
    (void)end();
    return put_there;
  }
  has_begun_ = true;
  return {};
}

Result<void> RetainedAddress::refresh() { return has_begun_ ? put() : Result<void>{}; }

Result<void> RetainedAddress::put() {
  const auto left = left_to_us();
  if (!left) return std::unexpected(left.error());
  for (const IpAddress& address : *left) {
    const Answer answer = route_.put_address({.link = loopback_,
                                              .prefix = alone(address),
                                              .lifetime = kLifetime,
                                              .without_route = true});
    if (!answer)
      return fail(fmt::format("cannot keep {} on lo: {}", address.text(), answer.error().words));
  }
  return {};
}

Result<void> RetainedAddress::end() {
  has_begun_ = false;
  const auto left = left_to_us();
  if (!left) return std::unexpected(left.error());
  Result<void> outcome;
  for (const IpAddress& address : *left) {
    const Answer answer = route_.remove_address(loopback_, alone(address));
    if (answer || answer.error().number == EADDRNOTAVAIL || !outcome) continue;
    outcome = fail(fmt::format("cannot take {} off lo: {}", address.text(), answer.error().words));
  }
  return outcome;
}

Result<std::vector<IpAddress>> RetainedAddress::left_to_us() {
  const auto loopback = route_.link("lo");
  if (!loopback) return fail(fmt::format("lo: {}", loopback.error().words));
  loopback_ = loopback->index;
  const auto present = route_.addresses(loopback_);
  if (!present) return fail(fmt::format("cannot read lo: {}", present.error().words));
  std::vector<IpAddress> left;
  for (const IpAddress& address : addresses_) {
    const bool is_permanent = std::ranges::any_of(*present, [&](const InterfaceAddress& found) {
      return found.prefix == alone(address) && found.valid_seconds == kForEver;
    });
    if (!is_permanent) left.push_back(address);
  }
  return left;
}

void RetainedAddress::add_to(GuardPlan& plan) const {
  if (!has_begun_) return;
  for (const IpAddress& address : addresses_)
    add_withdrawal(plan, static_cast<unsigned>(loopback_), alone(address));
}

}  // namespace tandem::failover::system
