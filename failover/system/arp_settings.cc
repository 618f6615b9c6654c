#include "failover/system/arp_settings.h"

#include <fmt/format.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <span>
#include <utility>

namespace tandem::failover::system {
namespace {

constexpr std::uint32_t kIgnore = 1;
constexpr std::uint32_t kAnnounce = 2;

struct Found {
  int index = 0;
  std::optional<ArpSettings::Values> values;  // none: no IPv4 on this interface
};

/// The settings of an interface as one array, each at its number less one.
std::optional<ArpSettings::Values> values_in(const nlattr& settings) {
  const auto value_of = [&](int number) -> std::optional<std::uint32_t> {
    const auto at = (static_cast<std::size_t>(number) - 1) * sizeof(std::uint32_t);
    if (mnl_attr_get_payload_len(&settings) < at + sizeof(std::uint32_t)) return std::nullopt;
    std::uint32_t value = 0;
    std::memcpy(&value, static_cast<const char*>(mnl_attr_get_payload(&settings)) + at,
                sizeof value);
    return value;
  };
  const auto ignore = value_of(IPV4_DEVCONF_ARP_IGNORE);
  const auto announce = value_of(IPV4_DEVCONF_ARP_ANNOUNCE);
  if (!ignore || !announce) return std::nullopt;
  return ArpSettings::Values{.ignore = *ignore, .announce = *announce};
}

Found found_in(const nlmsghdr& message) {
  Found found;
  const auto take_settings = [&](const nlattr& settings) {
    if (mnl_attr_get_type(&settings) == IFLA_INET_CONF) found.values = values_in(settings);
  };
  const auto take_family = [&](const nlattr& family) {
    if (mnl_attr_get_type(&family) == AF_INET) each_nested(family, take_settings);
  };
  if (!each_attribute(message, sizeof(ifinfomsg), [&](const nlattr& attribute) {
        if (mnl_attr_get_type(&attribute) == IFLA_AF_SPEC) each_nested(attribute, take_family);
      })) {
    return found;
  }
  found.index = static_cast<const ifinfomsg*>(mnl_nlmsg_get_payload(&message))->ifi_index;
  return found;
}

std::expected<Found, KernelError> find(NetlinkSocket& socket, const std::string& interface) {
  MessageBuffer buffer;
  const std::uint32_t number = socket.reserve(1);
  buffer.begin(RTM_GETLINK, NLM_F_ACK, number);
  buffer.extra<ifinfomsg>();
  buffer.put_text(IFLA_IFNAME, interface);
  Found found;
  const Answer answer =
      socket.exchange(buffer.bytes(), number, number, [&](const nlmsghdr& message) {
        if (message.nlmsg_type == RTM_NEWLINK) found = found_in(message);
      });
  if (!answer) return std::unexpected(answer.error());
  return found;
}

Answer change(NetlinkSocket& socket, int index, const ArpSettings::Values& values) {
  MessageBuffer buffer;
  const std::uint32_t number = socket.reserve(1);
  buffer.begin(RTM_SETLINK, NLM_F_ACK, number);
  buffer.extra<ifinfomsg>()->ifi_index = index;
  const std::size_t families = buffer.open(IFLA_AF_SPEC);
  const std::size_t of_v4 = buffer.open(AF_INET);
  const std::size_t settings = buffer.open(IFLA_INET_CONF);
  buffer.put_u32(IPV4_DEVCONF_ARP_IGNORE, values.ignore);
  buffer.put_u32(IPV4_DEVCONF_ARP_ANNOUNCE, values.announce);
  buffer.close(settings);
  buffer.close(of_v4);
  buffer.close(families);
  return socket.exchange(buffer.bytes(), number, number);
}

}  // namespace

ArpSettings::ArpSettings(std::string interface) : interface_(std::move(interface)) {}

Result<ArpSettings::Values> ArpSettings::read(const std::string& interface) {
  auto socket = NetlinkSocket::open(NETLINK_ROUTE);
  if (!socket) return std::unexpected(socket.error());
  const auto found = find(*socket, interface);
  if (!found) return fail(fmt::format("{}: {}", interface, found.error().words));
  if (!found->values) return fail(fmt::format("{} has no settings of IPv4", interface));
  return *found->values;
}

Result<void> ArpSettings::apply() {
  auto socket = NetlinkSocket::open(NETLINK_ROUTE);
  if (!socket) return std::unexpected(socket.error());
  const auto found = find(*socket, interface_);
  if (!found) return fail(fmt::format("{}: {}", interface_, found.error().words));
  if (!found->values) return fail(fmt::format("{} has no settings of IPv4", interface_));
  const Values wanted{.ignore = std::max(found->values->ignore, kIgnore),
                      .announce = std::max(found->values->announce, kAnnounce)};
  if (wanted == *found->values) return {};
  if (const Answer answer = change(*socket, found->index, wanted); !answer)
    return fail(fmt::format("cannot set arp_ignore and arp_announce of {}: {}", interface_,
                            answer.error().words));
  before_ = found->values;
  applied_ = wanted;
  return {};
}

Result<void> ArpSettings::restore() {
  if (!before_) return {};
  const Values before = *std::exchange(before_, std::nullopt);
  auto socket = NetlinkSocket::open(NETLINK_ROUTE);
  if (!socket) return std::unexpected(socket.error());
  const auto found = find(*socket, interface_);
  if (!found && found.error().number == ENODEV) return {};
  if (!found) return fail(fmt::format("{}: {}", interface_, found.error().words));
  // Another interface of that name by now, or somebody's will: neither is ours to undo.
  if (found->values != applied_) return {};
  if (const Answer answer = change(*socket, found->index, before); !answer)
    return fail(fmt::format("cannot put back arp_ignore and arp_announce of {}: {}", interface_,
                            answer.error().words));
  return {};
}

}  // namespace tandem::failover::system
