#include "common/random.h"

#include <sys/random.h>

#include <cstring>
#include <ctime>

namespace tandem {
namespace {

std::uint64_t fold(std::uint64_t a, std::uint64_t b) noexcept {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

constexpr std::uint64_t kA = 0xa0761d6478bd642fULL;
constexpr std::uint64_t kB = 0xe7037ed1a0b428dbULL;

}  // namespace

std::uint64_t hash_bytes(const void* data, std::size_t size, std::uint64_t seed) noexcept {
  const char* at = static_cast<const char*>(data);
  std::uint64_t hash = seed ^ fold(seed ^ kA, size ^ kB);
  std::uint64_t word = 0;
  std::size_t left = size;
  for (; left >= sizeof word; left -= sizeof word, at += sizeof word) {
    std::memcpy(&word, at, sizeof word);
    hash = fold(hash ^ word ^ kA, hash + kB);
  }
  word = 0;
  if (left > 0) std::memcpy(&word, at, left);
  hash = fold(hash ^ word ^ kA, kB ^ size);
  return fold(hash ^ kB, kA ^ left);
}

std::uint64_t random_seed() noexcept {
  std::uint64_t seed = 0;
  // Cannot fail for eight bytes on a kernel that has booted; the clock is for the one that has not.
  if (getrandom(&seed, sizeof seed, 0) != sizeof seed)
    seed = static_cast<std::uint64_t>(std::time(nullptr));
  return seed;
}

}  // namespace tandem
