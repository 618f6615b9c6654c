#include "failover/system/link_socket.h"

#include "failover/wire/envelope.h"

#include <fmt/format.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

namespace tandem::failover::system {
namespace {

constexpr int kPriority = 6;  // TC_PRIO_INTERACTIVE: the first band of the default queue

/// Sets options until one is refused, and remembers which.
class Options {
 public:
  explicit Options(int fd) noexcept : fd_(fd) {}

  template <class T>
  Options& set(int level, int option, const T& value, const char* name) noexcept {
    if (refused_ == nullptr && ::setsockopt(fd_, level, option, &value, sizeof value) != 0) {
      refused_ = name;
      error_ = errno;
    }
    return *this;
  }
  Options& device(const std::string& name) noexcept {
    if (refused_ == nullptr && ::setsockopt(fd_, SOL_SOCKET, SO_BINDTODEVICE, name.c_str(),
                                            static_cast<socklen_t>(name.size() + 1)) != 0) {
      refused_ = "SO_BINDTODEVICE";
      error_ = errno;
    }
    return *this;
  }
  Options& filter(const Filter& program) noexcept {
    const sock_fprog all{.len = static_cast<unsigned short>(program.size()),
                         .filter = const_cast<sock_filter*>(program.data())};
    return set(SOL_SOCKET, SO_ATTACH_FILTER, all, "SO_ATTACH_FILTER");
  }

  [[nodiscard]] Result<void> outcome(const LinkPlace& place) const {
    if (refused_ == nullptr) return {};
    return fail(fmt::format("{}, {}: {} refused: {}", place.interface, place.source.text(),
                            refused_, std::strerror(error_)));
  }

 private:
  int fd_;
  const char* refused_ = nullptr;
  int error_ = 0;
};

/// Every raw socket of the protocol receives the adverts of all interfaces from its first moment
/// on; so each begins deaf.
Result<FileDescriptor> open_deaf(const LinkPlace& place) {
  FileDescriptor fd(::socket(place.source.family(), SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC,
                             wire::kProtocolVrrp));
  if (!fd)
    return fail(fmt::format("{}, {}: no raw socket: {}{}", place.interface, place.source.text(),
                            std::strerror(errno), errno == EPERM ? " (needs CAP_NET_RAW)" : ""));
  const auto deaf = Options(fd.get()).filter(filter_everything()).device(place.interface);
  if (auto done = deaf.outcome(place); !done) return std::unexpected(done.error());
  // What came before the filter did.
  std::array<char, 1> byte{};
  while (::recv(fd.get(), byte.data(), byte.size(), MSG_TRUNC) >= 0) {
  }
  return fd;
}

Result<void> bind_to(int fd, const IpAddress& address, const LinkPlace& place) {
  const RawAddress raw = raw_address(address, place.index);
  if (::bind(fd, raw.data(), raw.size) == 0) return {};
  return fail(fmt::format("{}: cannot use {}: {}", place.interface, address.text(),
                          errno == EADDRNOTAVAIL ? "the interface does not have it, or not yet"
                                                 : std::strerror(errno)));
}

Result<void> set_sending_v4(int fd, const LinkPlace& place) {
  ip_mreqn out{};
  out.imr_ifindex = static_cast<int>(place.index);
  return Options(fd)
      .set(IPPROTO_IP, IP_MULTICAST_IF, out, "IP_MULTICAST_IF")
      .set(IPPROTO_IP, IP_MULTICAST_TTL, int{wire::kHopLimit}, "IP_MULTICAST_TTL")
      .set(IPPROTO_IP, IP_MULTICAST_LOOP, 0, "IP_MULTICAST_LOOP")
      .set(IPPROTO_IP, IP_TTL, int{wire::kHopLimit}, "IP_TTL")
      .set(IPPROTO_IP, IP_TOS, int{wire::kTrafficClass}, "IP_TOS")
      .set(SOL_SOCKET, SO_PRIORITY, kPriority, "SO_PRIORITY")
      .outcome(place);
}

Result<void> set_sending_v6(int fd, const LinkPlace& place) {
  return Options(fd)
      .set(IPPROTO_IPV6, IPV6_MULTICAST_IF, static_cast<int>(place.index), "IPV6_MULTICAST_IF")
      .set(IPPROTO_IPV6, IPV6_MULTICAST_HOPS, int{wire::kHopLimit}, "IPV6_MULTICAST_HOPS")
      .set(IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0, "IPV6_MULTICAST_LOOP")
      .set(IPPROTO_IPV6, IPV6_UNICAST_HOPS, int{wire::kHopLimit}, "IPV6_UNICAST_HOPS")
      .set(IPPROTO_IPV6, IPV6_TCLASS, int{wire::kTrafficClass}, "IPV6_TCLASS")
      .set(SOL_SOCKET, SO_PRIORITY, kPriority, "SO_PRIORITY")
      .outcome(place);
}

Result<void> join(int fd, const LinkPlace& place) {
  if (place.source.is_v6()) {
    ipv6_mreq group{};
    std::memcpy(&group.ipv6mr_multiaddr, wire::kGroupV6.bytes().data(), 16);
    group.ipv6mr_interface = place.index;
    return Options(fd)
        .set(IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, group, "IPV6_ADD_MEMBERSHIP")
        .outcome(place);
  }
  ip_mreqn group{};
  std::memcpy(&group.imr_multiaddr, wire::kGroupV4.bytes().data(), 4);
  group.imr_ifindex = static_cast<int>(place.index);
  return Options(fd).set(IPPROTO_IP, IP_ADD_MEMBERSHIP, group, "IP_ADD_MEMBERSHIP").outcome(place);
}

Result<void> set_receiving(int fd, const LinkPlace& place, int buffer_bytes) {
  // Beyond net.core.rmem_max only with CAP_NET_ADMIN; without it what is allowed has to do.
  if (::setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer_bytes, sizeof buffer_bytes) != 0)
    ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer_bytes, sizeof buffer_bytes);
  if (!place.source.is_v6()) return {};  // IPv4 delivers the header itself
  return Options(fd)
      .set(IPPROTO_IPV6, IPV6_RECVPKTINFO, 1, "IPV6_RECVPKTINFO")
      .set(IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1, "IPV6_RECVHOPLIMIT")
      .outcome(place);
}

std::optional<IpAddress> address_of(const ifaddrs& entry) {
  if (entry.ifa_addr == nullptr) return std::nullopt;
  if (entry.ifa_addr->sa_family == AF_INET) {
    std::array<std::uint8_t, 4> bytes;
    const auto* address = reinterpret_cast<const sockaddr_in*>(entry.ifa_addr);
    std::memcpy(bytes.data(), &address->sin_addr, bytes.size());
    return IpAddress(bytes);
  }
  if (entry.ifa_addr->sa_family == AF_INET6) {
    std::array<std::uint8_t, 16> bytes;
    const auto* address = reinterpret_cast<const sockaddr_in6*>(entry.ifa_addr);
    std::memcpy(bytes.data(), &address->sin6_addr, bytes.size());
    return IpAddress(bytes);
  }
  return std::nullopt;
}

}  // namespace

Result<unsigned> find_interface(const std::string& name) {
  if (const unsigned index = ::if_nametoindex(name.c_str()); index != 0) return index;
  return fail(fmt::format("{}: there is no such interface", name));
}

Result<IpAddress> choose_source(const std::string& interface, bool is_v6, bool is_unicast,
                                std::span<const IpAddress> never) {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0)
    return fail(fmt::format("{}: cannot list addresses: {}", interface, std::strerror(errno)));
  const std::unique_ptr<ifaddrs, decltype([](ifaddrs* all) { ::freeifaddrs(all); })> owner(list);
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    if (interface != entry->ifa_name) continue;
    const std::optional<IpAddress> address = address_of(*entry);
    if (!address || address->is_v6() != is_v6 || std::ranges::count(never, *address) > 0) continue;
    if (is_v6 && address->is_link_local() == is_unicast) continue;
    return *address;
  }
  const std::string_view kind = !is_v6 ? "IPv4" : is_unicast ? "global IPv6" : "link-local IPv6";
  return fail(fmt::format("{}: has no {} address to send from", interface, kind));
}

Result<FileDescriptor> open_sender(const LinkPlace& place) {
  Result<FileDescriptor> fd = open_deaf(place);
  if (!fd) return fd;
  auto done =
      place.source.is_v6() ? set_sending_v6(fd->get(), place) : set_sending_v4(fd->get(), place);
  if (done) done = bind_to(fd->get(), place.source, place);
  if (!done) return std::unexpected(done.error());
  return fd;
}

Result<FileDescriptor> open_receiver(const LinkPlace& place, const Filter& filter,
                                     int buffer_bytes) {
  Result<FileDescriptor> fd = open_deaf(place);
  if (!fd) return fd;
  const IpAddress& group = place.source.is_v6() ? wire::kGroupV6 : wire::kGroupV4;
  auto done = set_receiving(fd->get(), place, buffer_bytes);
  // Bound to the group, the kernel keeps unicast away, and the other way round.
  if (done) done = bind_to(fd->get(), place.is_unicast ? place.source : group, place);
  if (done && !place.is_unicast) done = join(fd->get(), place);
  if (done) done = Options(fd->get()).filter(filter).outcome(place);
  if (!done) return std::unexpected(done.error());
  return fd;
}

RawAddress raw_address(const IpAddress& address, unsigned index) noexcept {
  RawAddress raw;
  if (!address.is_v6()) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    std::memcpy(&v4.sin_addr, address.bytes().data(), 4);
    std::memcpy(&raw.storage, &v4, sizeof v4);
    raw.size = sizeof v4;
    return raw;
  }
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  std::memcpy(&v6.sin6_addr, address.bytes().data(), 16);
  if (address.is_link_local() || address.is_multicast()) v6.sin6_scope_id = index;
  std::memcpy(&raw.storage, &v6, sizeof v6);
  raw.size = sizeof v6;
  return raw;
}

}  // namespace tandem::failover::system
