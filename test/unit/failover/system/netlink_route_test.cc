#include "failover/system/netlink_route.h"

#include <catch2/catch.hpp>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cstdint>
#include <cstring>
#include <vector>

namespace tandem::failover::system {
namespace {

const nlmsghdr& first_of(MessageBuffer& buffer) {
  return *reinterpret_cast<const nlmsghdr*>(buffer.bytes().data());
}

void put_link(MessageBuffer& buffer, std::uint8_t family, unsigned flags) {
  buffer.begin(RTM_NEWLINK, 0, 1);
  auto* header = buffer.extra<ifinfomsg>();
  header->ifi_family = family;
  header->ifi_index = 7;
  header->ifi_flags = flags;
  buffer.put_text(IFLA_IFNAME, "eth0");
  buffer.put(IFLA_ADDRESS, wire::MacAddress{2, 0, 0, 0, 0, 1});
  buffer.put_u32(IFLA_MTU, 1500);
}

TEST_CASE("A link is decoded with what it can do") {
  struct Row {
    unsigned flags;
    bool is_up;
    bool has_carrier;
  };
  const Row rows[] = {
      {0, false, false},
      {IFF_UP, true, false},
      {IFF_UP | IFF_RUNNING, true, false},
      {static_cast<unsigned>(IFF_UP) | IFF_LOWER_UP, true, false},
      {static_cast<unsigned>(IFF_UP) | IFF_RUNNING | IFF_LOWER_UP, true, true},
  };
  for (const Row& row : rows) {
    MessageBuffer buffer;
    put_link(buffer, AF_UNSPEC, row.flags);
    CHECK(decode_link(first_of(buffer)) == InterfaceState{.index = 7,
                                                          .name = "eth0",
                                                          .is_up = row.is_up,
                                                          .has_carrier = row.has_carrier,
                                                          .mac = {2, 0, 0, 0, 0, 1},
                                                          .mtu = 1500});
  }
}

TEST_CASE("A port that leaves a bridge is no link that is gone") {
  MessageBuffer buffer;
  put_link(buffer, AF_BRIDGE, IFF_UP);
  CHECK_FALSE(decode_link(first_of(buffer)));
}

struct AddressRow {
  std::uint8_t length;
  std::vector<std::uint8_t> local;
  std::vector<std::uint8_t> address;
  const char* expected;  // null: refused
};

TEST_CASE("An address is decoded, its own end where it has two") {
  const std::vector<std::uint8_t> one{192, 0, 2, 1};
  const std::vector<std::uint8_t> two{192, 0, 2, 2};
  const std::vector<std::uint8_t> six{0xfd, 0x77, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0};
  const AddressRow rows[] = {
      {24, one, one, "192.0.2.1/24"}, {32, one, two, "192.0.2.1/32"},
      {64, {}, six, "fd77::100/64"},  {128, six, six, "fd77::100/128"},
      {33, one, one, nullptr},        {129, {}, six, nullptr},
      {24, {}, {}, nullptr},          {24, {192, 0, 2}, {192, 0, 2}, nullptr},
  };
  for (const AddressRow& row : rows) {
    MessageBuffer buffer;
    buffer.begin(RTM_NEWADDR, 0, 1);
    auto* header = buffer.extra<ifaddrmsg>();
    header->ifa_prefixlen = row.length;
    header->ifa_index = 7;
    if (!row.local.empty()) buffer.put(IFA_LOCAL, row.local);
    if (!row.address.empty()) buffer.put(IFA_ADDRESS, row.address);
    buffer.put_u32(IFA_FLAGS, IFA_F_NODAD | IFA_F_NOPREFIXROUTE);
    const auto decoded = decode_address(first_of(buffer));
    REQUIRE(decoded.has_value() == (row.expected != nullptr));
    if (!decoded) continue;
    CHECK(decoded->link == 7);
    CHECK(decoded->prefix.text() == row.expected);
    CHECK(decoded->flags == (IFA_F_NODAD | IFA_F_NOPREFIXROUTE));
    CHECK(decoded->valid_seconds == ~0U);
  }
}

TEST_CASE("A lifetime is read in seconds") {
  MessageBuffer buffer;
  buffer.begin(RTM_NEWADDR, 0, 1);
  buffer.extra<ifaddrmsg>()->ifa_prefixlen = 32;
  buffer.put(IFA_LOCAL, std::vector<std::uint8_t>{192, 0, 2, 1});
  ifa_cacheinfo times{};
  times.ifa_valid = 17;
  buffer.put(IFA_CACHEINFO, {reinterpret_cast<const std::uint8_t*>(&times), sizeof times});
  CHECK(decode_address(first_of(buffer))->valid_seconds == 17);
}

TEST_CASE("A message that ends early is refused or read as far as it goes") {
  MessageBuffer whole;
  put_link(whole, AF_UNSPEC, IFF_UP);
  const auto bytes = whole.bytes();
  for (std::size_t size = sizeof(nlmsghdr); size < bytes.size(); ++size) {
    // A copy of that size, so that a sanitizer sees every byte read past it.
    std::vector<char> part(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    const auto length = static_cast<std::uint32_t>(size);
    std::memcpy(part.data(), &length, sizeof length);
    const auto decoded = decode_link(*reinterpret_cast<const nlmsghdr*>(part.data()));
    CHECK(decoded.has_value() == (size >= sizeof(nlmsghdr) + sizeof(ifinfomsg)));
  }
}

TEST_CASE("Several messages stand behind each other, each aligned") {
  MessageBuffer buffer;
  buffer.begin(RTM_NEWADDR, 0, 1);
  buffer.extra<ifaddrmsg>();
  buffer.put_text(IFA_LABEL, "abcd");
  nlmsghdr* second = buffer.begin(RTM_DELADDR, NLM_F_ACK, 2);
  buffer.extra<ifaddrmsg>();
  const auto bytes = buffer.bytes();
  const auto& first = first_of(buffer);
  CHECK(first.nlmsg_len % 4 == 0);
  CHECK(reinterpret_cast<const char*>(second) == bytes.data() + first.nlmsg_len);
  CHECK(second->nlmsg_flags == (NLM_F_REQUEST | NLM_F_ACK));
  CHECK(bytes.size() == first.nlmsg_len + second->nlmsg_len);
}

}  // namespace
}  // namespace tandem::failover::system
