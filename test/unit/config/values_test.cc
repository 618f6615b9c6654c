#include "config/values.h"

#include "config/policies.h"

#include <catch2/catch.hpp>

namespace tandem::config {
namespace {

TEST_CASE("A duration is rounded up, so that a short one never becomes none") {
  CHECK(read_duration("1us") == Milliseconds(1));
  CHECK(read_duration("1001us") == Milliseconds(2));
  CHECK(read_duration("2ms") == Milliseconds(2));
  CHECK(read_duration("0s") == Milliseconds(0));
  CHECK_FALSE(read_duration("5"));
}

TEST_CASE("Each policy of the list is a balance, alone") {
  for (const BalancePolicy& policy : kBalancePolicies) {
    INFO(policy.name);
    const auto balance = read_balance(policy.name);
    REQUIRE(balance.has_value());
    CHECK(balance->policy == policy.name);
    CHECK_FALSE(read_balance(std::string(policy.name) + " "));
    if (policy.name != "random") CHECK_FALSE(read_balance(std::string(policy.name) + "(2)"));
    if (policy.name != "uri") CHECK_FALSE(read_balance(std::string(policy.name) + " whole"));
  }
  CHECK(read_balance("random(64)")->random_draws == 64);
  for (const std::string_view bad :
       {"random(65)", "random()", "random(", "random(x)", "random(-1)"})
    CHECK_FALSE(read_balance(bad));
}

TEST_CASE("Status ranges lie between 100 and 599") {
  const auto of = [](std::string_view text) { return read_status_range(jsonc::parse(text).root); };
  using Range = std::pair<int, int>;
  CHECK(of("200") == Range(200, 200));
  CHECK(of("\"200\"") == Range(200, 200));
  CHECK(of("\"100-599\"") == Range(100, 599));
  for (const std::string_view bad : {"99", "600", "200.5", "true", "null", "[]", "\"\"", "\"-\"",
                                     "\"200-\"", "\"300-200\"", "\"200-300-400\"", "\"2xx\""}) {
    INFO(bad);
    CHECK_FALSE(of(bad));
  }
}

TEST_CASE("File modes are octal") {
  CHECK(read_file_mode("660") == 0660);
  CHECK(read_file_mode("0777") == 0777);
  CHECK(read_file_mode("0") == 0);
  for (const std::string_view bad : {"", "8", "1000", "-1", "rw", "66 "})
    CHECK_FALSE(read_file_mode(bad));
}

TEST_CASE("Log targets are a word, or a kind and what belongs to it") {
  CHECK(read_log_target("stdout")->target == LogTarget::Kind::kStdout);
  CHECK(read_log_target("file:a:b")->rest == "a:b");
  for (const std::string_view bad : {"", "file", "file:", "syslog:", "Stdout", "udp:1"})
    CHECK_FALSE(read_log_target(bad));
}

TEST_CASE("Names hold nothing that would break a line of the control socket") {
  using enum Names;
  CHECK(is_name("web-1.example_a:80", kIdentifier));
  CHECK(is_name(std::string(128, 'a'), kIdentifier));
  CHECK_FALSE(is_name(std::string(129, 'a'), kIdentifier));
  for (const std::string_view bad : {"", "a b", "a/b", "a,b", "a\"b", "a\n", "#1", "ä"}) {
    INFO(bad);
    CHECK_FALSE(is_name(bad, kIdentifier));
  }
  CHECK_FALSE(is_name("a:b", kUser));
  CHECK(is_name("503", kStatus));
  for (const std::string_view bad : {"399", "600", "0503", "5xx", ""})
    CHECK_FALSE(is_name(bad, kStatus));
}

}  // namespace
}  // namespace tandem::config
