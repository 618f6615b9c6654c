#include "failover/system/guard_plan.h"

#include <catch2/catch.hpp>

#include <cstdint>
#include <span>
#include <vector>

namespace tandem::failover::system {
namespace {

using Bytes = std::vector<std::uint8_t>;

Farewell farewell(int socket, const char* destination, Bytes payload) {
  return {.socket = socket,
          .destination = raw_address(IpAddress::parse(destination).value(), 3),
          .payload = std::move(payload)};
}

GuardPlan plan() {
  GuardPlan plan;
  add_withdrawal(plan, 3, IpPrefix::parse("192.0.2.10/24").value());
  add_withdrawal(plan, 3, IpPrefix::parse("2001:db8::10/64").value());
  plan.farewells = {farewell(7, "224.0.0.18", {1, 2, 3}), farewell(9, "ff02::12", {4}),
                    farewell(7, "192.0.2.12", {})};
  return plan;
}

TEST_CASE("what is packed is what the guard reads") {
  const GuardPlan before = plan();
  const PackedPlan packed = pack(before).value();
  CHECK(packed.sockets == std::vector<int>{7, 9});
  auto message = GuardMessage::read(packed.message).value();
  CHECK(message.order() == GuardOrder::kHold);
  CHECK(Bytes(message.requests().begin(), message.requests().end()) == before.requests);
  const std::vector<std::size_t> sockets{0, 1, 0};
  for (std::size_t i = 0; i < before.farewells.size(); ++i) {
    const auto read = message.next_farewell().value();
    CHECK(read.socket == sockets[i]);
    CHECK(read.destination.size == before.farewells[i].destination.size);
    CHECK(Bytes(read.payload.begin(), read.payload.end()) == before.farewells[i].payload);
  }
  CHECK_FALSE(message.next_farewell().has_value());
  CHECK(GuardMessage::read(pack_dismissal()).value().order() == GuardOrder::kDismiss);
}

TEST_CASE("a message cut off anywhere is refused or ends early, and is never read beyond") {
  const PackedPlan packed = pack(plan()).value();
  for (std::size_t size = 0; size < packed.message.size(); ++size) {
    const Bytes cut(packed.message.begin(), packed.message.begin() + static_cast<long>(size));
    auto message = GuardMessage::read(cut);
    if (!message) continue;
    int farewells = 0;
    while (message->next_farewell()) ++farewells;
    CHECK(farewells < 3);
  }
}

TEST_CASE("a message of no known order is refused") {
  Bytes message = pack_dismissal();
  message[0] = 77;
  CHECK_FALSE(GuardMessage::read(message).has_value());
}

TEST_CASE("a plan beyond the guard's bounds is refused in words") {
  GuardPlan large = plan();
  large.farewells.push_back(farewell(7, "224.0.0.18", Bytes(kGuardMessageBytesMax)));
  CHECK_FALSE(pack(large).has_value());
  GuardPlan wide;
  for (int i = 0; i <= static_cast<int>(kGuardSocketsMax); ++i)
    wide.farewells.push_back(farewell(i, "224.0.0.18", {1}));
  const auto refused = pack(wide);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().message.starts_with("guard: "));
  wide.farewells.pop_back();
  CHECK(pack(wide).has_value());
}

TEST_CASE("a withdrawal names interface, family, address and prefix, as the kernel reads them") {
  GuardPlan plan;
  add_withdrawal(plan, 3, IpPrefix::parse("192.0.2.10/24").value());
  CHECK(plan.requests ==
        Bytes{40, 0,  0, 0, 21,  0, 5, 0,  0, 0, 0, 0, 0,   0, 0, 0,  // RTM_DELADDR
              2,  24, 0, 0, 3,   0, 0, 0,                             // AF_INET, eth 3
              8,  0,  2, 0, 192, 0, 2, 10, 8, 0, 1, 0, 192, 0, 2, 10});
}

}  // namespace
}  // namespace tandem::failover::system
