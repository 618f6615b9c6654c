#include "failover/wire/replay.h"

#include "test/unit/failover/wire/captures.h"

#include <catch2/catch.hpp>

#include <chrono>

namespace tandem::failover::wire {
namespace {

using std::chrono::seconds;

constexpr WallTime kNow{seconds(1'800'000'000)};
constexpr std::uint64_t kSecond = std::uint64_t{1} << 32;

IpAddress sender(std::uint8_t number) {
  return IpAddress(std::array<std::uint8_t, 4>{10, 77, 0, number});
}

TEST_CASE("A moment is seconds, a binary fraction and room to count") {
  CHECK(sequence_at(WallTime(seconds(0x68000000))) == 0x6800'0000'0000'0000);
  CHECK(sequence_at(WallTime(seconds(0x68000000)) + std::chrono::milliseconds(500)) ==
        0x6800'0000'8000'0000);
  CHECK(sequence_at(WallTime(seconds(1)) - std::chrono::nanoseconds(1)) == 0x0000'0000'ffff'0000);
}

TEST_CASE("What comes after what holds over the overflow of the seconds") {
  CHECK(is_after(2, 1));
  CHECK(!is_after(1, 1));
  CHECK(!is_after(1, 2));
  CHECK(is_after(5, ~std::uint64_t{0}));
  CHECK(seconds_ahead(kSecond, 0xffff'ffff'0000'0000) == 2);
  CHECK(seconds_ahead(0, 3 * kSecond) == -3);
}

TEST_CASE("A sequence number must rise, for each sender on its own") {
  ReplayWindow window{seconds(0)};
  CHECK(window.admit(sender(1), 100, kNow));
  CHECK(!window.admit(sender(1), 100, kNow));
  CHECK(!window.admit(sender(1), 99, kNow));
  CHECK(window.admit(sender(2), 50, kNow));
  CHECK(window.admit(sender(1), 101, kNow));
  CHECK(!window.admit(sender(2), 50, kNow));
}

TEST_CASE("Beyond its bound the window forgets the sender not heard for longest") {
  ReplayWindow window{seconds(0)};
  for (std::uint8_t i = 0; i < ReplayWindow::kSendersMax; ++i)
    REQUIRE(window.admit(sender(i), 100, kNow));
  REQUIRE(window.admit(sender(0), 101, kNow));  // now 1 is the one not heard for longest
  REQUIRE(window.admit(sender(200), 100, kNow));
  CHECK(!window.admit(sender(0), 101, kNow));
  CHECK(!window.admit(sender(2), 100, kNow));
  CHECK(window.admit(sender(1), 100, kNow));
}

TEST_CASE("Freshness reaches as far back as ahead, and everywhere without a width") {
  const ReplayWindow window{seconds(5)};
  const std::uint64_t now = sequence_at(kNow);
  CHECK(window.is_fresh(now, kNow));
  CHECK(window.is_fresh(now - 5 * kSecond, kNow));
  CHECK(window.is_fresh(now + 5 * kSecond, kNow));
  CHECK(!window.is_fresh(now - 6 * kSecond, kNow));
  CHECK(!window.is_fresh(now + 6 * kSecond, kNow));
  CHECK(!window.is_fresh(now + (std::uint64_t{1} << 63), kNow));  // 2^31 seconds away
  CHECK(ReplayWindow(seconds(0)).is_fresh(0, kNow));
}

TEST_CASE("A mark that a wrong clock left in the future is forgotten, but only with a width") {
  const std::uint64_t future = sequence_at(kNow + seconds(3600));
  ReplayWindow window{seconds(5)};
  CHECK(window.admit(sender(1), future, kNow + seconds(3600)));
  CHECK(window.admit(sender(1), sequence_at(kNow), kNow));
  CHECK(!window.admit(sender(1), sequence_at(kNow), kNow));

  ReplayWindow strict{seconds(0)};
  CHECK(strict.admit(sender(1), future, kNow));
  CHECK(!strict.admit(sender(1), sequence_at(kNow), kNow));
}

}  // namespace
}  // namespace tandem::failover::wire
