#include "failover/system/neighbours.h"

#include <fmt/format.h>
#include <libmnl/libmnl.h>
#include <linux/neighbour.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <span>
#include <utility>

namespace tandem::failover::system {
namespace {

ndmsg* put_entry(MessageBuffer& buffer, int link, const IpAddress& address) {
  auto* header = buffer.extra<ndmsg>();
  header->ndm_family = static_cast<std::uint8_t>(address.family());
  header->ndm_ifindex = link;
  buffer.put(NDA_DST, address.bytes());
  return header;
}

std::optional<wire::MacAddress> mac_in(const nlmsghdr& message) {
  std::optional<wire::MacAddress> mac;
  each_attribute(message, sizeof(ndmsg), [&](const nlattr& attribute) {
    if (mnl_attr_get_type(&attribute) != NDA_LLADDR) return;
    const std::span bytes(static_cast<const std::uint8_t*>(mnl_attr_get_payload(&attribute)),
                          mnl_attr_get_payload_len(&attribute));
    if (bytes.size() == mac.emplace().size())
      std::ranges::copy(bytes, mac->begin());
    else
      mac.reset();
  });
  return mac;
}

}  // namespace

Result<Neighbours> Neighbours::open() {
  auto socket = NetlinkSocket::open(NETLINK_ROUTE);
  if (!socket) return std::unexpected(socket.error());
  return Neighbours(*std::move(socket));
}

Result<void> Neighbours::ask(int link, const IpAddress& address) {
  MessageBuffer buffer;
  const std::uint32_t number = socket_.reserve(1);
  buffer.begin(RTM_NEWNEIGH, NLM_F_ACK | NLM_F_CREATE, number);
  put_entry(buffer, link, address)->ndm_flags = NTF_USE;
  if (const Answer answer = socket_.exchange(buffer.bytes(), number, number); !answer)
    return fail(fmt::format("cannot ask where {} is: {}", address.text(), answer.error().words));
  return {};
}

Result<std::optional<wire::MacAddress>> Neighbours::mac(int link, const IpAddress& address) {
  MessageBuffer buffer;
  const std::uint32_t number = socket_.reserve(1);
  buffer.begin(RTM_GETNEIGH, NLM_F_ACK, number);
  put_entry(buffer, link, address);
  std::optional<wire::MacAddress> mac;
  const Answer answer =
      socket_.exchange(buffer.bytes(), number, number, [&](const nlmsghdr& message) {
        if (message.nlmsg_type == RTM_NEWNEIGH) mac = mac_in(message);
      });
  if (answer || answer.error().number == ENOENT) return mac;
  return fail(fmt::format("cannot find out where {} is: {}", address.text(), answer.error().words));
}

}  // namespace tandem::failover::system
