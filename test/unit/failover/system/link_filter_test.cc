// The IPv4 programs, run by the kernel: a Unix datagram socket hands a filter the same bytes as a
// raw one does. The IPv6 ones look behind the packet's beginning and need a real one (netns link
// tests).
#include "failover/system/link_filter.h"

#include "common/file_descriptor.h"
#include "failover/wire/ip_header.h"

#include <catch2/catch.hpp>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <string>
#include <vector>

namespace tandem::failover::system {
namespace {

using Bytes = std::vector<std::uint8_t>;

IpAddress address(const char* text) { return IpAddress::parse(text).value(); }

class Kernel {
 public:
  explicit Kernel(const Filter& filter) {
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) == 0);
    in_.reset(ends[0]);
    out_.reset(ends[1]);
    const sock_fprog program{.len = static_cast<unsigned short>(filter.size()),
                             .filter = const_cast<sock_filter*>(filter.data())};
    REQUIRE(::setsockopt(out_.get(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0);
  }
  bool passes(const Bytes& packet) {
    // A filter that refuses makes a Unix socket's sender see EPERM.
    (void)!::send(in_.get(), packet.data(), packet.size(), 0);
    std::array<std::uint8_t, 2048> bytes;
    return ::recv(out_.get(), bytes.data(), bytes.size(), 0) >= 0;
  }

 private:
  FileDescriptor in_;
  FileDescriptor out_;
};

Bytes packet(const char* source, std::uint8_t hop_limit, const Bytes& payload) {
  const wire::Envelope envelope{
      .source = address(source), .destination = wire::kGroupV4, .hop_limit = hop_limit};
  const auto header = wire::ipv4_header(envelope, payload.size(), 0);
  Bytes bytes(header.begin(), header.end());
  bytes.insert(bytes.end(), payload.begin(), payload.end());
  return bytes;
}

const Bytes kAdvert{0x31, 51, 100, 1, 0, 20, 0, 0, 10, 0, 0, 1};
const AdvertForm kMulticast{.vrid = 51, .own = address("10.77.0.1")};
const AdvertForm kUnicast{
    .vrid = 51, .own = address("10.77.0.1"), .peers = {address("10.77.0.2"), address("10.77.0.3")}};

Bytes with(std::size_t at, std::uint8_t value) {
  Bytes bytes = kAdvert;
  bytes[at] = value;
  return bytes;
}

Bytes with_options(Bytes bytes) {
  bytes[0] = 0x46;
  bytes.insert(bytes.begin() + 20, {1, 1, 1, 0});
  return bytes;
}

Bytes longer(Bytes bytes, std::size_t by) {
  bytes.resize(bytes.size() + by);
  return bytes;
}

TEST_CASE("every packet is in one queue: what has the form of our adverts, and the rest") {
  struct Row {
    const char* name;
    const AdvertForm& form;
    Bytes packet;
    bool is_formed;
  };
  AdvertForm version2 = kMulticast;
  version2.version = 2;
  const std::vector<Row> rows{
      {"an advert", kMulticast, packet("10.77.0.2", 255, kAdvert), true},
      {"behind IP options", kMulticast, with_options(packet("10.77.0.2", 255, kAdvert)), true},
      {"any priority", kMulticast, packet("10.77.0.2", 255, with(2, 0)), true},
      {"with a trailer", kMulticast, packet("10.77.0.2", 255, longer(kAdvert, 40)), true},
      {"hop limit 254", kMulticast, packet("10.77.0.2", 254, kAdvert), false},
      {"from ourselves", kMulticast, packet("10.77.0.1", 255, kAdvert), false},
      {"version 2", kMulticast, packet("10.77.0.2", 255, with(0, 0x21)), false},
      {"type 2", kMulticast, packet("10.77.0.2", 255, with(0, 0x32)), false},
      {"VRID 52", kMulticast, packet("10.77.0.2", 255, with(1, 52)), false},
      {"no address", kMulticast, packet("10.77.0.2", 255, with(3, 0)), false},
      {"one address less than it says", kMulticast, packet("10.77.0.2", 255, with(3, 2)), false},
      {"255 addresses", kMulticast, packet("10.77.0.2", 255, with(3, 255)), false},
      {"7 bytes", kMulticast, packet("10.77.0.2", 255, Bytes(kAdvert.begin(), kAdvert.begin() + 7)),
       false},
      {"no byte", kMulticast, packet("10.77.0.2", 255, {}), false},
      {"the first peer", kUnicast, packet("10.77.0.2", 64, kAdvert), true},
      {"the last peer", kUnicast, packet("10.77.0.3", 255, kAdvert), true},
      {"no peer", kUnicast, packet("10.77.0.4", 255, kAdvert), false},
      {"a peer, other VRID", kUnicast, packet("10.77.0.3", 255, with(1, 9)), false},
      {"VRRPv2", version2, packet("10.77.0.2", 255, longer(with(0, 0x21), 8)), true},
      {"VRRPv2 without room for a password", version2, packet("10.77.0.2", 255, with(0, 0x21)),
       false},
  };
  for (const Row& row : rows) {
    INFO(row.name);
    CHECK(Kernel(filter_well_formed(row.form)).passes(row.packet) == row.is_formed);
    CHECK(Kernel(filter_suspect(row.form)).passes(row.packet) != row.is_formed);
    CHECK_FALSE(Kernel(filter_everything()).passes(row.packet));
  }
}

TEST_CASE("a filter for IPv6 peers is one that the kernel accepts") {
  AdvertForm form{.is_v6 = true, .vrid = 51, .own = address("fd77::1"), .peers = {}};
  Kernel(filter_well_formed(form));
  for (int i = 0; i < 64; ++i) form.peers.push_back(address("fd77::2"));
  Kernel(filter_well_formed(form));
  Kernel(filter_suspect(form));
}

}  // namespace
}  // namespace tandem::failover::system
