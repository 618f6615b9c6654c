#include "failover/system/socket_census.h"

#include <catch2/catch.hpp>
#include <linux/inet_diag.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::failover::system {
namespace {

IpAddress address(std::string_view text) { return IpAddress::parse(text).value(); }

/// As the kernel runs a program (inet_diag_bc_run) over a socket whose own address is `own`, with
/// what it checks beforehand (inet_diag_bc_audit). nullopt: it would refuse the program.
std::optional<bool> run(const std::vector<std::uint8_t>& program, const IpAddress& own) {
  std::vector<std::size_t> way;  // of those that always match
  inet_diag_bc_op op{};
  for (std::size_t at = 0; at < program.size(); at += op.yes) {
    way.push_back(at);
    std::memcpy(&op, program.data() + at, sizeof op);
    if (op.yes < sizeof op || op.yes % 4 != 0 || op.no < sizeof op || op.no % 4 != 0)
      return std::nullopt;
  }
  const auto size = static_cast<std::ptrdiff_t>(program.size());
  for (const std::size_t at : way) {
    std::memcpy(&op, program.data() + at, sizeof op);
    const std::size_t target = at + op.no;
    if (target > program.size() + sizeof op) return std::nullopt;
    if (target < program.size() && std::ranges::find(way, target) == way.end()) return std::nullopt;
  }
  std::ptrdiff_t at = 0;
  while (at < size) {
    std::memcpy(&op, program.data() + at, sizeof op);
    bool yes = false;
    if (op.code == INET_DIAG_BC_S_COND) {
      inet_diag_hostcond condition{};
      const std::uint8_t* begin = program.data() + at + sizeof op;
      std::memcpy(&condition, begin, sizeof condition);
      CHECK(condition.port == -1);
      yes = own == IpAddress::of({begin + sizeof condition, condition.prefix_len / 8U});
    } else if (op.code != INET_DIAG_BC_JMP) {
      return std::nullopt;
    }
    at += yes ? op.yes : op.no;
  }
  return at == size;
}

TEST_CASE("A filter lets every one of its addresses through, and nothing else") {
  const std::vector<std::vector<const char*>> lists{
      {"192.0.2.1"},
      {"2001:db8::1"},
      {"192.0.2.1", "192.0.2.2"},
      {"2001:db8::1", "192.0.2.1", "2001:db8::2", "192.0.2.9"},
  };
  for (const auto& list : lists) {
    std::vector<IpAddress> addresses;
    for (const char* one : list) addresses.push_back(address(one));
    const auto filter = local_address_filter(addresses);
    for (const IpAddress& one : addresses) CHECK(run(filter, one) == true);
    for (const char* other : {"192.0.2.3", "0.0.0.0", "2001:db8::3", "::"})
      CHECK(run(filter, address(other)) == false);
  }
}

TEST_CASE("A filter of as many addresses as an advert can name is one that the kernel takes") {
  std::vector<IpAddress> addresses;
  for (int i = 0; i < 255; ++i) addresses.push_back(address("2001:db8::" + std::to_string(i)));
  const auto filter = local_address_filter(addresses);
  CHECK(filter.size() < 0xffff);
  for (const IpAddress& one : addresses) CHECK(run(filter, one) == true);
  CHECK(run(filter, address("192.0.2.1")) == false);
}

}  // namespace
}  // namespace tandem::failover::system
