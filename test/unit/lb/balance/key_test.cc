#include "lb/balance/key.h"

#include <catch2/catch.hpp>

namespace tandem::lb::balance {
namespace {

TEST_CASE("the source key is the address without its port") {
  const auto key = [](std::string_view text) {
    return source_key(SocketAddress::parse(text).value());
  };
  CHECK(key("192.0.2.1:80") == key("192.0.2.1:4711"));
  CHECK(key("192.0.2.1:80") != key("192.0.2.2:80"));
  CHECK(key("[::ffff:192.0.2.1]:80") == key("192.0.2.1:80"));
  CHECK(key("[2001:db8::1]:80") != key("[2001:db8::2]:80"));
  CHECK_FALSE(key("unix:/run/app.sock"));
}

TEST_CASE("the uri key ends at the query unless the whole target counts") {
  CHECK(uri_key("/a/b?x=1", false) == uri_key("/a/b", false));
  CHECK(uri_key("/a/b?", false) == uri_key("/a/b", false));
  CHECK(uri_key("/a/b?x=1", true) != uri_key("/a/b?x=2", true));
  CHECK(uri_key("/a/b", true) == uri_key("/a/b", false));
  CHECK(uri_key("/a", false) != uri_key("/b", false));
  CHECK(uri_key("", false) == text_key(""));
}

}  // namespace
}  // namespace tandem::lb::balance
