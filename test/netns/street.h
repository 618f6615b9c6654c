// A street of four network namespaces: a client behind a router, and two nodes, "left" and "right",
// on the router's bridge. The router's link to the client is narrower than the others. They belong
// to the test process alone and vanish with it. Thread: the test's only one.
#pragma once

#include "test/netns/addresses_rig.h"

#include <catch2/catch.hpp>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

namespace tandem::netns {

/// A network namespace; a number in its addresses.
class House {
 public:
  House() : space_(made()) {}

  /// What is opened meanwhile belongs to this namespace.
  void in(const std::function<void()>& action) const {
    const FileDescriptor before(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
    REQUIRE(::setns(space_.get(), CLONE_NEWNET) == 0);
    action();
    REQUIRE(::setns(before.get(), CLONE_NEWNET) == 0);
  }
  template <class T>
  T out_of(const std::function<T()>& action) const {
    std::optional<T> value;
    in([&] { value.emplace(action()); });
    return *std::move(value);
  }
  void do_run(const std::string& command) const {
    in([&] { run(command); });
  }
  [[nodiscard]] std::string output(const std::string& command) const {
    return out_of<std::string>([&] { return output_of(command); });
  }
  /// For `ip link … netns`.
  [[nodiscard]] std::string path() const {
    return fmt::format("/proc/{}/fd/{}", ::getpid(), space_.get());
  }

 private:
  static FileDescriptor made() {
    const FileDescriptor before(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
    REQUIRE(::unshare(CLONE_NEWNET) == 0);
    FileDescriptor space(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
    run("ip link set lo up");
    REQUIRE(::setns(before.get(), CLONE_NEWNET) == 0);
    return space;
  }

  FileDescriptor space_;
};

inline sockaddr_in6 any_end(const IpAddress& address, std::uint16_t port) {
  sockaddr_in6 end{};
  end.sin6_family = AF_INET6;
  end.sin6_port = htons(port);
  auto* bytes = reinterpret_cast<std::uint8_t*>(&end.sin6_addr);
  if (!address.is_v6()) bytes[10] = bytes[11] = 0xff;
  std::memcpy(bytes + 16 - address.bytes().size(), address.bytes().data(), address.bytes().size());
  return end;
}

/// A TCP socket whose calls wait no longer than patience lasts.
class Tcp {
 public:
  explicit Tcp(FileDescriptor fd) : fd_(std::move(fd)) {
    const timeval patience{.tv_sec = kPatience.count(), .tv_usec = 0};
    REQUIRE(fd_);
    REQUIRE(::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0);
    REQUIRE(::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) == 0);
  }
  /// The address need not be there yet.
  static Tcp listening(const IpAddress& address, std::uint16_t port, bool is_transparent = false) {
    Tcp tcp = opened();
    const sockaddr_in6 end = any_end(address, port);
    const int on = 1;
    const int option = is_transparent ? IPV6_TRANSPARENT : IPV6_FREEBIND;
    REQUIRE(::setsockopt(tcp.fd(), IPPROTO_IPV6, option, &on, sizeof on) == 0);
    REQUIRE(::setsockopt(tcp.fd(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0);
    REQUIRE(::bind(tcp.fd(), reinterpret_cast<const sockaddr*>(&end), sizeof end) == 0);
    REQUIRE(::listen(tcp.fd(), 1024) == 0);
    return tcp;
  }
  static Tcp connected(const IpAddress& to, std::uint16_t port) {
    Tcp tcp = opened();
    tcp.connect(to, port);
    return tcp;
  }
  static Tcp connected_from(const IpAddress& from, const IpAddress& to, std::uint16_t port,
                            std::uint16_t own_port = 0) {
    Tcp tcp = opened();
    const sockaddr_in6 end = any_end(from, own_port);
    REQUIRE(::bind(tcp.fd(), reinterpret_cast<const sockaddr*>(&end), sizeof end) == 0);
    tcp.connect(to, port);
    return tcp;
  }
  [[nodiscard]] Tcp accepted() const {
    return Tcp(FileDescriptor(::accept4(fd(), nullptr, nullptr, SOCK_CLOEXEC)));
  }
  [[nodiscard]] bool has_somebody_waiting() const {
    const timeval none{.tv_sec = 0, .tv_usec = 1};
    REQUIRE(::setsockopt(fd(), SOL_SOCKET, SO_RCVTIMEO, &none, sizeof none) == 0);
    return FileDescriptor(::accept4(fd(), nullptr, nullptr, SOCK_CLOEXEC)).get() >= 0;
  }

  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] std::uint16_t own_port() const {
    sockaddr_in6 end{};
    socklen_t size = sizeof end;
    REQUIRE(::getsockname(fd(), reinterpret_cast<sockaddr*>(&end), &size) == 0);
    return ntohs(end.sin6_port);
  }
  /// 0, or errno.
  [[nodiscard]] int send(std::size_t bytes) const {
    const std::vector<char> text(bytes, 'x');
    for (std::size_t sent = 0; sent < bytes;) {
      const ssize_t count = ::send(fd(), text.data(), bytes - sent, MSG_NOSIGNAL);
      if (count < 0) return errno;
      sent += static_cast<std::size_t>(count);
    }
    return 0;
  }
  /// 0, or errno; EPIPE at the end of the stream.
  [[nodiscard]] int receive(std::size_t bytes) const {
    std::array<char, 4096> text{};
    while (bytes > 0) {
      const ssize_t count = ::recv(fd(), text.data(), std::min(bytes, text.size()), 0);
      if (count <= 0) return count == 0 ? EPIPE : errno;
      bytes -= static_cast<std::size_t>(count);
    }
    return 0;
  }
  void close() { fd_ = FileDescriptor(); }

 private:
  static Tcp opened() {
    return Tcp(FileDescriptor(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0)));
  }

  void connect(const IpAddress& to, std::uint16_t port) const {
    const sockaddr_in6 end = any_end(to, port);
    REQUIRE(::connect(fd(), reinterpret_cast<const sockaddr*>(&end), sizeof end) == 0);
  }

  FileDescriptor fd_;
};

/// Router 10.88.0.1, fd88::1; left …2; right …3; client 10.99.0.2, fd99::2 behind it.
struct Street {
  House client;
  House router;
  House left;
  House right;

  Street() {
    router.in([this] {
      run("ip link add hub type bridge");
      run("sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1");
      build(left, "left", 2);
      build(right, "right", 3);
      lay("hub", 88, 1);
      run("ip link add c type veth peer name e netns " + client.path());
      lay("c", 99, 1);
      // The router says so when something does not fit; the client does not know.
      run("ip link set dev c mtu 1400");
      run("sysctl -q -w net.ipv4.neigh.hub.locktime=0");
    });
    client.in([] { settle(99, 2); });
  }

 private:
  static void build(const House& house, const std::string& name, int number) {
    run(fmt::format("ip link add {} type veth peer name e netns {}", name, house.path()));
    run(fmt::format("ip link set dev {} master hub addrgenmode none up", name));
    house.in([number] {
      run("sysctl -q -w net.ipv4.conf.all.rp_filter=1");
      settle(88, number);
    });
  }
  static void settle(int net, int number) {
    lay("e", net, number);
    run(fmt::format("ip route add default via 10.{}.0.1", net));
    run(fmt::format("ip route add default via fd{}::1", net));
  }
  static void lay(const char* name, int net, int number) {
    run(fmt::format("ip link set dev {} addrgenmode none up", name));
    run(fmt::format("ip addr add 10.{}.0.{}/24 dev {}", net, number, name));
    run(fmt::format("ip addr add fd{}::{}/64 dev {} nodad", net, number, name));
    run(fmt::format("ip addr add fe80::{}:{}/64 dev {} nodad", net, number, name));
  }
};

}  // namespace tandem::netns
