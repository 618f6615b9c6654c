#include "common/text.h"

#include <catch2/catch.hpp>

namespace tandem {
namespace {

TEST_CASE("Case is folded for ASCII letters only") {
  CHECK(to_lower('A') == 'a');
  CHECK(to_lower('Z') == 'z');
  CHECK(to_lower('@') == '@');
  CHECK(to_lower('[') == '[');
  CHECK(to_lower_copy("Content-Length: 5Ä") == "content-length: 5Ä");
  CHECK(equals_ignoring_case("Host", "hOST"));
  CHECK(equals_ignoring_case("", ""));
  CHECK_FALSE(equals_ignoring_case("Host", "Hosts"));
  CHECK_FALSE(equals_ignoring_case("a[", "a{"));
}

TEST_CASE("Trimming takes blanks and tabs at both ends and nothing else") {
  CHECK(trim(" \t a b\t ") == "a b");
  CHECK(trim(" \t ").empty());
  CHECK(trim("").empty());
  CHECK(trim("\na\r") == "\na\r");
}

TEST_CASE("Splitting keeps empty pieces") {
  CHECK(split("a,b", ',') == std::vector<std::string_view>{"a", "b"});
  CHECK(split("", ',') == std::vector<std::string_view>{""});
  CHECK(split(",", ',') == std::vector<std::string_view>{"", ""});
  CHECK(split("a,,b,", ',') == std::vector<std::string_view>{"a", "", "b", ""});
}

TEST_CASE("A decimal number is digits alone") {
  CHECK(parse_decimal("0") == 0);
  CHECK(parse_decimal("007") == 7);
  CHECK(parse_decimal("18446744073709551615") == 18446744073709551615ULL);
  for (const std::string_view bad :
       {"", " 1", "1 ", "+1", "-1", "0x1", "1.0", "1e3", "a", "18446744073709551616"}) {
    INFO(bad);
    CHECK_FALSE(parse_decimal(bad));
  }
}

TEST_CASE("The nearest candidate is the one that was probably meant") {
  const std::vector<std::string_view> keys = {"bind", "maxconn", "default_backend", "rise"};
  CHECK(nearest("bnd", keys) == "bind");
  CHECK(nearest("Bind", keys) == "bind");
  CHECK(nearest("max-conn", keys) == "maxconn");
  CHECK(nearest("defaultbackend", keys) == "default_backend");
  CHECK(nearest("rised", keys) == "rise");
  CHECK(nearest("servers", keys) == std::nullopt);
  CHECK(nearest("x", {}) == std::nullopt);
  CHECK(nearest("bond", {"bend", "bind", "bond"}) == "bond");
}

}  // namespace
}  // namespace tandem
