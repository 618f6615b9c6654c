// tandem-observer: who has the address. Listens to the kernel of each node for addresses that come
// and go, and asks the network every five milliseconds as a neighbour would (ARP). It asks from a
// host of its own: what it hears does not mend what the clients remember. Prints one line for each
// thing it sees, with CLOCK_MONOTONIC in nanoseconds:
//
//   TIME has NODE        the address is on the interface of that node
//   TIME lacks NODE      no longer
//   TIME answer MAC …    who answered the question asked at that time; often nobody or two
#include "common/file_descriptor.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/if_ether.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <string>
#include <vector>

namespace tandem::testing {
namespace {

constexpr std::int64_t kAskEvery = 5'000'000;  // ns

volatile std::sig_atomic_t is_over = 0;

std::int64_t now() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1'000'000'000 + time.tv_nsec;
}

struct Node {
  std::string name;
  FileDescriptor netlink;
};

struct Observer {
  in_addr address{};
  in_addr own{};
  std::vector<Node> nodes;
  FileDescriptor wire;
  sockaddr_ll link{};  // own interface
  std::array<std::uint8_t, ETH_ALEN> own_mac{};
  std::int64_t asked_at = 0;
  std::vector<std::string> answers;  // to the last question
};

/// A socket that is told of IPv4 addresses in the namespace of that file.
FileDescriptor netlink_in(const char* namespace_path) {
  const FileDescriptor home(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
  const FileDescriptor there(::open(namespace_path, O_RDONLY | O_CLOEXEC));
  if (!home || !there || ::setns(there.get(), CLONE_NEWNET) != 0) return {};
  FileDescriptor fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
  sockaddr_nl local{};
  local.nl_family = AF_NETLINK;
  local.nl_groups = RTMGRP_IPV4_IFADDR;
  const bool is_bound = ::bind(fd.get(), reinterpret_cast<sockaddr*>(&local), sizeof local) == 0;
  if (::setns(home.get(), CLONE_NEWNET) != 0 || !is_bound) return {};
  return fd;
}

bool open_wire(Observer& observer, const char* interface) {
  observer.wire = FileDescriptor(
      ::socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(ETH_P_ARP)));
  ifreq request{};
  std::strncpy(request.ifr_name, interface, IFNAMSIZ - 1);
  if (!observer.wire || ::ioctl(observer.wire.get(), SIOCGIFHWADDR, &request) != 0) return false;
  std::memcpy(observer.own_mac.data(), request.ifr_hwaddr.sa_data, ETH_ALEN);
  observer.link.sll_family = AF_PACKET;
  observer.link.sll_protocol = htons(ETH_P_ARP);
  observer.link.sll_ifindex = static_cast<int>(::if_nametoindex(interface));
  observer.link.sll_halen = ETH_ALEN;
  std::memset(observer.link.sll_addr, 0xff, ETH_ALEN);
  return ::bind(observer.wire.get(), reinterpret_cast<sockaddr*>(&observer.link),
                sizeof observer.link) == 0;
}

void ask(Observer& observer) {
  if (observer.asked_at != 0) {
    std::printf("%lld answer", static_cast<long long>(observer.asked_at));
    for (const std::string& mac : observer.answers) std::printf(" %s", mac.c_str());
    std::printf("\n");
  }
  observer.answers.clear();
  ether_arp question{};
  question.ea_hdr = {.ar_hrd = htons(ARPHRD_ETHER),
                     .ar_pro = htons(ETH_P_IP),
                     .ar_hln = ETH_ALEN,
                     .ar_pln = 4,
                     .ar_op = htons(ARPOP_REQUEST)};
  std::memcpy(question.arp_sha, observer.own_mac.data(), ETH_ALEN);
  std::memcpy(question.arp_spa, &observer.own, 4);
  std::memcpy(question.arp_tpa, &observer.address, 4);
  observer.asked_at = now();
  ::sendto(observer.wire.get(), &question, sizeof question, 0,
           reinterpret_cast<sockaddr*>(&observer.link), sizeof observer.link);
}

void hear(Observer& observer) {
  ether_arp heard{};
  while (::recv(observer.wire.get(), &heard, sizeof heard, 0) >= ssize_t{sizeof heard}) {
    const bool is_answer = heard.ea_hdr.ar_op == htons(ARPOP_REPLY) &&
                           std::memcmp(heard.arp_spa, &observer.address, 4) == 0;
    if (!is_answer) continue;
    std::array<char, 18> mac{};
    const auto* m = heard.arp_sha;
    std::snprintf(mac.data(), mac.size(), "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3],
                  m[4], m[5]);
    if (std::ranges::find(observer.answers, mac.data()) == observer.answers.end())
      observer.answers.emplace_back(mac.data());
  }
}

constexpr unsigned kLoopback = 1;  // in every namespace

bool concerns(const nlmsghdr& header, in_addr address) {
  const auto* message = static_cast<const ifaddrmsg*>(NLMSG_DATA(&header));
  // On lo, where nobody on the wire sees it, an address is only kept for older connections.
  if (message->ifa_index == kLoopback) return false;
  auto left = static_cast<int>(header.nlmsg_len - NLMSG_LENGTH(sizeof *message));
  for (const rtattr* it = IFA_RTA(message); RTA_OK(it, left); it = RTA_NEXT(it, left))
    if (it->rta_type == IFA_LOCAL && std::memcmp(RTA_DATA(it), &address, sizeof address) == 0)
      return true;
  return false;
}

void read_netlink(const Node& node, in_addr address) {
  alignas(nlmsghdr) std::array<char, 65536> buffer;
  for (ssize_t got; (got = ::recv(node.netlink.get(), buffer.data(), buffer.size(), 0)) > 0;) {
    const std::int64_t at = now();
    auto left = static_cast<unsigned>(got);
    for (auto* header = reinterpret_cast<nlmsghdr*>(buffer.data()); NLMSG_OK(header, left);
         header = NLMSG_NEXT(header, left)) {
      if (header->nlmsg_type != RTM_NEWADDR && header->nlmsg_type != RTM_DELADDR) continue;
      if (concerns(*header, address))
        std::printf("%lld %s %s\n", static_cast<long long>(at),
                    header->nlmsg_type == RTM_NEWADDR ? "has" : "lacks", node.name.c_str());
    }
  }
}

void run(Observer& observer) {
  std::vector<pollfd> polled{{.fd = observer.wire.get(), .events = POLLIN, .revents = 0}};
  for (const Node& node : observer.nodes)
    polled.push_back({.fd = node.netlink.get(), .events = POLLIN, .revents = 0});
  std::printf("ready\n");
  for (std::int64_t next = now(); is_over == 0;) {
    if (now() >= next) {
      ask(observer);
      next = std::max(next + kAskEvery, now());
      std::fflush(stdout);
    }
    const timespec wait{.tv_sec = 0, .tv_nsec = std::max<std::int64_t>(next - now(), 0)};
    if (::ppoll(polled.data(), polled.size(), &wait, nullptr) <= 0) continue;
    hear(observer);
    for (const Node& node : observer.nodes) read_netlink(node, observer.address);
  }
}

int run(int argc, char** argv) {
  if (argc < 5) {
    std::fputs("Usage: tandem-observer ADDRESS INTERFACE OWN-ADDRESS NODE=NAMESPACE-FILE …\n",
               stderr);
    return 2;
  }
  Observer observer;
  if (::inet_pton(AF_INET, argv[1], &observer.address) != 1 ||
      ::inet_pton(AF_INET, argv[3], &observer.own) != 1 || !open_wire(observer, argv[2])) {
    std::perror("tandem-observer");
    return 1;
  }
  for (int i = 4; i < argc; ++i) {
    const std::string argument = argv[i];
    const auto equals = argument.find('=');
    observer.nodes.push_back({.name = argument.substr(0, equals),
                              .netlink = netlink_in(argument.substr(equals + 1).c_str())});
    if (!observer.nodes.back().netlink) {
      std::perror(argument.c_str());
      return 1;
    }
  }
  std::signal(SIGTERM, [](int) { is_over = 1; });
  // Ahead of what it looks at, or its own lateness would be taken for theirs.
  const sched_param first{.sched_priority = 90};
  ::sched_setscheduler(0, SCHED_RR, &first);
  run(observer);
  return 0;
}

}  // namespace
}  // namespace tandem::testing

int main(int argc, char** argv) { return tandem::testing::run(argc, argv); }
