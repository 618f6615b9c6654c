#include "lb/route/redirect.h"

#include <catch2/catch.hpp>

#include <string>
#include <string_view>

namespace tandem::lb::route {
namespace {

using Kind = config::Redirect::Kind;

config::Redirect redirect(Kind kind, std::string value, bool drop_query = false) {
  return {.kind = kind, .value = std::move(value), .code = 302, .drop_query = drop_query};
}

TEST_CASE("each kind of redirect gives its location") {
  struct Row {
    config::Redirect redirect;
    std::string_view authority;
    std::string_view uri;
    std::string_view location;
  };
  const Row rows[] = {
      {redirect(Kind::kScheme, "https"), "a.org", "/x?y=1", "https://a.org/x?y=1"},
      {redirect(Kind::kScheme, "https"), "a.org:8080", "/", "https://a.org:8080/"},
      {redirect(Kind::kScheme, "https"), "[::1]:80", "/", "https://[::1]:80/"},
      {redirect(Kind::kScheme, "https", true), "a.org", "/x?y=1", "https://a.org/x"},
      {redirect(Kind::kPrefix, "https://new.org"), "a.org", "/x?y", "https://new.org/x?y"},
      {redirect(Kind::kPrefix, "/app"), "a.org", "/x", "/app/x"},
      {redirect(Kind::kPrefix, "/app", true), "a.org", "/x?y?z", "/app/x"},
      {redirect(Kind::kPrefix, "/"), "a.org", "/x", "/x"},
      {redirect(Kind::kLocation, "https://b.org/z?q=1"), "a.org", "/x", "https://b.org/z?q=1"},
      {redirect(Kind::kLocation, "/login", true), "a.org", "/x?y", "/login"},
      {redirect(Kind::kScheme, "https"), "a.org", "", "https://a.org/"},
      {redirect(Kind::kScheme, "https"), "a.org", "?q", "https://a.org/?q"},
  };
  for (const Row& row : rows) {
    INFO(row.location);
    CHECK(redirect_location(row.redirect, {row.authority, row.uri}) == std::string(row.location));
  }
}

TEST_CASE("nothing that a request holds can end the Location field or start another") {
  using namespace std::string_view_literals;
  const auto with = [](std::string_view uri) {
    return *redirect_location(redirect(Kind::kPrefix, "https://n.org"), {"a.org", uri});
  };
  CHECK(with("/a\r\nSet-Cookie: x=1") == "https://n.org/a%0D%0ASet-Cookie:%20x=1");
  CHECK(with("/\0\x7f\xff\"<>\\"sv) == "https://n.org/%00%7F%FF%22%3C%3E%5C");
  CHECK(with("/%0d%0a") == "https://n.org/%0d%0a");
}

TEST_CASE("what the configuration holds is made safe as well") {
  CHECK(redirect_location(redirect(Kind::kLocation, "/a\r\nb"), {"a.org", "/"}) == "/a%0D%0Ab");
}

TEST_CASE("a scheme redirect needs an authority that is one") {
  for (const std::string_view authority :
       {"", "a.org\r\nX: y", "a b", "evil.org/", "good@evil.org", "a.org?", "a.org#", "a\\b"}) {
    INFO(authority);
    CHECK_FALSE(redirect_location(redirect(Kind::kScheme, "https"), {authority, "/"}).has_value());
  }
}

TEST_CASE("a request cannot turn a redirect towards another host") {
  struct Row {
    std::string_view prefix;
    std::string_view uri;
    std::string_view location;
  };
  const Row rows[] = {
      {"/", "//evil.org/x", "/evil.org/x"},
      {"/", "////evil.org", "/evil.org"},
      {"", "//evil.org", "/evil.org"},
      {"/", "/\\evil.org", "/%5Cevil.org"},
      {"/", "//", "/"},
      {"https://new.org", "@evil.org/", "https://new.org/@evil.org/"},
      {"https://new.org", ".evil.org/", "https://new.org/.evil.org/"},
      {"https://new.org", "//evil.org", "https://new.org//evil.org"},
      {"https://new.org", "*", "https://new.org/*"},
  };
  for (const Row& row : rows) {
    INFO(row.uri);
    CHECK(redirect_location(redirect(Kind::kPrefix, std::string(row.prefix)), {"a", row.uri}) ==
          std::string(row.location));
  }
}

}  // namespace
}  // namespace tandem::lb::route
