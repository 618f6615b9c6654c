#include "failover/peer/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace tandem::failover::peer {
namespace {

std::uint64_t nanoseconds_of(Duration duration) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(duration).count());
}

std::uint64_t stamp(Instant at) { return nanoseconds_of(at.time_since_epoch()); }

/// `stamped` must not lie after a time that was stamped here.
Instant instant_of(std::uint64_t stamped) {
  return Instant(std::chrono::nanoseconds(static_cast<std::int64_t>(stamped)));
}

}  // namespace

Session::Session(Terms terms, Instant begun)
    : terms_(std::move(terms)), heard_at_(begun), as_of_(begun) {}

Result<void> Session::hear(const Message& message, Instant now) {
  if (!is_up() && !std::holds_alternative<Hello>(message) && !std::holds_alternative<Bye>(message))
    return fail("it does not say who it is");
  heard_at_ = now;
  return std::visit([this](const auto& one) { return take(one); }, message);
}

Result<void> Session::take(const Hello& hello) {
  // One secret is good in both directions and on every node: the name is what keeps a connection
  // that somebody led elsewhere, or back to ourselves, from being taken for the peer.
  if (hello.node == terms_.own_node && hello.node != terms_.peer_node)
    return fail(fmt::format("it says that it is {}, which is this node", hello.node));
  if (hello.node != terms_.peer_node)
    return fail(fmt::format("it says that it is {}, not {}", hello.node, terms_.peer_node));
  hello_ = hello;
  hello_->heartbeat = std::clamp(hello.heartbeat, kHeartbeatMin, kHeartbeatMax);
  return {};
}

Result<void> Session::take(const Status& status) {
  status_ = status;
  has_status_ = true;
  return {};
}

Result<void> Session::take(const Heartbeat& heartbeat) {
  if (heartbeat.echo > stamp(beat_at_)) return fail("it echoes what was never said");
  echo_ = heartbeat.sent;
  echo_heard_at_ = heard_at_;
  if (heartbeat.echo != 0) measure(heartbeat);
  merge(heartbeat);
  return {};
}

void Session::measure(const Heartbeat& heartbeat) {
  const Instant said_at = instant_of(heartbeat.echo);
  as_of_ = std::max(as_of_, said_at);
  const auto passed = nanoseconds_of(heard_at_ - said_at);
  if (heartbeat.held > passed) return;  // its clock runs wild; nothing hangs on this figure
  round_trip_ = std::chrono::nanoseconds(static_cast<std::int64_t>(passed - heartbeat.held));
}

void Session::merge(const Heartbeat& heartbeat) {
  status_.is_fit = heartbeat.is_fit;
  const std::size_t count = std::min(heartbeat.routers.size(), status_.routers.size());
  for (std::size_t i = 0; i < count; ++i) {
    const Heartbeat::Router& from = heartbeat.routers[i];
    RouterStatus& to = status_.routers[i];
    if (from.vrid != to.vrid || from.is_v6 != to.is_v6) continue;
    to.role = from.role;
    to.priority = from.priority;
  }
}

Heartbeat Session::beat(const Status& own, Instant now) {
  beat_at_ = now;
  Heartbeat heartbeat{.sent = stamp(now),
                      .echo = echo_,
                      .held = echo_ == 0 ? 0 : nanoseconds_of(now - echo_heard_at_),
                      .is_fit = own.is_fit,
                      .routers = {}};
  heartbeat.routers.reserve(own.routers.size());
  for (const RouterStatus& router : own.routers)
    heartbeat.routers.push_back({.vrid = router.vrid,
                                 .is_v6 = router.is_v6,
                                 .role = router.role,
                                 .priority = router.priority});
  return heartbeat;
}

Duration Session::silence() const noexcept {
  const Milliseconds slower =
      hello_ ? std::max(terms_.heartbeat, hello_->heartbeat) : terms_.heartbeat;
  return std::max<Duration>(kSilenceMin, kSilentHeartbeats * slower);
}

}  // namespace tandem::failover::peer
