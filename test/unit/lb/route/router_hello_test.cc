// Mode tcp: rules by the name and the protocols in a client's hello.
#include "lb/route/router.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tandem::lb::route {
namespace {

using Names = std::vector<std::string>;

constexpr int kDefault = 1'000'000;

config::Conditions names(Names list) {
  config::Conditions result;
  result.ssl_sni = std::move(list);
  return result;
}
config::Conditions ends(Names list) {
  config::Conditions result;
  result.ssl_sni_end = std::move(list);
  return result;
}
config::Conditions protocols(Names list) {
  config::Conditions result;
  result.ssl_alpn = std::move(list);
  return result;
}

/// Rules lead to the backends with their own numbers.
config::Frontend frontend(std::vector<std::pair<config::Conditions, config::Conditions>> rules) {
  config::Frontend result;
  result.mode = config::Mode::kTcp;
  for (auto& [conditions, negated] : rules) {
    const auto number = static_cast<config::BackendIndex>(result.rules.size());
    result.rules.push_back({std::move(conditions), std::move(negated), config::UseBackend{number}});
  }
  result.default_backend = kDefault;
  return result;
}

int routed(const config::Frontend& frontend, std::string_view name, const Names& offered = {}) {
  const Router router(frontend);
  const config::Action* action = router
                                     .route({.host = {},
                                             .path_with_query = {},
                                             .method = {},
                                             .is_encrypted = false,
                                             .server_name = name,
                                             .protocols = offered})
                                     .action;
  return static_cast<int>(std::get<config::UseBackend>(*action).backend);
}

TEST_CASE("a session goes where the name in its hello leads") {
  const config::Frontend front = frontend({{names({"a.org", "b.org"}), {}},
                                           {names({"*.a.org"}), {}},
                                           {ends({".b.org", "-c.org"}), {}}});
  CHECK(routed(front, "a.org") == 0);
  CHECK(routed(front, "b.org") == 0);
  CHECK(routed(front, "x.a.org") == 1);
  CHECK(routed(front, "y.x.a.org") == 1);
  CHECK(routed(front, "x.b.org") == 2);
  CHECK(routed(front, "x-c.org") == 2);
  CHECK(routed(front, "-c.org") == 2);
  CHECK(routed(front, "c.org") == kDefault);
  CHECK(routed(front, "xa.org") == kDefault);
  CHECK(routed(front, ".b.or") == kDefault);
}

TEST_CASE("case and root dot of the name are no way round a rule, and a port is no part of it") {
  const config::Frontend front =
      frontend({{names({"a.org", "*.b.org"}), {}}, {ends({"c.org"}), {}}});
  for (const std::string_view name : {"A.ORG", "a.org.", "X.b.oRg", "x.b.org.", "A.ORG."})
    CHECK(routed(front, name) == 0);
  CHECK(routed(front, "x.C.org.") == 1);
  for (const std::string_view name : {"a.org:443", "x@a.org", "a.org..", "[a.org]", " a.org"})
    CHECK(routed(front, name) == kDefault);
}

TEST_CASE(
    "a session without a name meets no rule that asks for one, and every rule that excludes") {
  const config::Frontend asks =
      frontend({{names({"a.org"}), {}}, {names({"*.org"}), {}}, {ends({"org"}), {}}});
  CHECK(routed(asks, "") == kDefault);
  CHECK(routed(asks, ".") == kDefault);
  const config::Frontend excludes = frontend({{{}, names({"a.org"})}, {{}, ends({"org"})}});
  CHECK(routed(excludes, "") == 0);
  CHECK(routed(excludes, "b.org") == 0);
  CHECK(routed(excludes, "a.org") == kDefault);
}

TEST_CASE(
    "one of the protocols that a hello offers is enough, and they are compared to the letter") {
  const config::Frontend front = frontend({{protocols({"acme-tls/1"}), {}},
                                           {names({"a.org"}), protocols({"h2"})},
                                           {protocols({"h2", "h3"}), {}}});
  CHECK(routed(front, "a.org", {"acme-tls/1"}) == 0);
  CHECK(routed(front, "a.org", {"http/1.1"}) == 1);
  CHECK(routed(front, "a.org", {}) == 1);
  CHECK(routed(front, "a.org", {"h2", "http/1.1"}) == 2);
  CHECK(routed(front, "b.org", {"http/1.1", "h3"}) == 2);
  CHECK(routed(front, "b.org", {"H2"}) == kDefault);
  CHECK(routed(front, "b.org", {}) == kDefault);
}

TEST_CASE("every key of a rule must hold, and the first rule that does wins") {
  config::Conditions both = names({"a.org", "*.a.org"});
  both.ssl_sni_end = {"x.a.org", "y.a.org"};
  both.ssl_alpn = {"h2"};
  const config::Frontend front =
      frontend({{both, {}}, {ends({".a.org"}), names({"x.a.org"})}, {names({"*.a.org"}), {}}});
  CHECK(routed(front, "x.a.org", {"h2"}) == 0);
  CHECK(routed(front, "y.a.org", {"h2"}) == 0);
  CHECK(routed(front, "x.a.org", {"h3"}) == 2);
  CHECK(routed(front, "y.a.org") == 1);
  CHECK(routed(front, "z.a.org", {"h2"}) == 1);
  CHECK(routed(front, "a.org", {"h2"}) == kDefault);
}

TEST_CASE("ten thousand names lead to the right backend each") {
  std::vector<std::pair<config::Conditions, config::Conditions>> rules;
  for (int i = 0; i < 5000; ++i) {
    rules.emplace_back(names({fmt::format("shop{}.example.org", i)}), config::Conditions{});
    rules.emplace_back(names({fmt::format("*.shop{}.example.org", i)}), config::Conditions{});
  }
  const config::Frontend front = frontend(std::move(rules));
  for (int i = 0; i < 5000; i += 499) {
    CHECK(routed(front, fmt::format("shop{}.example.org", i)) == 2 * i);
    CHECK(routed(front, fmt::format("www.shop{}.example.org", i)) == 2 * i + 1);
  }
  CHECK(routed(front, "shop5000.example.org") == kDefault);
}

}  // namespace
}  // namespace tandem::lb::route
