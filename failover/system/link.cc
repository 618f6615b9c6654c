#include "failover/system/link.h"

#include "common/event/timer.h"
#include "failover/wire/ip_header.h"

#include <fmt/format.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace tandem::failover::system {
namespace {

constexpr int kFormedBufferBytes = 512 * 1024;  // what a flood of 200,000 a second brings in 2 ms
constexpr int kSuspectBufferBytes = 64 * 1024;

/// Room for packets that one system call reads.
struct Batch {
  static constexpr std::size_t kSize = 16;

  Batch() noexcept {
    for (std::size_t i = 0; i < kSize; ++i) {
      pieces[i] = {.iov_base = bytes[i].data(), .iov_len = bytes[i].size()};
      headers[i].msg_hdr.msg_iov = &pieces[i];
      headers[i].msg_hdr.msg_iovlen = 1;
    }
  }

  /// @return the number of packets read; 0: nothing there now.
  int read(int fd) noexcept {
    for (std::size_t i = 0; i < kSize; ++i) {
      headers[i].msg_hdr.msg_name = &sources[i];
      headers[i].msg_hdr.msg_namelen = sizeof sources[i];
      headers[i].msg_hdr.msg_control = control[i].data();
      headers[i].msg_hdr.msg_controllen = control[i].size();
      headers[i].msg_hdr.msg_flags = 0;
    }
    // Errors beside EAGAIN tell of the interface; whoever watches interfaces hears of it anyway.
    return std::max(0, ::recvmmsg(fd, headers.data(), kSize, MSG_DONTWAIT, nullptr));
  }

  [[nodiscard]] wire::ByteView packet(std::size_t i) const noexcept {
    return {bytes[i].data(), headers[i].msg_len};
  }
  [[nodiscard]] bool is_whole(std::size_t i) const noexcept {
    return (headers[i].msg_hdr.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0;
  }

  std::array<std::array<std::uint8_t, Link::kPacketBytesMax>, kSize> bytes;
  alignas(cmsghdr) std::array<std::array<char, 128>, kSize> control;
  std::array<sockaddr_in6, kSize> sources;
  std::array<iovec, kSize> pieces{};
  std::array<mmsghdr, kSize> headers{};
};

IpAddress ip_address(const in6_addr& address) {
  return IpAddress::of({reinterpret_cast<const std::uint8_t*>(&address), sizeof address});
}

/// What an IPv6 raw socket says beside the packet; nullopt: not all of it.
std::optional<wire::Envelope> read_v6(const msghdr& message, const in6_addr& source) {
  std::optional<IpAddress> destination;
  std::optional<std::uint8_t> hop_limit;
  auto* all = const_cast<msghdr*>(&message);
  for (cmsghdr* one = CMSG_FIRSTHDR(all); one != nullptr; one = CMSG_NXTHDR(all, one)) {
    if (one->cmsg_level != IPPROTO_IPV6) continue;
    if (one->cmsg_type == IPV6_PKTINFO) {
      in6_pktinfo info;
      std::memcpy(&info, CMSG_DATA(one), sizeof info);
      destination = ip_address(info.ipi6_addr);
    } else if (one->cmsg_type == IPV6_HOPLIMIT) {
      int value;
      std::memcpy(&value, CMSG_DATA(one), sizeof value);
      hop_limit = static_cast<std::uint8_t>(value);
    }
  }
  if (!destination || !hop_limit) return std::nullopt;
  return wire::Envelope{
      .source = ip_address(source), .destination = *destination, .hop_limit = *hop_limit};
}

}  // namespace

/// One receiving socket and its budget.
class Link::Queue final : public event::Socket {
 public:
  Queue(Link& link, event::Poller& poller, TurnBudget::Terms terms)
      : Socket(poller), link_(link), budget_(terms), resume_(poller.loop(), [this] { resume(); }) {}

  /// False: the poller refused; errno tells.
  [[nodiscard]] bool start(FileDescriptor fd) noexcept {
    attach(fd.release());
    return watch();
  }

  /// Packets that the kernel dropped because the queue was full, since it was opened.
  [[nodiscard]] std::uint64_t unread() const noexcept {
    std::array<std::uint32_t, SK_MEMINFO_VARS> info{};
    socklen_t size = sizeof info;
    if (::getsockopt(fd(), SOL_SOCKET, SO_MEMINFO, info.data(), &size) != 0) return 0;
    return info[SK_MEMINFO_DROPS];
  }

 private:
  void on_ready() override {
    if (is_paused_ || !readable()) return;
    const Instant now = poller().loop().now();
    if (!budget_.take(now)) return pause(budget_.wait(now));
    read_turn();
  }

  /// Out of the poller's sight: under a flood even an unread socket would wake the loop each time.
  void pause(Duration length) {
    attach(detach());
    is_paused_ = true;
    resume_.start(length);
  }

  void resume() {
    is_paused_ = false;
    if (!is_open()) return;
    // Refused (no memory): the next attempt comes as if the budget were spent once more.
    if (!watch()) pause(std::chrono::milliseconds(100));
  }

  void read_turn() {
    Batch batch;
    for (int left = kPacketsPerTurn; left > 0; left -= static_cast<int>(Batch::kSize)) {
      const auto count = static_cast<std::size_t>(batch.read(fd()));
      for (std::size_t i = 0; i < count; ++i) {
        hand_on(batch, i);
        if (!is_open()) return;  // the callback closed or reopened the link
      }
      if (count < Batch::kSize) {
        set_readable(false);
        return;
      }
    }
    poller().again(*this);
  }

  void hand_on(const Batch& batch, std::size_t i) {
    if (!batch.is_whole(i)) {
      ++link_.counters_.unreadable;
    } else if (link_.settings_.is_v6) {
      const auto envelope = read_v6(batch.headers[i].msg_hdr, batch.sources[i].sin6_addr);
      envelope ? deliver(*envelope, batch.packet(i)) : void(++link_.counters_.unreadable);
    } else {
      const auto packet = wire::read_ipv4(batch.packet(i));
      packet ? deliver(packet->envelope, packet->payload) : void(++link_.counters_.unreadable);
    }
  }

  void deliver(const wire::Envelope& envelope, wire::ByteView payload) {
    ++link_.counters_.received;
    link_.on_packet_(envelope, payload);
  }

  Link& link_;
  TurnBudget budget_;
  event::Timer resume_;
  bool is_paused_ = false;
};

Link::Link(event::Poller& poller, LinkSettings settings, OnPacket on_packet)
    : poller_(poller), settings_(std::move(settings)), on_packet_(std::move(on_packet)) {
  destinations_ = settings_.peers;
  if (destinations_.empty())
    destinations_.push_back(settings_.is_v6 ? wire::kGroupV6 : wire::kGroupV4);
}

Link::~Link() { close(); }

Result<LinkPlace> Link::find_place() const {
  const bool is_unicast = !settings_.peers.empty();
  const Result<unsigned> index = find_interface(settings_.interface);
  if (!index) return std::unexpected(index.error());
  const Result<IpAddress> source = settings_.source
                                       ? *settings_.source
                                       : choose_source(settings_.interface, settings_.is_v6,
                                                       is_unicast, settings_.never_sources);
  if (!source) return std::unexpected(source.error());
  return LinkPlace{.interface = settings_.interface,
                   .index = *index,
                   .source = *source,
                   .is_unicast = is_unicast};
}

Result<void> Link::reopen() {
  close();
  Result<LinkPlace> place = find_place();
  if (!place) return std::unexpected(place.error());
  place_ = std::move(*place);
  Result<FileDescriptor> sender = open_sender(place_);
  if (!sender) return std::unexpected(sender.error());
  const AdvertForm form{.is_v6 = settings_.is_v6,
                        .version = settings_.version,
                        .vrid = settings_.vrid,
                        .own = place_.source,
                        .peers = settings_.peers};
  auto done = open_queue(formed_, kFormed, filter_well_formed(form), kFormedBufferBytes);
  if (done) done = open_queue(suspect_, kSuspect, filter_suspect(form), kSuspectBufferBytes);
  if (!done) {
    close();
    return done;
  }
  sender_ = std::move(*sender);
  return {};
}

Result<void> Link::open_queue(std::unique_ptr<Queue>& queue, TurnBudget::Terms terms,
                              const Filter& filter, int buffer_bytes) {
  Result<FileDescriptor> fd = open_receiver(place_, filter, buffer_bytes);
  if (!fd) return std::unexpected(fd.error());
  queue = std::make_unique<Queue>(*this, poller_, terms);
  if (queue->start(std::move(*fd))) return {};
  return fail(
      fmt::format("{}: cannot watch for adverts: {}", place_.interface, std::strerror(errno)));
}

void Link::close() {
  sender_.reset();
  close_queue(formed_, counters_.unread);
  close_queue(suspect_, counters_.unread_suspect);
}

void Link::close_queue(std::unique_ptr<Queue>& queue, std::uint64_t& unread) {
  if (!queue) return;
  unread += queue->unread();
  queue->close();
  poller_.retire(std::move(queue));  // its callback may be what brought us here
}

Result<void> Link::send(const IpAddress& destination, wire::ByteView payload) {
  if (!is_open()) return fail(fmt::format("{}: the link is closed", settings_.interface));
  const RawAddress to = raw_address(destination, place_.index);
  const ssize_t count = ::sendto(sender_.get(), payload.data(), payload.size(),
                                 MSG_DONTWAIT | MSG_NOSIGNAL, to.data(), to.size);
  if (count >= 0) {
    ++counters_.sent;
    return {};
  }
  const int error = errno;
  ++counters_.send_failures;
  return fail(fmt::format("{}: cannot send from {} to {}: {}", place_.interface,
                          place_.source.text(), destination.text(), std::strerror(error)));
}

Farewell Link::farewell(const IpAddress& destination, wire::ByteView payload) const {
  return {.socket = sender_.get(),
          .destination = raw_address(destination, place_.index),
          .payload = {payload.begin(), payload.end()}};
}

LinkCounters Link::counters() const {
  LinkCounters all = counters_;
  if (formed_) all.unread += formed_->unread();
  if (suspect_) all.unread_suspect += suspect_->unread();
  return all;
}

}  // namespace tandem::failover::system
