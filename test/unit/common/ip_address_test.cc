#include "common/ip_address.h"

#include <catch2/catch.hpp>

namespace tandem {

TEST_CASE("Addresses are read and written") {
  for (const std::string_view text : {"192.0.2.1", "0.0.0.0", "2001:db8::1", "::", "fe80::1"})
    CHECK(IpAddress::parse(text)->text() == text);
  for (const std::string_view bad :
       {"", "192.0.2", "192.0.2.256", "::g", "host", "192.0.2.1/24", "192.0.2.1:80", "[::1]"})
    CHECK_FALSE(IpAddress::parse(bad));
}

TEST_CASE("Prefixes are read and written") {
  CHECK(IpPrefix::parse("192.0.2.1/24")->text() == "192.0.2.1/24");
  CHECK(IpPrefix::parse("192.0.2.1")->text() == "192.0.2.1/32");
  CHECK(IpPrefix::parse("2001:db8::1")->text() == "2001:db8::1/128");
  CHECK(IpPrefix::parse("2001:db8::1/64")->length == 64);
  for (const std::string_view bad : {"192.0.2.1/33", "192.0.2.1/", "192.0.2.1/-1", "::1/129", "/24",
                                     "192.0.2.1/2 ", "192.0.2.1/0x8"})
    CHECK_FALSE(IpPrefix::parse(bad));
}

TEST_CASE("Addresses know what they are, and order as numbers") {
  const auto address = [](std::string_view text) { return *IpAddress::parse(text); };
  CHECK(address("224.0.0.18").is_multicast());
  CHECK(address("ff02::12").is_multicast());
  CHECK_FALSE(address("223.255.255.255").is_multicast());
  CHECK(address("fe80::1").is_link_local());
  CHECK(address("febf::1").is_link_local());
  CHECK_FALSE(address("fec0::1").is_link_local());
  CHECK_FALSE(address("169.254.0.1").is_link_local());
  CHECK(address("::").is_unspecified());
  CHECK_FALSE(address("::1").is_unspecified());
  CHECK(address("192.0.2.9") < address("192.0.2.10"));
  CHECK(address("255.255.255.255") < address("::"));
  CHECK(address("fe80::ff") < address("fe80::1:0"));
}

}  // namespace tandem
