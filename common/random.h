// A small seeded generator (splitmix64): the same seed gives the same numbers on every machine.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tandem {

/// Not for secrets. Value type, one owner.
class Random {
 public:
  explicit constexpr Random(std::uint64_t seed) noexcept : state_(seed) {}

  constexpr std::uint64_t next() noexcept {
    state_ += 0x9e3779b97f4a7c15ULL;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }

  /// Uniform in [0, bound); bound must not be 0.
  constexpr std::uint32_t below(std::uint32_t bound) noexcept {
    return static_cast<std::uint32_t>(((next() >> 32) * bound) >> 32);
  }

  /// Uniform in [0, 1).
  constexpr double fraction() noexcept {
    return static_cast<double>(next() >> 11) * (1.0 / 9007199254740992.0);
  }

 private:
  std::uint64_t state_;
};

/// 64-bit hash of bytes with good avalanche (multiply and fold, after wyhash).
/// Stable over versions: consistent hashing depends on it.
[[nodiscard]] std::uint64_t hash_bytes(const void* data, std::size_t size,
                                       std::uint64_t seed = 0) noexcept;

/// A seed from the kernel's entropy.
[[nodiscard]] std::uint64_t random_seed() noexcept;

}  // namespace tandem
