// What the tests of addresses, gates and announcements share: the kernel's sockets in namespace
// "a", and commands whose output is read.
#pragma once

#include "failover/system/addresses.h"
#include "test/netns/cable.h"

#include <array>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

namespace tandem::netns {

inline std::string output_of(const std::string& command) {
  INFO(command);
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen(command.c_str(), "r"), ::pclose);
  REQUIRE(pipe);
  std::string text;
  std::array<char, 4096> piece;
  while (const std::size_t count = std::fread(piece.data(), 1, piece.size(), pipe.get()))
    text.append(piece.data(), count);
  return text;
}

inline bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

template <class T>
T opened(Result<T> result) {
  INFO((result ? std::string() : result.error().message));
  REQUIRE(result);
  return *std::move(result);
}

inline IpPrefix prefix(std::string_view text) { return IpPrefix::parse(text).value(); }
inline IpAddress address(std::string_view text) { return IpAddress::parse(text).value(); }

/// The daemon's side of "a".
struct Rig {
  explicit Rig(int receive_bytes = 1 << 20)
      : monitor(opened(failover::system::RouteMonitor::open(poller, receive_bytes))) {}

  Cable cable;
  event::Loop loop;
  event::Poller poller{loop};
  failover::system::RouteSocket route{opened(failover::system::RouteSocket::open())};
  std::unique_ptr<failover::system::RouteMonitor> monitor;
  failover::system::Interface interface{*monitor, route, "a"};
};

}  // namespace tandem::netns
