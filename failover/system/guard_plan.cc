#include "failover/system/guard_plan.h"

#include <fmt/format.h>
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <cstring>
#include <type_traits>

namespace tandem::failover::system {
namespace {

// Both ends are the same program on the same machine: structures as they lie in memory.
struct MessageHeader {
  GuardOrder order;
  std::uint32_t request_bytes;
};
struct FarewellHeader {
  std::uint32_t socket;
  std::uint32_t payload_bytes;
  RawAddress destination;
};

template <class T>
void append(std::vector<std::uint8_t>& bytes, const T& value) {
  static_assert(std::is_trivially_copyable_v<T>);
  const auto* begin = reinterpret_cast<const std::uint8_t*>(&value);
  bytes.insert(bytes.end(), begin, begin + sizeof value);
}

template <class T>
bool take(std::span<const std::uint8_t>& bytes, T& value) noexcept {
  if (bytes.size() < sizeof value) return false;
  std::memcpy(&value, bytes.data(), sizeof value);
  bytes = bytes.subspan(sizeof value);
  return true;
}

std::uint32_t index_of(std::vector<int>& sockets, int socket) {
  const auto found = std::ranges::find(sockets, socket);
  const auto index = static_cast<std::uint32_t>(found - sockets.begin());
  if (found == sockets.end()) sockets.push_back(socket);
  return index;
}

void append_address(std::vector<std::uint8_t>& bytes, unsigned short type,
                    std::span<const std::uint8_t> address) {
  append(bytes, rtattr{.rta_len = static_cast<unsigned short>(RTA_LENGTH(address.size())),
                       .rta_type = type});
  bytes.insert(bytes.end(), address.begin(), address.end());  // 4 or 16 bytes: no padding
}

}  // namespace

void add_withdrawal(GuardPlan& plan, unsigned index, const IpPrefix& address) {
  const std::span<const std::uint8_t> bytes = address.address.bytes();
  nlmsghdr header{};
  header.nlmsg_len =
      static_cast<std::uint32_t>(NLMSG_LENGTH(sizeof(ifaddrmsg)) + 2 * RTA_LENGTH(bytes.size()));
  header.nlmsg_type = RTM_DELADDR;
  header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
  append(plan.requests, header);
  ifaddrmsg message{};
  message.ifa_family = static_cast<std::uint8_t>(address.address.family());
  message.ifa_prefixlen = address.length;
  message.ifa_index = index;
  append(plan.requests, message);
  append_address(plan.requests, IFA_LOCAL, bytes);
  append_address(plan.requests, IFA_ADDRESS, bytes);
}

Result<PackedPlan> pack(const GuardPlan& plan) {
  PackedPlan packed;
  append(packed.message,
         MessageHeader{.order = GuardOrder::kHold,
                       .request_bytes = static_cast<std::uint32_t>(plan.requests.size())});
  packed.message.insert(packed.message.end(), plan.requests.begin(), plan.requests.end());
  for (const Farewell& farewell : plan.farewells) {
    append(packed.message,
           FarewellHeader{.socket = index_of(packed.sockets, farewell.socket),
                          .payload_bytes = static_cast<std::uint32_t>(farewell.payload.size()),
                          .destination = farewell.destination});
    packed.message.insert(packed.message.end(), farewell.payload.begin(), farewell.payload.end());
  }
  if (packed.message.size() > kGuardMessageBytesMax || packed.sockets.size() > kGuardSocketsMax)
    return fail(fmt::format("guard: {} bytes and {} sockets are more than it can hold ({}, {})",
                            packed.message.size(), packed.sockets.size(), kGuardMessageBytesMax,
                            kGuardSocketsMax));
  return packed;
}

std::vector<std::uint8_t> pack_dismissal() {
  std::vector<std::uint8_t> message;
  append(message, MessageHeader{.order = GuardOrder::kDismiss, .request_bytes = 0});
  return message;
}

std::optional<GuardMessage> GuardMessage::read(std::span<const std::uint8_t> bytes) noexcept {
  MessageHeader header{};
  if (!take(bytes, header) || header.request_bytes > bytes.size()) return std::nullopt;
  if (header.order != GuardOrder::kHold && header.order != GuardOrder::kDismiss)
    return std::nullopt;
  GuardMessage message;
  message.order_ = header.order;
  message.requests_ = bytes.first(header.request_bytes);
  message.farewells_ = bytes.subspan(header.request_bytes);
  return message;
}

std::optional<PackedFarewell> GuardMessage::next_farewell() noexcept {
  FarewellHeader header{};
  if (!take(farewells_, header) || header.payload_bytes > farewells_.size() ||
      header.destination.size > sizeof header.destination.storage) {
    farewells_ = {};
    return std::nullopt;
  }
  const PackedFarewell farewell{.socket = header.socket,
                                .destination = header.destination,
                                .payload = farewells_.first(header.payload_bytes)};
  farewells_ = farewells_.subspan(header.payload_bytes);
  return farewell;
}

}  // namespace tandem::failover::system
