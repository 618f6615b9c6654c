#include "failover/legacy.h"

#include <catch2/catch.hpp>

namespace tandem::failover {

TEST_CASE("What is left to another process arrives as it was") {
  Legacy legacy;
  CHECK(decode_legacy(encode_legacy(legacy))->active.empty());
  legacy.active["main"] = {.interface = "eth0",
                           .vips = {*IpPrefix::parse("192.0.2.10/24")},
                           .waits_until = Instant(std::chrono::nanoseconds(123'456'789))};
  legacy.active["main/6"] = {
      .interface = "eth0",
      .vips = {*IpPrefix::parse("fe80::1/64"), *IpPrefix::parse("2001:db8::1/64")},
      .waits_until = Instant(std::chrono::nanoseconds(5))};
  CHECK(decode_legacy(encode_legacy(legacy))->active == legacy.active);
}

TEST_CASE("What is no legacy is none") {
  for (const std::string_view bad :
       {"main", "main=eth0", "main=eth0,1", "main=eth0,x,192.0.2.10/24",
        "main=eth0,1,192.0.2.10/33", "main=eth0,1,192.0.2.10/24;", "=eth0,1"})
    CHECK_FALSE(decode_legacy(bad));
}

}  // namespace tandem::failover
