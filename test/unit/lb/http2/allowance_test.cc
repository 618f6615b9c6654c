#include "lb/http2/session.h"

#include <catch2/catch.hpp>

#include <chrono>

namespace tandem::lb::http2 {
namespace {

using namespace std::chrono_literals;

constexpr Instant kStart{1h};

TEST_CASE("an allowance is whole at first, whenever that is") {
  Allowance allowance(3, 1);
  CHECK(allowance.spend(3, kStart));
  CHECK_FALSE(allowance.spend(1, kStart));
}

TEST_CASE("an allowance comes back with time, and never grows beyond what may be had at once") {
  Allowance allowance(10, 2);
  CHECK(allowance.spend(10, kStart));
  CHECK(allowance.spend(1, kStart + 500ms));
  CHECK_FALSE(allowance.spend(1, kStart + 500ms));
  CHECK(allowance.spend(10, kStart + 1h));
  CHECK_FALSE(allowance.spend(1, kStart + 1h));
}

TEST_CASE("what is given back can be spent again, up to what may be had at once") {
  Allowance allowance(2, 0.001);
  CHECK(allowance.spend(2, kStart));
  allowance.give_back(1);
  CHECK(allowance.spend(1, kStart));
  allowance.give_back(100);
  CHECK(allowance.spend(2, kStart));
  CHECK_FALSE(allowance.spend(1, kStart));
}

}  // namespace
}  // namespace tandem::lb::http2
