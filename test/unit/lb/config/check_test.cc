// The kinds of checks: what arrives, and what does not belong to the kind that was chosen.
#include "load_text.h"

#include <catch2/catch.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::lb::config {
namespace {

using Texts = std::vector<std::string>;

std::string with_check(std::string_view check) {
  return R"({"backends": {"app": {"check": )" + std::string(check) +
         R"(, "servers": {"a": "10.0.0.1:1"}}},
 "frontends": {"www": {"bind": ":80", "default_backend": "app"}}})";
}

Check check_of(std::string_view text) {
  const Scratch scratch;
  const LoadResult result = load_text(scratch, with_check(text));
  REQUIRE(texts(result.errors, scratch) == Texts{});
  CHECK(texts(result.warnings, scratch) == Texts{});
  return result.snapshot->backends[0].check;
}

/// What is wrong, without the place of the backend before it.
std::string error_of(std::string_view text) {
  const Scratch scratch;
  const LoadResult result = load_text(scratch, with_check(text));
  std::string all;
  for (const std::string& error : texts(result.errors, scratch))
    all += error.substr(error.find("/check") + 6) + "\n";
  return all;
}

TEST_CASE("Steps of a tcp check arrive as bytes in their order") {
  const Check check = check_of(R"({"steps": [{"send": "PING\r\n"}, {"expect": "+PONG"},
                                             {"send-hex": "00ffA0"}, {"expect-hex": "0a"}]})");
  using Kind = CheckStep::Kind;
  CHECK(check.type == Check::Type::kTcp);
  CHECK(check.steps == std::vector<CheckStep>{{Kind::kSend, "PING\r\n"},
                                              {Kind::kExpect, "+PONG"},
                                              {Kind::kSend, std::string("\0\xff\xa0", 3)},
                                              {Kind::kExpect, "\n"}});
  CHECK(check_of(R"({"type": "tcp", "steps": {"expect": "220 "}})").steps.size() == 1);
}

TEST_CASE("Every key of a check that knows its service arrives") {
  const Check pgsql = check_of(
      R"({"type": "pgsql", "user": "monitor", "password": "p", "database": "d", "role": "primary"})");
  CHECK(pgsql.type == Check::Type::kPgsql);
  CHECK(pgsql.user == "monitor");
  CHECK(pgsql.password == "p");
  CHECK(pgsql.database == "d");
  CHECK(pgsql.role == Check::Role::kPrimary);
  const Check redis = check_of(R"({"type": "redis", "password": "p", "role": "master"})");
  CHECK(redis.type == Check::Type::kRedis);
  CHECK(redis.password == "p");
  CHECK(redis.role == Check::Role::kPrimary);
  CHECK(check_of(R"({"type": "redis", "role": "replica"})").role == Check::Role::kReplica);
  CHECK(check_of(R"({"type": "redis"})").role == Check::Role::kAny);
  const Check mysql = check_of(R"({"type": "mysql", "user": "monitor"})");
  CHECK(mysql.type == Check::Type::kMysql);
  CHECK(mysql.user == "monitor");
  const Check smtp = check_of(R"({"type": "smtp", "hello": "EHLO", "domain": "lb.example.org"})");
  CHECK(smtp.type == Check::Type::kSmtp);
  CHECK(smtp.hello == "EHLO");
  CHECK(smtp.domain == "lb.example.org");
  CHECK(check_of(R"({"type": "smtp"})").hello == "HELO");
  CHECK(check_of(R"({"type": "smtp"})").domain == "localhost");
  const Check grpc = check_of(R"({"type": "grpc", "service": "shop.Cart", "host": "cart"})");
  CHECK(grpc.type == Check::Type::kGrpc);
  CHECK(grpc.service == "shop.Cart");
  CHECK(grpc.host == "cart");
  CHECK(check_of(R"({"type": "grpc"})").service.empty());
}

TEST_CASE(
    "A check of the handshake alone believes everybody where a server has no TLS of its own") {
  const Check tls = check_of(R"({"type": "tls"})");
  CHECK(tls.type == Check::Type::kTls);
  REQUIRE(tls.blind.has_value());
  CHECK_FALSE(tls.blind->options.verify);
  CHECK(tls.blind->context != nullptr);
  CHECK_FALSE(check_of(R"({"type": "tcp"})").blind.has_value());
  const Scratch scratch;
  const LoadResult result =
      load_text(scratch, R"({"backends": {"app": {"check": {"type": "tls"}, "servers": {"a":
                    {"address": "10.0.0.1:1", "ssl": {"verify": "required"}, "check-ssl": false}}}},
                   "frontends": {"www": {"bind": ":80", "default_backend": "app"}}})");
  CHECK(texts(result.warnings, scratch)
            .back()
            .ends_with("/check-ssl: has no effect: a check of the type \"tls\" always speaks it"));
}

TEST_CASE("A key that the kind of check does not read is refused by name") {
  struct Row {
    std::string_view check;
    std::string_view error;
  };
  const Row rows[] = {
      {R"({"type": "redis", "uri": "/"})", "/uri: \"uri\" needs \"type\": \"http\" beside it\n"},
      {R"({"type": "tls", "host": "x"})",
       "/host: \"host\" needs \"type\": \"http\" or \"grpc\" beside it\n"},
      {R"({"service": "x"})", "/service: \"service\" needs \"type\": \"grpc\" beside it\n"},
      {R"({"type": "http", "user": "x"})",
       "/user: \"user\" needs \"type\": \"pgsql\" or \"mysql\" or \"redis\" beside it\n"},
      {R"({"role": "replica"})",
       "/role: \"role\" needs \"type\": \"pgsql\" or \"redis\" beside it\n"},
      {R"({"type": "mysql", "password": "x"})",
       "/password: \"password\" needs \"type\": \"pgsql\" or \"redis\" beside it\n"},
      {R"({"type": "http", "steps": [{"send": "x"}]})",
       "/steps: \"steps\" needs \"type\": \"tcp\" beside it\n"},
      {R"({"type": "redis", "database": "0"})",
       "/database: \"database\" needs \"type\": \"pgsql\" beside it\n"},
      {R"({"hello": "EHLO"})", "/hello: \"hello\" needs \"type\": \"smtp\" beside it\n"},
      {R"({"domain": "x"})", "/domain: \"domain\" needs \"type\": \"smtp\" beside it\n"},
      {R"({"type": "pgsql"})",
       ": \"type\": \"pgsql\" needs the key \"user\": who logs in to be checked\n"},
      {R"({"type": "redis", "user": "x"})", "/user: \"user\" needs \"password\" beside it\n"},
      {R"({"type": "redis", "role": "primary"})",
       "/role: with \"type\": \"redis\" this role is called \"master\"\n"},
      {R"({"type": "pgsql", "user": "x", "role": "master"})",
       "/role: with \"type\": \"pgsql\" this role is called \"primary\"\n"},
      {R"({"type": "ldap"})", "/type: \"type\": \"ldap\" is not supported yet\n"},
      {R"({"steps": [{"connect": {"port": 1}}]})",
       "/steps/0/connect: \"connect\" is not supported yet\n"},
      {R"({"steps": [{"send": ""}]})", "/steps/0/send: must not be empty\n"},
      {R"({"steps": [{"expect": ""}]})", "/steps/0/expect: must not be empty\n"},
      {R"({"steps": [{"expect-hex": "abc"}]})",
       "/steps/0/expect-hex: two hexadecimal digits for each byte are expected\n"},
      {R"({"steps": [{"send-hex": "0x00"}]})",
       "/steps/0/send-hex: two hexadecimal digits for each byte are expected\n"},
      {R"({"steps": [{"send": "a", "expect": "b"}]})",
       "/steps/0: exactly one of \"send\", \"send-hex\", \"expect\", \"expect-hex\" is expected, "
       "not 2\n"},
      {R"({"steps": []})", "/steps: must not be empty: leave the key out instead\n"},
  };
  for (const Row& row : rows) {
    INFO(row.check);
    CHECK(error_of(row.check) == row.error);
  }
}

}  // namespace
}  // namespace tandem::lb::config
