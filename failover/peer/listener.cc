#include "failover/peer/listener.h"

#include "common/log.h"
#include "failover/peer/link.h"
#include "failover/peer/tcp.h"

#include <chrono>
#include <utility>

namespace tandem::failover::peer {
namespace {

constexpr int kAcceptsPerTurn = 16;

}  // namespace

PeerListener::PeerListener(event::Poller& poller, IpAddress own_address, std::uint16_t port)
    : Socket(poller),
      own_address_(own_address),
      port_(port),
      about_strangers_(std::chrono::seconds(10)) {}

Result<void> PeerListener::serve(const IpAddress& address, PeerLink& link) {
  if (!is_open())
    if (auto opened = open(); !opened) return opened;
  links_[address] = &link;
  return {};
}

Result<void> PeerListener::open() {
  auto fd = listen_on(own_address_, port_);
  if (!fd) return std::unexpected(fd.error());
  attach(fd->release());
  if (watch()) return {};
  close();
  return fail("cannot watch the port of the peer link");
}

void PeerListener::forget(const PeerLink& link) noexcept {
  std::erase_if(links_, [&link](const auto& entry) { return entry.second == &link; });
}

SocketAddress PeerListener::address() const { return local_address(fd()); }

void PeerListener::on_ready() {
  for (int i = 0; i < kAcceptsPerTurn; ++i) {
    // Without a descriptor left the peer waits in the backlog: it dials again, which wakes us.
    auto accepted = accept_one(fd());
    if (!accepted) return;
    const auto link = links_.find(accepted->from);
    if (link == links_.end())
      refuse(accepted->from);
    else
      link->second->accept(std::move(accepted->fd));
  }
  poller().again(*this);
}

void PeerListener::refuse(const IpAddress& stranger) {
  ++strangers_;
  if (const auto others = about_strangers_.may_speak(Clock::now()))
    log::warning(
        "peer link: a connection from {}, which is no node of ours ({} more since the last)",
        stranger.text(), *others);
}

}  // namespace tandem::failover::peer
