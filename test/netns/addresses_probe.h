// Probe: asks from namespace "b" whether an address of "a" answers. Every question is followed by
// one that "a" answers whatever the gate does, so that silence is known without waiting for it.
#pragma once

#include "failover/wire/ethernet.h"
#include "test/netns/addresses_rig.h"

#include <arpa/inet.h>
#include <catch2/catch.hpp>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

namespace tandem::netns {

/// Thread: any one at a time; send_…() may run beside receive_…().
class Probe {
 public:
  explicit Probe(Rig& rig) : receiver_(open(AF_INET6, SOCK_DGRAM, 0)) {
    sockaddr_in6 any{};
    any.sin6_family = AF_INET6;
    any.sin6_port = htons(kPort);
    REQUIRE(::bind(receiver_.get(), reinterpret_cast<const sockaddr*>(&any), sizeof any) == 0);
    rig.cable.in_b([this] {
      sender4_ = open(AF_INET, SOCK_DGRAM, 0);
      sender6_ = open(AF_INET6, SOCK_DGRAM, 0);
      packets_ = open(AF_PACKET, SOCK_RAW, htons(failover::wire::kEthertypeArp));
      index_ = static_cast<int>(::if_nametoindex("b"));
    });
  }

  /// A packet to the address arrives in "a". IPv6 asks the neighbour first, unless "b" knows it.
  bool reaches(const IpAddress& to) {
    const std::uint32_t number = ++last_;
    send_packet(to, number);
    const std::uint32_t fence = ++last_;
    send_packet(address(to.is_v6() ? "fd77::1" : "10.77.0.1"), fence);
    for (bool is_there = false;;) {
      const std::uint32_t got = receive_packet(true);
      if (got == fence) return is_there;
      is_there = is_there || got == number;
    }
  }

  /// "a" answers who has the IPv4 address.
  bool answers(const IpAddress& whom) {
    const std::uint32_t number = ++last_;
    ask(whom, number);
    const std::uint32_t fence = ++last_;
    ask(address("10.77.0.1"), fence);
    for (bool is_there = false;;) {
      const std::uint32_t got = receive_answer(true);
      if (got == fence) return is_there;
      is_there = is_there || got == number;
    }
  }

  void send_packet(const IpAddress& to, std::uint32_t number) {
    sockaddr_in6 six{};
    six.sin6_family = AF_INET6;
    six.sin6_port = htons(kPort);
    sockaddr_in four{};
    four.sin_family = AF_INET;
    four.sin_port = htons(kPort);
    ssize_t sent = 0;
    if (to.is_v6()) {
      std::memcpy(&six.sin6_addr, to.bytes().data(), sizeof six.sin6_addr);
      sent = ::sendto(sender6_.get(), &number, sizeof number, 0,
                      reinterpret_cast<const sockaddr*>(&six), sizeof six);
    } else {
      std::memcpy(&four.sin_addr, to.bytes().data(), sizeof four.sin_addr);
      sent = ::sendto(sender4_.get(), &number, sizeof number, 0,
                      reinterpret_cast<const sockaddr*>(&four), sizeof four);
    }
    REQUIRE(sent == sizeof number);
  }

  /// The number of a packet that came; 0: none (any more).
  std::uint32_t receive_packet(bool waits) {
    std::uint32_t number = 0;
    const ssize_t count = ::recv(receiver_.get(), &number, sizeof number, waits ? 0 : MSG_DONTWAIT);
    REQUIRE((count == sizeof number || (!waits && errno == EAGAIN)));
    return count < 0 ? 0 : number;
  }

  /// An ARP request whose sender's hardware address holds the number.
  void ask(const IpAddress& whom, std::uint32_t number) {
    std::array<std::uint8_t, 6> mac{0x02, 0x77, 0, 0, 0, 0};
    std::memcpy(mac.data() + 2, &number, sizeof number);
    const auto header = failover::wire::ethernet_header(failover::wire::kBroadcast, mac, 0x0806);
    std::vector<std::uint8_t> frame(header.begin(), header.end());
    const auto append = [&](std::span<const std::uint8_t> bytes) {
      frame.insert(frame.end(), bytes.begin(), bytes.end());
    };
    append(std::array<std::uint8_t, 8>{0, 1, 8, 0, 6, 4, 0, 1});
    append(mac);
    append(std::array<std::uint8_t, 4>{10, 77, 0, 2});
    append(std::array<std::uint8_t, 6>{});
    append(whom.bytes());
    put_on_wire(frame);
  }

  void put_on_wire(std::span<const std::uint8_t> frame) {
    sockaddr_ll to{};
    to.sll_family = AF_PACKET;
    to.sll_ifindex = index_;
    to.sll_protocol = htons(failover::wire::kEthertypeArp);
    REQUIRE(::sendto(packets_.get(), frame.data(), frame.size(), 0,
                     reinterpret_cast<const sockaddr*>(&to),
                     sizeof to) == static_cast<ssize_t>(frame.size()));
  }

  /// The number of a question that was answered; 0: none (any more).
  std::uint32_t receive_answer(bool waits) {
    for (;;) {
      std::array<std::uint8_t, 64> frame{};
      const ssize_t count =
          ::recv(packets_.get(), frame.data(), frame.size(), waits ? 0 : MSG_DONTWAIT);
      if (count < 0 && !waits && errno == EAGAIN) return 0;
      REQUIRE(count > 0);
      constexpr std::size_t kOperation = 21;
      constexpr std::size_t kTargetMac = 32;
      if (frame[kOperation] != 2 || frame[kTargetMac + 1] != 0x77) continue;
      std::uint32_t number = 0;
      std::memcpy(&number, frame.data() + kTargetMac + 2, sizeof number);
      return number;
    }
  }

 private:
  static constexpr std::uint16_t kPort = 7777;

  static FileDescriptor open(int family, int type, int protocol) {
    FileDescriptor fd(::socket(family, type | SOCK_CLOEXEC, protocol));
    REQUIRE(fd);
    const int bytes = 64 << 20;
    const timeval patience{.tv_sec = kPatience.count(), .tv_usec = 0};
    REQUIRE(::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) == 0);
    REQUIRE(::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0);
    return fd;
  }

  FileDescriptor receiver_;
  FileDescriptor sender4_;
  FileDescriptor sender6_;
  FileDescriptor packets_;
  int index_ = 0;
  std::uint32_t last_ = 0;
};

}  // namespace tandem::netns
