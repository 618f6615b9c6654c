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

TEST_CASE("A network holds the addresses whose first bits are its own") {
  const auto holds = [](std::string_view network, std::string_view address) {
    return IpPrefix::parse(network)->contains(*IpAddress::parse(address));
  };
  CHECK(holds("10.0.0.0/8", "10.255.255.255"));
  CHECK_FALSE(holds("10.0.0.0/8", "11.0.0.0"));
  CHECK(holds("192.0.2.64/26", "192.0.2.127"));
  CHECK_FALSE(holds("192.0.2.64/26", "192.0.2.128"));
  CHECK(holds("192.0.2.7", "192.0.2.7"));
  CHECK_FALSE(holds("192.0.2.7", "192.0.2.6"));
  CHECK(holds("0.0.0.0/0", "203.0.113.9"));
  CHECK_FALSE(holds("0.0.0.0/0", "2001:db8::1"));
  CHECK(holds("2001:db8::/33", "2001:db8:7fff::1"));
  CHECK_FALSE(holds("2001:db8::/33", "2001:db8:8000::1"));
  CHECK_FALSE(holds("::/0", "192.0.2.1"));
  CHECK(holds("10.1.2.3/8", "10.9.9.9"));
  CHECK(IpPrefix::parse("10.1.2.3/12")->network() == *IpAddress::parse("10.0.0.0"));
  CHECK(IpPrefix::parse("2001:db8::ff/124")->network() == *IpAddress::parse("2001:db8::f0"));
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
