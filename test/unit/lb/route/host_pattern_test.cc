#include "lb/route/host_pattern.h"

#include <catch2/catch.hpp>

#include <string_view>

namespace tandem::lb::route {
namespace {

TEST_CASE("the host of an authority has no port, user or root dot") {
  struct Row {
    std::string_view authority;
    std::string_view host;
  };
  const Row rows[] = {
      {"example.org", "example.org"},
      {"example.org:8080", "example.org"},
      {"example.org.", "example.org"},
      {"example.org.:80", "example.org"},
      {"Example.ORG", "Example.ORG"},
      {"[2001:db8::1]:80", "[2001:db8::1]"},
      {"[2001:db8::1]", "[2001:db8::1]"},
      {"192.0.2.1:80", "192.0.2.1"},
      {"allowed.example@other.example:80", "other.example"},
      {"", ""},
      {":80", ""},
      {"[::1", "[::1"},
      {".", ""},
  };
  for (const Row& row : rows) {
    INFO(row.authority);
    CHECK(host_of(row.authority) == row.host);
  }
}

TEST_CASE("a wildcard stands for every name below, not for the name itself") {
  CHECK(host_matches("*.example.org", "a.example.org"));
  CHECK(host_matches("*.example.org", "A.B.Example.Org"));
  CHECK_FALSE(host_matches("*.example.org", "example.org"));
  CHECK_FALSE(host_matches("*.example.org", ".example.org"));
  CHECK_FALSE(host_matches("*.example.org", "badexample.org"));
  CHECK_FALSE(host_matches("*.example.org", "a.example.org.evil.net"));
  CHECK_FALSE(host_matches("*.example.org", ""));
}

TEST_CASE("an exact host ignores case") {
  CHECK(host_matches("example.org", "EXAMPLE.org"));
  CHECK_FALSE(host_matches("example.org", "www.example.org"));
  CHECK_FALSE(host_matches("example.org", "example.or"));
}

}  // namespace
}  // namespace tandem::lb::route
