#include "failover/system/second_chance.h"

#include "common/address.h"
#include "common/log.h"
#include "failover/system/nf_tables.h"

#include <fmt/format.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string_view>
#include <utility>

namespace tandem::failover::system {
namespace {

constexpr std::string_view kPrefix = "tandem_";
constexpr std::string_view kSuffix = "_second";
constexpr const char* kPacketCounter = "handed_packets";
constexpr const char* kErrorCounter = "handed_errors";
constexpr const char* kSet = "handing";
constexpr std::string_view kWillBreak = "a planned move will break connections: ";

/// What differs between the families.
struct Words {
  std::string_view family;  // of the table and of the address in a packet
  std::string_view type;
  std::string_view errors;  // ICMP about a packet that was sent from the address
  std::string_view nobody;  // no host has it: RFC 7600 4.8, RFC 6666
  std::uint8_t number;
};
constexpr Words kWords4{.family = "ip",
                        .type = "ipv4_addr",
                        .errors =
                            "icmp type { destination-unreachable, time-exceeded, "
                            "parameter-problem }",
                        .nobody = "192.0.0.8",
                        .number = NFPROTO_IPV4};
constexpr Words kWords6{.family = "ip6",
                        .type = "ipv6_addr",
                        .errors =
                            "icmpv6 type { destination-unreachable, packet-too-big, "
                            "time-exceeded, parameter-problem }",
                        .nobody = "100::1",
                        .number = NFPROTO_IPV6};

const Words& words_of(bool v6) { return v6 ? kWords6 : kWords4; }

// Of the listener: so that a connection that is transparent itself is not taken for it.
constexpr std::uint32_t kMark = 0x7a6e6465;

/// Matches unless `tproxy` finds a connection: one that is established, half open (SYN cookies
/// apart) or waits for its end. Those are not transparent, and a rule ends at what is not.
std::string of_no_connection_here(const Words& words, std::uint16_t port) {
  return fmt::format(
      "tcp flags & (syn | ack) != syn tproxy to {}:{} socket mark {}",
      words.number == NFPROTO_IPV6 ? fmt::format("[{}]", words.nobody) : std::string(words.nobody),
      port, kMark);
}

/// Transparent, at an address that no packet is taken in for; at a port that the kernel chooses.
Result<FileDescriptor> listener_at_nobody(const Words& words, std::uint16_t& port) {
  const auto address = SocketAddress::parse_host(words.nobody, 0);
  if (!address) return std::unexpected(address.error());
  const bool v6 = address->family() == AF_INET6;
  FileDescriptor fd(::socket(address->family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto is_set = [&](int level, int option, std::uint32_t value) {
    return ::setsockopt(fd.get(), level, option, &value, sizeof value) == 0;
  };
  sockaddr_in6 bound{};  // the port is where sockaddr_in has it
  socklen_t size = sizeof bound;
  if (!fd || !is_set(v6 ? SOL_IPV6 : SOL_IP, v6 ? IPV6_TRANSPARENT : IP_TRANSPARENT, 1) ||
      !is_set(SOL_SOCKET, SO_MARK, kMark) ||
      ::bind(fd.get(), address->data(), address->size()) != 0 || ::listen(fd.get(), 0) != 0 ||
      ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&bound), &size) != 0)
    return fail(fmt::format("transparent listener: {}", std::strerror(errno)));
  port = ntohs(bound.sin6_port);
  return fd;
}

std::string mac_text(const wire::MacAddress& mac) {
  return fmt::format("{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", mac[0], mac[1], mac[2], mac[3],
                     mac[4], mac[5]);
}

std::uint64_t read_big_endian(const nlattr& attribute) {
  std::uint64_t value = 0;
  if (mnl_attr_get_payload_len(&attribute) != sizeof value) return 0;
  std::memcpy(&value, mnl_attr_get_payload(&attribute), sizeof value);
  return std::endian::native == std::endian::little ? std::byteswap(value) : value;
}

/// Of an answer to NFT_MSG_GETOBJ.
std::uint64_t packets_in(const nlmsghdr& message) {
  std::uint64_t packets = 0;
  each_attribute(message, sizeof(nfgenmsg), [&](const nlattr& attribute) {
    if (mnl_attr_get_type(&attribute) != NFTA_OBJ_DATA) return;
    each_nested(attribute, [&](const nlattr& inner) {
      if (mnl_attr_get_type(&inner) == NFTA_COUNTER_PACKETS) packets = read_big_endian(inner);
    });
  });
  return packets;
}

/// "ip tandem_51_v4_second", if an answer to NFT_MSG_GETTABLE tells of one of ours.
std::optional<std::string> left_table(const nlmsghdr& message) {
  std::string name;
  if (!each_attribute(message, sizeof(nfgenmsg), [&](const nlattr& attribute) {
        if (mnl_attr_get_type(&attribute) == NFTA_TABLE_NAME &&
            mnl_attr_validate(&attribute, MNL_TYPE_NUL_STRING) == 0)
          name = mnl_attr_get_str(&attribute);
      })) {
    return std::nullopt;
  }
  const auto family = static_cast<const nfgenmsg*>(mnl_nlmsg_get_payload(&message))->nfgen_family;
  if (family != NFPROTO_IPV4 && family != NFPROTO_IPV6) return std::nullopt;
  if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix) || !is_table_name(name))
    return std::nullopt;
  return fmt::format("{} {}", words_of(family == NFPROTO_IPV6).family, name);
}

std::unexpected<Error> will_break(std::string_view why) {
  return fail(fmt::format("{}{}", kWillBreak, why));
}

}  // namespace

SecondChance::SecondChance(Settings settings) : settings_(std::move(settings)) {}

std::string SecondChance::table_name(std::uint8_t vrid, bool is_v6) {
  return fmt::format("{}{}_v{}{}", kPrefix, vrid, is_v6 ? 6 : 4, kSuffix);
}

// ---- what an earlier process left, and what the kernel can --------------------------------------

Result<void> SecondChance::probe() {
  if (auto opened = open_nf_tables(); !opened)
    return will_break(fmt::format("nf_tables: {}", opened.error().words));
  std::uint16_t port = 0;
  if (auto listener = listener_at_nobody(kWords4, port); !listener)
    return will_break(listener.error().message);
  for (const bool v6 : {false, true}) {
    // Of no hook, and gone with the transaction that makes it.
    const std::string table = fmt::format("{} {}probe{}", words_of(v6).family, kPrefix, kSuffix);
    const auto tried = run_nft(fmt::format(
        "add table {0}\ndelete table {0}\n"
        "table {0} {{\n  chain never {{\n    {1} dup to {2} device \"lo\" drop\n  }}\n}}\n"
        "delete table {0}\n",
        table, of_no_connection_here(words_of(v6), 1), v6 ? "2001:db8::1" : "192.0.2.1"));
    if (!tried) return will_break(tried.error().message);
  }
  return {};
}

Result<unsigned> SecondChance::sweep() {
  auto socket = open_nf_tables();
  if (!socket) return fail(fmt::format("nf_tables: {}", socket.error().words));
  MessageBuffer buffer;
  const std::uint32_t number = socket->reserve(1);
  buffer.begin(nf_tables_type(NFT_MSG_GETTABLE), NLM_F_DUMP, number);
  put_nf_family(buffer, AF_UNSPEC);
  std::vector<std::string> left;
  const Answer answer =
      socket->exchange(buffer.bytes(), number, number, [&](const nlmsghdr& message) {
        if (auto table = left_table(message)) left.push_back(*std::move(table));
      });
  if (!answer) return fail(fmt::format("nf_tables: {}", answer.error().words));
  if (left.empty()) return 0U;
  std::string commands;
  for (const std::string& table : left) commands += fmt::format("delete table {}\n", table);
  if (auto done = run_nft(commands); !done) return std::unexpected(done.error());
  return static_cast<unsigned>(left.size());
}

Result<void> SecondChance::connect() {
  if (socket_) return {};
  auto opened = open_nf_tables();
  if (!opened) return will_break(fmt::format("nf_tables: {}", opened.error().words));
  socket_ = *std::move(opened);
  return {};
}

Result<void> SecondChance::listen() {
  if (listener_) return {};
  auto opened = listener_at_nobody(words_of(is_v6()), port_);
  if (!opened) return will_break(opened.error().message);
  listener_ = *std::move(opened);
  return {};
}

// ---- the table ----------------------------------------------------------------------------------

bool SecondChance::is_v6() const noexcept { return settings_.addresses.front().is_v6(); }

Result<void> SecondChance::begin(const OldNode& old_node, Milliseconds hold_for) {
  const auto is_of_other_family = [&](const IpAddress& address) {
    return address.is_v6() != old_node.address.is_v6();
  };
  if (!is_table_name(settings_.table))
    return fail(fmt::format("\"{}\" cannot be the name of a table", settings_.table));
  if (settings_.addresses.empty() || std::ranges::any_of(settings_.addresses, is_of_other_family))
    return fail(fmt::format("nothing of the family of {} is to be handed over to it",
                            old_node.address.text()));
  if (std::ranges::find(settings_.addresses, old_node.address) != settings_.addresses.end())
    return fail(fmt::format("{} cannot be handed over to itself", old_node.address.text()));
  if (::if_nametoindex(old_node.interface.c_str()) == 0)
    return fail(fmt::format("nf_tables: there is no interface {}", old_node.interface));
  if (auto connected = connect(); !connected) return connected;
  if (auto listening = listen(); !listening) return listening;
  old_node_ = old_node;
  auto done = run_nft(rules(hold_for));
  if (done) return {};
  old_node_.reset();
  listener_.reset();
  return will_break(done.error().message);
}

Result<void> SecondChance::hold(Milliseconds for_time) {
  if (!old_node_) return fail("nothing is handed over");
  SetBatch batch(*socket_, 4);
  batch.put({.family = words_of(is_v6()).number, .table = settings_.table, .name = kSet}, is_v6(),
            settings_.addresses, for_time);
  const Answer answer = batch.commit();
  if (answer) return {};
  if (answer.error().number != ENOENT)
    return fail(fmt::format("cannot hold {}: {}", settings_.table, answer.error().words));
  log::warning("the nf_tables table {} had vanished and is put up again", settings_.table);
  return run_nft(rules(for_time));
}

Result<void> SecondChance::end() {
  old_node_.reset();
  listener_.reset();
  if (settings_.addresses.empty()) return {};
  if (auto connected = connect(); !connected) return connected;
  return run_nft(fmt::format("add table {0} {1}\ndelete table {0} {1}\n", words_of(is_v6()).family,
                             settings_.table));
}

std::string SecondChance::rules(Milliseconds hold_for) const {
  const Words& words = words_of(is_v6());
  std::string elements;
  for (const IpAddress& address : settings_.addresses)
    elements += fmt::format("{} timeout {}ms, ", address.text(), hold_for.count());
  const std::string mine =
      fmt::format("{} daddr @{} ether saddr != {}", words.family, kSet, mac_text(old_node_->mac));
  const std::string over =
      fmt::format("dup to {} device \"{}\"", old_node_->address.text(), old_node_->interface);
  // Before conntrack (-200), which would take the packets for the middle of something new.
  return fmt::format(
      "add table {0} {1}\ndelete table {0} {1}\n"
      "table {0} {1} {{\n"
      "  comment \"tandem-failover: packets of older connections go to the node that has them\"\n"
      "  counter {2} {{ }}\n  counter {3} {{ }}\n"
      "  set {4} {{ type {5}; flags timeout; elements = {{ {6} }}; }}\n"
      "  chain entering {{\n"
      "    type filter hook prerouting priority -250; policy accept;\n"
      "    {7} {8} counter name {2} {9} drop\n"
      "    {7} {10} counter name {3} {9}\n"
      "  }}\n}}\n",
      words.family, settings_.table, kPacketCounter, kErrorCounter, kSet, words.type, elements,
      mine, of_no_connection_here(words, port_), over, words.errors);
}

// ---- figures ------------------------------------------------------------------------------------

Result<SecondChance::HandedOver> SecondChance::handed_over() {
  if (!old_node_) return fail("nothing is handed over");
  const auto packets = read_counter(kPacketCounter);
  if (!packets) return std::unexpected(packets.error());
  const auto errors = read_counter(kErrorCounter);
  if (!errors) return std::unexpected(errors.error());
  return HandedOver{.packets = *packets, .errors = *errors};
}

Result<std::uint64_t> SecondChance::read_counter(const std::string& name) {
  MessageBuffer buffer;
  const std::uint32_t number = socket_->reserve(1);
  buffer.begin(nf_tables_type(NFT_MSG_GETOBJ), NLM_F_ACK, number);
  put_nf_family(buffer, words_of(is_v6()).number);
  buffer.put_text(NFTA_OBJ_TABLE, settings_.table);
  buffer.put_text(NFTA_OBJ_NAME, name);
  buffer.put(NFTA_OBJ_TYPE, std::array<std::uint8_t, 4>{0, 0, 0, NFT_OBJECT_COUNTER});
  std::uint64_t packets = 0;
  const Answer answer =
      socket_->exchange(buffer.bytes(), number, number,
                        [&](const nlmsghdr& message) { packets = packets_in(message); });
  if (!answer)
    return fail(
        fmt::format("cannot read {} of {}: {}", name, settings_.table, answer.error().words));
  return packets;
}

// Two lines for each group: its names, then its values in the same order.
std::optional<std::uint64_t> cookies_sent() {
  std::ifstream file("/proc/net/netstat");
  std::string names;
  std::string values;
  while (std::getline(file, names) && std::getline(file, values)) {
    std::istringstream of_names(names);
    std::istringstream of_values(values);
    std::string name;
    std::string value;
    while (of_names >> name && of_values >> value) {
      if (name != "SyncookiesSent") continue;
      std::uint64_t count = 0;
      const auto read = std::from_chars(value.data(), value.data() + value.size(), count);
      if (read.ec == std::errc()) return count;
    }
  }
  return std::nullopt;
}

}  // namespace tandem::failover::system
