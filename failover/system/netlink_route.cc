#include "failover/system/netlink_route.h"

#include <fmt/format.h>
#include <libmnl/libmnl.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace tandem::failover::system {
namespace {

constexpr std::uint32_t kForEver = ~0U;
constexpr std::size_t kMonitorBytes = 32768;
// More than this many datagrams in one turn, and others get theirs first.
constexpr int kDatagramsPerTurn = 64;
// A dump that raced with a change is asked for again.
constexpr int kDumpAttempts = 4;

std::span<const std::uint8_t> value_of(const nlattr& attribute) {
  return {static_cast<const std::uint8_t*>(mnl_attr_get_payload(&attribute)),
          mnl_attr_get_payload_len(&attribute)};
}

std::optional<std::uint32_t> number_of(const nlattr& attribute) {
  if (mnl_attr_validate(&attribute, MNL_TYPE_U32) < 0) return std::nullopt;
  return mnl_attr_get_u32(&attribute);
}

void take_link_attribute(const nlattr& attribute, InterfaceState& link) {
  const auto value = value_of(attribute);
  switch (mnl_attr_get_type(&attribute)) {
    case IFLA_IFNAME:
      if (mnl_attr_validate(&attribute, MNL_TYPE_NUL_STRING) == 0) {
        link.name = mnl_attr_get_str(&attribute);
      }
      break;
    case IFLA_ADDRESS:
      if (value.size() == link.mac.size()) std::ranges::copy(value, link.mac.begin());
      break;
    case IFLA_MTU:
      link.mtu = number_of(attribute).value_or(0);
      break;
    default:
      break;
  }
}

bool is_address_size(std::size_t size) { return size == 4 || size == 16; }

void put_wish(MessageBuffer& buffer, const AddressWish& wish) {
  auto* header = buffer.extra<ifaddrmsg>();
  const IpAddress& address = wish.prefix.address;
  const bool is_loopback = !address.is_v6() && address.bytes()[0] == 127;
  header->ifa_family = static_cast<std::uint8_t>(address.family());
  header->ifa_prefixlen = wish.prefix.length;
  header->ifa_index = static_cast<std::uint32_t>(wish.link);
  header->ifa_scope = is_loopback ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE;
  buffer.put(IFA_LOCAL, address.bytes());
  buffer.put(IFA_ADDRESS, address.bytes());
}

ifa_cacheinfo lifetimes(const AddressWish& wish) {
  ifa_cacheinfo times{};
  times.ifa_valid = wish.lifetime ? static_cast<std::uint32_t>(wish.lifetime->count()) : kForEver;
  // RFC 6724 would else take a virtual IPv6 address as the source of connections of this node,
  // which break when it moves. IPv4 has no such choice: what was there before is the source.
  times.ifa_prefered = wish.prefix.address.is_v6() ? 0 : times.ifa_valid;
  return times;
}

}  // namespace

std::optional<InterfaceState> decode_link(const nlmsghdr& message) {
  InterfaceState link;
  if (!each_attribute(message, sizeof(ifinfomsg),
                      [&](const nlattr& attribute) { take_link_attribute(attribute, link); })) {
    return std::nullopt;
  }
  const auto& header = *static_cast<const ifinfomsg*>(mnl_nlmsg_get_payload(&message));
  // A bridge tells of its ports in the same words, of one that leaves it as of a link that is gone.
  if (header.ifi_family != AF_UNSPEC) return std::nullopt;
  constexpr unsigned kCarrier = static_cast<unsigned>(IFF_LOWER_UP) | IFF_RUNNING;
  link.index = header.ifi_index;
  link.is_up = (header.ifi_flags & IFF_UP) != 0;
  link.has_carrier = (header.ifi_flags & kCarrier) == kCarrier;
  return link;
}

std::optional<InterfaceAddress> decode_address(const nlmsghdr& message) {
  InterfaceAddress found;
  std::span<const std::uint8_t> local;
  std::span<const std::uint8_t> address;
  std::optional<std::uint32_t> flags;
  const auto take = [&](const nlattr& attribute) {
    const auto value = value_of(attribute);
    const auto type = mnl_attr_get_type(&attribute);
    if (type == IFA_LOCAL) local = value;
    if (type == IFA_ADDRESS) address = value;
    if (type == IFA_FLAGS) flags = number_of(attribute);
    if (type == IFA_CACHEINFO && value.size() >= sizeof(ifa_cacheinfo)) {
      ifa_cacheinfo times;
      std::memcpy(&times, value.data(), sizeof times);
      found.valid_seconds = times.ifa_valid;
    }
  };
  if (!each_attribute(message, sizeof(ifaddrmsg), take)) return std::nullopt;
  const auto& header = *static_cast<const ifaddrmsg*>(mnl_nlmsg_get_payload(&message));
  // Between two ends IFA_ADDRESS is the other one; IPv6 without a peer has no IFA_LOCAL.
  if (local.empty()) local = address;
  if (!is_address_size(local.size()) || header.ifa_prefixlen > local.size() * 8) {
    return std::nullopt;
  }
  found.link = static_cast<int>(header.ifa_index);
  found.prefix = {.address = IpAddress::of(local), .length = header.ifa_prefixlen};
  found.flags = flags.value_or(header.ifa_flags);
  return found;
}

// ---- RouteSocket --------------------------------------------------------------------------------

Result<RouteSocket> RouteSocket::open() {
  auto socket = NetlinkSocket::open(NETLINK_ROUTE);
  if (!socket) return std::unexpected(socket.error());
  return RouteSocket(*std::move(socket));
}

std::expected<InterfaceState, KernelError> RouteSocket::link(const std::string& name) {
  if (name.size() >= IFNAMSIZ) return kernel_error(ENODEV);
  MessageBuffer buffer;
  const std::uint32_t number = socket_.reserve(1);
  buffer.begin(RTM_GETLINK, NLM_F_ACK, number);
  buffer.extra<ifinfomsg>();
  buffer.put_text(IFLA_IFNAME, name);
  std::optional<InterfaceState> found;
  const Answer answer =
      socket_.exchange(buffer.bytes(), number, number, [&](const nlmsghdr& message) {
        if (message.nlmsg_type == RTM_NEWLINK) found = decode_link(message);
      });
  if (!answer) return std::unexpected(answer.error());
  if (!found) return kernel_error(ENODEV);
  return *std::move(found);
}

std::expected<std::vector<InterfaceAddress>, KernelError> RouteSocket::addresses(int link) {
  std::vector<InterfaceAddress> found;
  Answer answer;
  for (int attempt = 0; attempt < kDumpAttempts; ++attempt) {
    found.clear();
    MessageBuffer buffer;
    const std::uint32_t number = socket_.reserve(1);
    buffer.begin(RTM_GETADDR, NLM_F_DUMP, number);
    buffer.extra<ifaddrmsg>()->ifa_index = static_cast<std::uint32_t>(link);
    answer = socket_.exchange(buffer.bytes(), number, number, [&](const nlmsghdr& message) {
      if (message.nlmsg_type != RTM_NEWADDR) return;
      auto address = decode_address(message);
      // Kernels before 5.0 know no filter.
      if (address && address->link == link) found.push_back(*address);
    });
    if (answer) return found;
    if (answer.error().number != EINTR) break;
  }
  return std::unexpected(answer.error());
}

Answer RouteSocket::put_address(const AddressWish& wish) {
  MessageBuffer buffer;
  const std::uint32_t number = socket_.reserve(1);
  buffer.begin(RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, number);
  put_wish(buffer, wish);
  std::uint32_t flags = wish.prefix.address.is_v6() ? IFA_F_NODAD : 0;
  if (wish.without_route) flags |= IFA_F_NOPREFIXROUTE;
  buffer.put_u32(IFA_FLAGS, flags);
  const ifa_cacheinfo times = lifetimes(wish);
  buffer.put(IFA_CACHEINFO, {reinterpret_cast<const std::uint8_t*>(&times), sizeof times});
  return socket_.exchange(buffer.bytes(), number, number);
}

Answer RouteSocket::remove_address(int link, const IpPrefix& prefix) {
  MessageBuffer buffer;
  const std::uint32_t number = socket_.reserve(1);
  buffer.begin(RTM_DELADDR, NLM_F_ACK, number);
  put_wish(buffer, {.link = link, .prefix = prefix});
  return socket_.exchange(buffer.bytes(), number, number);
}

// ---- RouteMonitor -------------------------------------------------------------------------------

Result<std::unique_ptr<RouteMonitor>> RouteMonitor::open(event::Poller& poller, int receive_bytes) {
  FileDescriptor socket(
      ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
  if (!socket) return fail(fmt::format("netlink monitor: {}", std::strerror(errno)));
  if (setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUFFORCE, &receive_bytes, sizeof receive_bytes) <
      0) {
    setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes);
  }
  sockaddr_nl self{};
  self.nl_family = AF_NETLINK;
  self.nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR;
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&self), sizeof self) < 0) {
    return fail(fmt::format("netlink monitor: bind: {}", std::strerror(errno)));
  }
  auto monitor = std::make_unique<RouteMonitor>(poller);
  monitor->received_.resize(kMonitorBytes);
  monitor->attach(socket.release());
  if (!monitor->watch()) return fail(fmt::format("netlink monitor: {}", std::strerror(errno)));
  return monitor;
}

void RouteMonitor::on_ready() {
  bool has_lost = false;
  int left = kDatagramsPerTurn;
  for (; left > 0; --left) {
    const ssize_t count = ::recv(fd(), received_.data(), received_.size(), 0);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == ENOBUFS) {
      has_lost = true;
      continue;
    }
    if (count <= 0) break;
    dispatch(static_cast<std::size_t>(count));
  }
  if (left == 0) poller().again(*this);
  if (!has_lost) return;
  ++losses_;
  for (RouteListener* listener : listeners_) listener->on_lost_track();
}

void RouteMonitor::dispatch(std::size_t bytes) {
  int left = static_cast<int>(bytes);
  const auto* message = reinterpret_cast<const nlmsghdr*>(received_.data());
  for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left)) tell(*message);
}

void RouteMonitor::tell(const nlmsghdr& message) {
  const auto type = message.nlmsg_type;
  if (type == RTM_NEWLINK || type == RTM_DELLINK) {
    const auto link = decode_link(message);
    if (!link) return;
    for (RouteListener* listener : listeners_) listener->on_link(*link, type == RTM_DELLINK);
  } else if (type == RTM_NEWADDR || type == RTM_DELADDR) {
    const auto address = decode_address(message);
    if (!address) return;
    for (RouteListener* listener : listeners_) {
      listener->on_address(*address, type == RTM_DELADDR);
    }
  }
}

}  // namespace tandem::failover::system
