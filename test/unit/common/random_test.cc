#include "common/random.h"

#include <catch2/catch.hpp>

#include <array>
#include <bit>
#include <set>
#include <string>

namespace tandem {
namespace {

TEST_CASE("The same seed gives the same numbers") {
  Random a(42);
  Random b(42);
  Random c(43);
  bool differs = false;
  for (int i = 0; i < 100; ++i) {
    const std::uint64_t value = a.next();
    CHECK(value == b.next());
    differs = differs || value != c.next();
  }
  CHECK(differs);
}

TEST_CASE("The generator is splitmix64") {
  // The first values its authors publish for seed 1234567.
  Random random(1234567);
  CHECK(random.next() == 6457827717110365317ULL);
  CHECK(random.next() == 3203168211198807973ULL);
  CHECK(random.next() == 9817491932198370423ULL);
}

TEST_CASE("Bounded numbers stay below their bound and reach all of it evenly") {
  Random random(7);
  std::array<int, 10> counts{};
  for (int i = 0; i < 100'000; ++i) {
    const std::uint32_t value = random.below(10);
    REQUIRE(value < 10);
    ++counts[value];
  }
  for (const int count : counts) CHECK(count == Approx(10'000).margin(500));
  CHECK(random.below(1) == 0);
}

TEST_CASE("Fractions lie in [0, 1)") {
  Random random(7);
  double sum = 0;
  for (int i = 0; i < 10'000; ++i) {
    const double fraction = random.fraction();
    REQUIRE(fraction >= 0.0);
    REQUIRE(fraction < 1.0);
    sum += fraction;
  }
  CHECK(sum / 10'000 == Approx(0.5).margin(0.02));
}

TEST_CASE("The hash tells lengths, contents and seeds apart") {
  std::set<std::uint64_t> seen;
  const std::string zeros(64, '\0');
  for (std::size_t length = 0; length <= zeros.size(); ++length)
    CHECK(seen.insert(hash_bytes(zeros.data(), length)).second);
  for (int i = 0; i < 10'000; ++i) {
    const std::string key = "server" + std::to_string(i);
    CHECK(seen.insert(hash_bytes(key.data(), key.size())).second);
  }
  CHECK(hash_bytes("a", 1, 1) != hash_bytes("a", 1, 2));
  CHECK(hash_bytes("a", 1) == hash_bytes("a", 1));
}

TEST_CASE("Each bit of a key moves about half of the hash") {
  std::string key = "10.0.0.21:8000";
  const std::uint64_t before = hash_bytes(key.data(), key.size());
  for (std::size_t bit = 0; bit < key.size() * 8; ++bit) {
    std::string changed = key;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << (bit % 8)));
    const int moved = std::popcount(before ^ hash_bytes(changed.data(), changed.size()));
    INFO("bit " << bit);
    CHECK(moved >= 12);
    CHECK(moved <= 52);
  }
}

TEST_CASE("The hash depends on bytes, not on where they lie") {
  const std::string text = "xx0123456789abcdefg";
  const std::string aligned = text.substr(2);
  CHECK(hash_bytes(text.data() + 2, aligned.size()) == hash_bytes(aligned.data(), aligned.size()));
}

TEST_CASE("Seeds of the kernel differ") { CHECK(random_seed() != random_seed()); }

}  // namespace
}  // namespace tandem
