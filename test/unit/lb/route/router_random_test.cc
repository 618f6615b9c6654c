// The index against a scan that is too simple to be wrong, over random rules and requests that are
// made from few enough words to meet often.
#include "common/random.h"
#include "common/text.h"
#include "lb/route/router.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::lb::route {
namespace {

using List = std::vector<std::string>;

// ---- the simple scan ---------------------------------------------------------------------------

std::string simple_host(std::string_view authority) {
  std::string host = to_lower_copy(authority.substr(0, authority.find(':')));
  if (host.ends_with('.')) host.pop_back();
  return host;
}

bool simple_host_matches(const std::string& pattern, const std::string& host) {
  if (!pattern.starts_with("*.")) return pattern == host;
  return host.ends_with(pattern.substr(1)) && host.size() >= pattern.size();
}

struct SimpleRequest {
  std::string host;
  std::string path;
  std::string method;
  bool is_encrypted;
};

bool any_host(const List& list, const SimpleRequest& r) {
  return std::ranges::any_of(list, [&](auto& p) { return simple_host_matches(p, r.host); });
}
bool any_path(const List& list, const SimpleRequest& r) {
  return std::ranges::any_of(list, [&](auto& p) { return p == r.path; });
}
bool any_beg(const List& list, const SimpleRequest& r) {
  return std::ranges::any_of(list, [&](auto& p) { return r.path.starts_with(p); });
}
bool any_end(const List& list, const SimpleRequest& r) {
  return std::ranges::any_of(list, [&](auto& p) { return r.path.ends_with(p); });
}
bool any_method(const List& list, const SimpleRequest& r) {
  return std::ranges::any_of(list, [&](auto& m) { return m == r.method; });
}

bool simple_holds(const config::Rule& rule, const SimpleRequest& r) {
  const config::Conditions& c = rule.conditions;
  const config::Conditions& n = rule.negated;
  if (!c.host.empty() && !any_host(c.host, r)) return false;
  if (!c.path.empty() && !any_path(c.path, r)) return false;
  if (!c.path_beg.empty() && !any_beg(c.path_beg, r)) return false;
  if (!c.path_end.empty() && !any_end(c.path_end, r)) return false;
  if (!c.method.empty() && !any_method(c.method, r)) return false;
  if (c.ssl_fc && *c.ssl_fc != r.is_encrypted) return false;
  if (n.ssl_fc && *n.ssl_fc == r.is_encrypted) return false;
  return !any_host(n.host, r) && !any_path(n.path, r) && !any_beg(n.path_beg, r) &&
         !any_end(n.path_end, r) && !any_method(n.method, r);
}

SimpleRequest simple_of(const RouteRequest& request) {
  const std::string_view uri = request.path_with_query;
  return {simple_host(request.host), std::string(uri.substr(0, uri.find('?'))),
          std::string(request.method), request.is_encrypted};
}

const config::Action* simple_route(const config::Frontend& front, const RouteRequest& request) {
  const SimpleRequest simple = simple_of(request);
  for (const config::Rule& rule : front.rules)
    if (simple_holds(rule, simple)) return &rule.action;
  return nullptr;
}

std::size_t number_of(const config::Frontend& front, const config::Action* action) {
  std::size_t number = 0;
  while (&front.rules[number].action != action) ++number;
  return number;
}

// ---- random rules and requests -----------------------------------------------------------------

constexpr std::array<std::string_view, 4> kLabels = {"a", "bb", "c-c", "d"};
constexpr std::array<std::string_view, 4> kSegments = {"a", "ab", "x.png", ""};
constexpr std::array<std::string_view, 3> kMethods = {"GET", "POST", "PUT"};
constexpr std::array<std::string_view, 3> kSuffixes = {".png", "/", "b"};

template <std::size_t N>
std::string one_of(Random& random, const std::array<std::string_view, N>& words) {
  return std::string(words[random.below(N)]);
}

std::string random_name(Random& random) {
  std::string name = one_of(random, kLabels);
  for (std::uint32_t i = random.below(3); i > 0; --i) name += "." + one_of(random, kLabels);
  return name;
}

std::string random_path(Random& random) {
  std::string path = "/" + one_of(random, kSegments);
  for (std::uint32_t i = random.below(3); i > 0; --i) path += "/" + one_of(random, kSegments);
  return path;
}

template <class Make>
List random_list(Random& random, std::uint32_t one_in, Make make) {
  List list;
  if (random.below(one_in) != 0) return list;
  for (std::uint32_t i = random.below(3) + 1; i > 0; --i) list.push_back(make());
  return list;
}

config::Conditions random_conditions(Random& random, std::uint32_t rarity) {
  config::Conditions made;
  made.host = random_list(random, rarity,
                          [&] { return (random.below(3) == 0 ? "*." : "") + random_name(random); });
  made.path = random_list(random, rarity * 3, [&] { return random_path(random); });
  made.path_beg = random_list(random, rarity, [&] {
    const std::string path = random_path(random);
    return path.substr(0, random.below(static_cast<std::uint32_t>(path.size()) + 1));
  });
  made.path_end = random_list(random, rarity * 3, [&] { return one_of(random, kSuffixes); });
  made.method = random_list(random, rarity * 3, [&] { return one_of(random, kMethods); });
  if (random.below(rarity * 3) == 0) made.ssl_fc = random.below(2) == 0;
  return made;
}

config::Frontend random_frontend(Random& random) {
  config::Frontend front;
  const std::uint32_t count = random.below(60);
  for (config::BackendIndex i = 0; i < count; ++i) {
    front.rules.push_back(
        {random_conditions(random, 2),
         random.below(4) == 0 ? random_conditions(random, 4) : config::Conditions{},
         config::UseBackend{i}});
    // Rules that hold for everything would hide all that follow.
    config::Conditions& made = front.rules.back().conditions;
    if (made.host.empty() && made.path.empty() && made.path_beg.empty()) {
      made.method = {"DELETE"};
    }
  }
  return front;
}

std::string random_authority(Random& random) {
  std::string host = random_name(random);
  if (random.below(4) == 0)
    std::ranges::transform(host, host.begin(), [](char c) {
      return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    });
  if (random.below(8) == 0) host += '.';
  if (random.below(4) == 0) host += ":8080";
  return host;
}

TEST_CASE("the index gives what a scan of the rules gives") {
  std::size_t matched = 0;
  std::size_t asked = 0;
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    Random random(seed);
    const config::Frontend front = random_frontend(random);
    const Router router(front);
    for (int i = 0; i < 100; ++i) {
      const std::string authority = random_authority(random);
      const std::string uri = random_path(random) + (random.below(3) == 0 ? "?a/b.png" : "");
      const std::string method = random.below(8) == 0 ? "DELETE" : one_of(random, kMethods);
      const RouteRequest request{authority, uri, method, random.below(2) == 0};
      const config::Action* expected = simple_route(front, request);
      INFO("seed " << seed << ": " << method << " " << authority << " " << uri);
      const Routed routed = router.route(request);
      REQUIRE(routed.action == expected);
      REQUIRE(routed.rules_before ==
              (expected == nullptr ? front.rules.size() : number_of(front, expected)));
      for (const config::Rule& rule : front.rules) {
        const config::HeaderRule same{.conditions = rule.conditions, .negated = rule.negated};
        REQUIRE(Router::applies(same, request) == simple_holds(rule, simple_of(request)));
      }
      matched += expected != nullptr ? 1 : 0;
      ++asked;
    }
  }
  // The comparison means something only while both answers are common.
  CHECK(matched > asked / 4);
  CHECK(matched < asked * 9 / 10);
}

}  // namespace
}  // namespace tandem::lb::route
