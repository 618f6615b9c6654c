#include "failover/system/announcer.h"

#include "common/check.h"
#include "common/log.h"
#include "failover/wire/arp.h"
#include "failover/wire/neighbour.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/if_packet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace tandem::failover::system {
namespace {

// A node that meets another several times in a row announces as often; a neighbour that provokes it
// without end gets one burst a second.
constexpr TurnBudget::Terms kBursts{.turn = Milliseconds(1'000), .burst = 5};

}  // namespace

// ---- AnnouncePlan -------------------------------------------------------------------------------

AnnouncePlan::AnnouncePlan(const AnnounceSettings& settings) noexcept
    : settings_(settings), bursts_(kBursts) {
  TANDEM_CHECK(settings_.burst >= 1);
}

// Rounds at 0, 1, 3, 6, 10 … tenths of the span for a burst of five.
Duration AnnouncePlan::offset(int round) const noexcept {
  if (settings_.burst == 1) return Duration::zero();
  const int whole = settings_.burst * (settings_.burst - 1);
  return settings_.burst_span * (round * (round + 1)) / whole;
}

void AnnouncePlan::start(Instant now) noexcept {
  begun_at_ = now + bursts_.wait(now);
  next_ = begun_at_;
  round_ = 0;
  is_second_ = false;
}

bool AnnouncePlan::take_round(Instant now) noexcept {
  if (now < next_) return false;
  if (now - next_ > settings_.late_max) {
    begun_at_ += now - next_ + settings_.late_max;
    next_ = now + settings_.late_max;
    return false;
  }
  if (round_ == 0 && !is_second_) static_cast<void>(bursts_.take(now));
  if (++round_ < settings_.burst) {
    next_ = begun_at_ + offset(round_);
  } else if (!is_second_ && settings_.second_burst > Duration::zero()) {
    begun_at_ += settings_.second_burst;
    next_ = begun_at_;
    round_ = 0;
    is_second_ = true;
  } else {
    is_second_ = true;
    round_ = settings_.burst;  // single rounds from now on
    next_ = settings_.refresh > Duration::zero() ? now + settings_.refresh : Instant::max();
  }
  return true;
}

// ---- Announcer ----------------------------------------------------------------------------------

Announcer::Announcer(event::Loop& loop, const Interface& interface,
                     std::vector<IpAddress> addresses, const AnnounceSettings& settings)
    : interface_(interface),
      addresses_(std::move(addresses)),
      plan_(settings),
      timer_(loop, [this] { on_time(); }) {}

Result<void> Announcer::open() {
  // Protocol 0: it never receives.
  socket_.reset(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (socket_) return {};
  return fail(fmt::format("packet socket for announcements on {}: {}", interface_.name(),
                          std::strerror(errno)));
}

void Announcer::announce() {
  plan_.start(Clock::now());
  on_time();
}

void Announcer::stop() noexcept {
  plan_.stop();
  timer_.stop();
}

void Announcer::on_time() {
  if (plan_.take_round(Clock::now())) send_round();
  arm();
}

void Announcer::arm() {
  if (!is_active()) return;
  timer_.start(std::max(Duration::zero(), plan_.next() - Clock::now()));
}

void Announcer::send_round() {
  const auto& link = interface_.link();
  if (!link || !link->is_up) return;
  const bool routes = is_router();
  for (const IpAddress& address : addresses_) {
    const auto frame = address.is_v6() ? wire::neighbour_advertisement(address, link->mac, routes)
                                       : wire::gratuitous_arp(address, link->mac);
    const bool is_sent = send_frame(frame, link->index);
    ++(!is_sent ? counts_.failures : address.is_v6() ? counts_.neighbour_sent : counts_.arp_sent);
  }
}

bool Announcer::send_frame(const std::vector<std::uint8_t>& frame, int interface_index) {
  sockaddr_ll to{};
  to.sll_family = AF_PACKET;
  to.sll_ifindex = interface_index;
  // The kernel's own filters and queues go by it: bytes 12 and 13 of the frame.
  std::memcpy(&to.sll_protocol, frame.data() + 12, sizeof to.sll_protocol);
  const ssize_t sent = ::sendto(socket_.get(), frame.data(), frame.size(), MSG_NOSIGNAL,
                                reinterpret_cast<const sockaddr*>(&to), sizeof to);
  if (sent >= 0) {
    has_failed_ = false;
    return true;
  }
  if (!std::exchange(has_failed_, true)) {
    log::warning("cannot announce the addresses on {}: {}", interface_.name(),
                 std::strerror(errno));
  }
  return false;
}

// A neighbour that reads "no router" drops its default routes through this node; one that reads
// "router" by mistake keeps what it has (RFC 4861 section 7.2.5). So it is said as it is.
bool Announcer::is_router() const {
  const std::string path = fmt::format("/proc/sys/net/ipv6/conf/{}/forwarding", interface_.name());
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  char first = '0';
  return file && ::read(file.get(), &first, 1) == 1 && first != '0';
}

}  // namespace tandem::failover::system
