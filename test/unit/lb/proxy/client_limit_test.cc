#include "lb/proxy/client_limit.h"

#include <catch2/catch.hpp>

#include <chrono>

namespace tandem::lb::proxy {
namespace {

using namespace std::chrono_literals;

TEST_CASE("a limit begins with what is waited for, and not again while that goes on") {
  ClientLimit limit;
  CHECK(limit.waits_for() == ClientWait::kNothing);
  CHECK_FALSE(limit.begin(ClientWait::kNothing, 0, 0));
  CHECK(limit.begin(ClientWait::kToSend, 0, 0));
  CHECK(limit.waits_for() == ClientWait::kToSend);
  CHECK_FALSE(limit.begin(ClientWait::kToSend, 0, 10));
  CHECK(limit.begin(ClientWait::kToRead, 0, 10));
  CHECK_FALSE(limit.begin(ClientWait::kNothing, 0, 10));
  CHECK(limit.begin(ClientWait::kToRead, 0, 10));
}

TEST_CASE("the limit of a reader begins anew with all that reaches it, that of a sender does not") {
  ClientLimit limit;
  CHECK(limit.begin(ClientWait::kToRead, 100, 0));
  CHECK_FALSE(limit.begin(ClientWait::kToRead, 100, 500));
  CHECK(limit.begin(ClientWait::kToRead, 101, 500));
  CHECK(limit.begin(ClientWait::kToSend, 101, 500));
  CHECK_FALSE(limit.begin(ClientWait::kToSend, 200, 501));
}

TEST_CASE("progress of a reader is told once") {
  ClientLimit limit;
  CHECK_FALSE(limit.take_progress(0));
  CHECK(limit.take_progress(5));
  CHECK_FALSE(limit.take_progress(5));
}

TEST_CASE("a reader's limit is broken when it passes") {
  ClientLimit limit;
  REQUIRE(limit.begin(ClientWait::kToRead, 0, 0));
  CHECK(limit.is_broken(1'000'000, 10s));
}

TEST_CASE("an upload goes on while enough of it comes in each whole limit") {
  ClientLimit limit;
  REQUIRE(limit.begin(ClientWait::kToSend, 0, 1'000));
  // 64 bytes a second, over ten of them.
  CHECK_FALSE(limit.is_broken(1'640, 10s));
  CHECK_FALSE(limit.is_broken(2'280, 10s));
  CHECK(limit.is_broken(2'919, 10s));
  // A part of a second counts as one.
  REQUIRE(limit.begin(ClientWait::kToRead, 0, 0));
  REQUIRE(limit.begin(ClientWait::kToSend, 0, 0));
  CHECK(limit.is_broken(64, 1'001ms));
  CHECK_FALSE(limit.is_broken(128, 1'001ms));
}

TEST_CASE("a limit that is reset knows of no wait") {
  ClientLimit limit;
  REQUIRE(limit.begin(ClientWait::kToRead, 7, 0));
  limit.reset();
  CHECK(limit.waits_for() == ClientWait::kNothing);
  CHECK(limit.begin(ClientWait::kToRead, 7, 0));
}

}  // namespace
}  // namespace tandem::lb::proxy
