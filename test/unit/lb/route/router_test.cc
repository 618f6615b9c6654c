#include "lb/route/router.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tandem::lb::route {
namespace {

constexpr int kDefault = 1'000'000;
constexpr int kNone = -1;

config::Rule rule(config::BackendIndex backend, config::Conditions conditions,
                  config::Conditions negated = {}) {
  return {std::move(conditions), std::move(negated), config::UseBackend{backend}};
}

/// Rules lead to the backends with their own numbers.
config::Frontend frontend(std::vector<config::Conditions> rules) {
  config::Frontend result;
  for (config::Conditions& conditions : rules) {
    const auto number = static_cast<config::BackendIndex>(result.rules.size());
    result.rules.push_back(rule(number, std::move(conditions)));
  }
  result.default_backend = kDefault;
  return result;
}

int backend_of(const config::Action* action) {
  return action == nullptr ? kNone
                           : static_cast<int>(std::get<config::UseBackend>(*action).backend);
}

int routed(const config::Frontend& frontend, std::string_view host, std::string_view uri,
           std::string_view method = "GET") {
  return backend_of(Router(frontend).route({host, uri, method}).action);
}

config::Conditions hosts(std::vector<std::string> list) {
  config::Conditions result;
  result.host = std::move(list);
  return result;
}
config::Conditions paths(std::vector<std::string> list) {
  config::Conditions result;
  result.path = std::move(list);
  return result;
}
config::Conditions prefixes(std::vector<std::string> list) {
  config::Conditions result;
  result.path_beg = std::move(list);
  return result;
}
config::Conditions suffixes(std::vector<std::string> list) {
  config::Conditions result;
  result.path_end = std::move(list);
  return result;
}
config::Conditions methods(std::vector<std::string> list) {
  config::Conditions result;
  result.method = std::move(list);
  return result;
}

TEST_CASE("without a rule the default backend serves, without that nobody") {
  config::Frontend bare;
  CHECK(routed(bare, "a.org", "/") == kNone);
  bare.default_backend = 7;
  CHECK(routed(bare, "a.org", "/") == 7);
}

TEST_CASE("the first rule that matches wins, wherever the index finds the later ones") {
  const config::Frontend front = frontend({
      methods({"DELETE"}),
      prefixes({"/a/b"}),
      hosts({"x.org"}),
      prefixes({"/a"}),
      paths({"/a/b/c"}),
      hosts({"*.org"}),
  });
  CHECK(routed(front, "x.org", "/a/b/c", "DELETE") == 0);
  CHECK(routed(front, "x.org", "/a/b/c") == 1);
  CHECK(routed(front, "x.org", "/a/c") == 2);
  CHECK(routed(front, "y.org", "/a/c") == 3);
  CHECK(routed(front, "y.org", "/") == 5);
  CHECK(routed(front, "y.net", "/") == kDefault);
}

TEST_CASE("case, port and root dot of the host are no way round a rule") {
  const config::Frontend front = frontend({hosts({"x.org"})});
  for (const std::string_view host : {"x.org", "X.ORG", "x.org:80", "X.org.", "x.org.:8080"}) {
    INFO(host);
    CHECK(routed(front, host, "/") == 0);
  }
  for (const std::string_view host :
       {"", "xx.org", "x.org.net", "x.or", "a.x.org", "x.org@y.net"}) {
    INFO(host);
    CHECK(routed(front, host, "/") == kDefault);
  }
}

TEST_CASE("wildcards match names at any depth below theirs") {
  const config::Frontend front = frontend({hosts({"*.a.example.org"}), hosts({"*.example.org"})});
  CHECK(routed(front, "x.a.example.org", "/") == 0);
  CHECK(routed(front, "X.Y.A.example.ORG:443", "/") == 0);
  CHECK(routed(front, "a.example.org", "/") == 1);
  CHECK(routed(front, "example.org", "/") == kDefault);
  CHECK(routed(front, ".example.org", "/") == kDefault);
  CHECK(routed(front, std::string(10'000, 'x') + ".example.org", "/") == 1);
  CHECK(routed(front, std::string(10'000, '.') + "example.org", "/") == 1);
}

TEST_CASE("paths are compared without the query") {
  const config::Frontend front =
      frontend({paths({"/exact"}), suffixes({".png"}), prefixes({"/p?"})});
  CHECK(routed(front, "h", "/exact") == 0);
  CHECK(routed(front, "h", "/exact?x=.png") == 0);
  CHECK(routed(front, "h", "/exact/") == kDefault);
  CHECK(routed(front, "h", "/EXACT") == kDefault);
  CHECK(routed(front, "h", "/a.png?y") == 1);
  CHECK(routed(front, "h", "/a?.png") == kDefault);
  CHECK(routed(front, "h", "/p?") == kDefault);
}

TEST_CASE("an empty path is the root") {
  const config::Frontend front = frontend({paths({"/"})});
  CHECK(routed(front, "h", "") == 0);
  CHECK(routed(front, "h", "?q") == 0);
  CHECK(routed(front, "h", "*") == kDefault);
}

TEST_CASE("methods are compared to the letter") {
  const config::Frontend front = frontend({methods({"POST", "PUT"})});
  CHECK(routed(front, "h", "/", "PUT") == 0);
  CHECK(routed(front, "h", "/", "put") == kDefault);
  CHECK(routed(front, "h", "/", "PUTT") == kDefault);
}

TEST_CASE("every list of a rule must have a member that matches") {
  config::Conditions all = hosts({"a.org", "*.b.org"});
  all.path = {"/x/y", "/x/z.gif"};
  all.path_beg = {"/x/z", "/q"};
  all.path_end = {".gif", ".png"};
  all.method = {"GET", "HEAD"};
  const config::Frontend front = frontend({all});
  CHECK(routed(front, "a.org", "/x/z.gif") == 0);
  CHECK(routed(front, "w.b.org", "/x/z.gif?v=2", "HEAD") == 0);
  CHECK(routed(front, "b.org", "/x/z.gif") == kDefault);
  CHECK(routed(front, "a.org", "/x/y") == kDefault);
  CHECK(routed(front, "a.org", "/x/z.png") == kDefault);
  CHECK(routed(front, "a.org", "/x/z.gif", "POST") == kDefault);
}

TEST_CASE("a rule does not hold when any list under not has a member that matches") {
  config::Frontend front;
  config::Conditions nots = hosts({"*.in.org"});
  nots.path_beg = {"/public"};
  nots.method = {"OPTIONS"};
  front.rules.push_back(rule(0, prefixes({"/"}), nots));
  CHECK(routed(front, "a.org", "/x") == 0);
  CHECK(routed(front, "a.in.org", "/x") == kNone);
  CHECK(routed(front, "a.org", "/public/x") == kNone);
  CHECK(routed(front, "a.org", "/x", "OPTIONS") == kNone);
}

TEST_CASE("a rule with more pairs than are worth filing still holds for each of them") {
  for (const bool more_hosts : {true, false}) {
    INFO("more hosts than paths: " << more_hosts);
    config::Conditions many;
    const int host_count = more_hosts ? 300 : 20;
    const int path_count = more_hosts ? 20 : 300;
    for (int i = 0; i < host_count; ++i) many.host.push_back(fmt::format("h{}.org", i));
    for (int i = 0; i < path_count; ++i) many.path_beg.push_back(fmt::format("/p{}/", i));
    const config::Frontend front = frontend({many});
    CHECK(routed(front, fmt::format("h{}.org", host_count - 1),
                 fmt::format("/p{}/x", path_count - 1)) == 0);
    CHECK(routed(front, fmt::format("h{}.org", host_count), "/p0/x") == kDefault);
    CHECK(routed(front, "h0.org", fmt::format("/p{}/x", path_count)) == kDefault);
  }
}

TEST_CASE("ten thousand rules of host and path lead to the right one each") {
  config::Frontend front;
  for (config::BackendIndex i = 0; i < 10'000; ++i) {
    config::Conditions both = hosts({fmt::format("h{}.example.org", i % 500)});
    both.path_beg = {fmt::format("/svc{}/", i)};
    front.rules.push_back(rule(i, both));
  }
  const Router router(front);
  for (config::BackendIndex i = 0; i < 10'000; ++i) {
    const std::string host = fmt::format("H{}.example.org:80", i % 500);
    const std::string path = fmt::format("/svc{}/page?x=1", i);
    REQUIRE(backend_of(router.route({host, path, "GET"}).action) == static_cast<int>(i));
  }
  CHECK(router.route({"h1.example.org", "/svc2/page", "GET"}).action == nullptr);
}

TEST_CASE("redirects and local answers come back as they were configured") {
  config::Frontend front;
  front.rules.push_back(
      {prefixes({"/old"}), {}, config::Redirect{config::Redirect::Kind::kPrefix, "/new", 301}});
  front.rules.push_back({paths({"/ping"}), {}, config::Return{200, "text/plain", "pong", {}}});
  const Router router(front);
  CHECK(router.route({"h", "/old/x", "GET"}).action == &front.rules[0].action);
  CHECK(std::get<config::Return>(*router.route({"h", "/ping", "GET"}).action).body == "pong");
}

}  // namespace
}  // namespace tandem::lb::route
