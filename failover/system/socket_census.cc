#include "failover/system/socket_census.h"

#include "common/check.h"

#include <fmt/format.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <cstddef>
#include <utility>

namespace tandem::failover::system {
namespace {

constexpr std::size_t kAddressesMax = 255;
constexpr std::size_t kOpBytes = sizeof(inet_diag_bc_op);

constexpr std::uint32_t bit(int state) { return 1U << static_cast<unsigned>(state); }
constexpr std::uint32_t kConnected = bit(TCP_ESTABLISHED) | bit(TCP_SYN_RECV) | bit(TCP_FIN_WAIT1) |
                                     bit(TCP_FIN_WAIT2) | bit(TCP_CLOSE_WAIT) | bit(TCP_LAST_ACK) |
                                     bit(TCP_CLOSING);

std::size_t condition_bytes(const IpAddress& address) {
  return kOpBytes + sizeof(inet_diag_hostcond) + address.bytes().size();
}

template <class T>
void append(std::vector<std::uint8_t>& bytes, const T& value) {
  const auto* begin = reinterpret_cast<const std::uint8_t*>(&value);
  bytes.insert(bytes.end(), begin, begin + sizeof value);
}

/// Goes on behind itself if the socket's own address is this one, else `otherwise` bytes further.
void append_condition(std::vector<std::uint8_t>& program, const IpAddress& address,
                      std::size_t otherwise) {
  append(program, inet_diag_bc_op{.code = INET_DIAG_BC_S_COND,
                                  .yes = static_cast<unsigned char>(condition_bytes(address)),
                                  .no = static_cast<unsigned short>(otherwise)});
  inet_diag_hostcond condition{};
  condition.family = static_cast<std::uint8_t>(address.family());
  condition.prefix_len = static_cast<std::uint8_t>(address.bytes().size() * 8);
  condition.port = -1;  // any
  append(program, condition);
  program.insert(program.end(), address.bytes().begin(), address.bytes().end());
}

}  // namespace

// One condition behind the other, with a jump to the end (accepted) behind each but the last; that
// one goes beyond the end (refused). Every target must lie on the way of those that always match:
// the kernel checks that before it runs the program.
std::vector<std::uint8_t> local_address_filter(std::span<const IpAddress> addresses) {
  TANDEM_CHECK(!addresses.empty() && addresses.size() <= kAddressesMax);
  std::size_t left = 0;
  for (const IpAddress& address : addresses) left += condition_bytes(address) + kOpBytes;
  left -= kOpBytes;
  std::vector<std::uint8_t> program;
  program.reserve(left);
  for (const IpAddress& address : addresses) {
    const std::size_t own = condition_bytes(address);
    append_condition(program, address, own + kOpBytes);
    left -= own;
    if (left == 0) break;
    append(program,
           inet_diag_bc_op{
               .code = INET_DIAG_BC_JMP, .yes = kOpBytes, .no = static_cast<unsigned short>(left)});
    left -= kOpBytes;
  }
  return program;
}

Result<SocketCensus> SocketCensus::open() {
  auto socket = NetlinkSocket::open(NETLINK_SOCK_DIAG);
  if (!socket) return fail(fmt::format("sock_diag: {}", socket.error().message));
  return SocketCensus(*std::move(socket));
}

Result<std::uint64_t> SocketCensus::connections(std::span<const IpAddress> addresses) {
  std::uint64_t count = 0;
  const auto done = each(addresses, kConnected, [&](const inet_diag_msg& message) {
    // Without an owner nobody is left to read; that the other end has all is what the state says.
    if (message.idiag_state != TCP_FIN_WAIT2 || message.idiag_inode != 0) ++count;
  });
  if (!done) return std::unexpected(done.error());
  return count;
}

Result<void> SocketCensus::each(std::span<const IpAddress> addresses, std::uint32_t states,
                                const Take& take) {
  if (addresses.empty()) return {};
  const std::vector<std::uint8_t> filter = local_address_filter(addresses);
  for (const int family : {AF_INET, AF_INET6}) {
    MessageBuffer buffer;
    const std::uint32_t number = socket_.reserve(1);
    buffer.begin(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, number);
    auto* request = buffer.extra<inet_diag_req_v2>();
    request->sdiag_family = static_cast<std::uint8_t>(family);
    request->sdiag_protocol = IPPROTO_TCP;
    request->idiag_states = states;
    buffer.put(INET_DIAG_REQ_BYTECODE, filter);
    const Answer answer =
        socket_.exchange(buffer.bytes(), number, number, [&](const nlmsghdr& message) {
          if (message.nlmsg_type != SOCK_DIAG_BY_FAMILY ||
              mnl_nlmsg_get_payload_len(&message) < sizeof(inet_diag_msg))
            return;
          take(*static_cast<const inet_diag_msg*>(mnl_nlmsg_get_payload(&message)));
        });
    if (!answer) return fail(fmt::format("sock_diag: {}", answer.error().words));
  }
  return {};
}

}  // namespace tandem::failover::system
