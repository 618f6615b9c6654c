#include "test/unit/lb/balance/allocation_counter.h"

#include <cstdlib>
#include <new>

namespace tandem {
namespace {

std::uint64_t count = 0;

}  // namespace

std::uint64_t allocations() noexcept { return count; }

}  // namespace tandem

// In a file of its own: seen together with their callers, the compiler takes malloc and delete for
// a mismatch.
void* operator new(std::size_t size) {
  ++tandem::count;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void* operator new[](std::size_t size) { return operator new(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  ++tandem::count;
  return std::malloc(size);
}
void* operator new[](std::size_t size, const std::nothrow_t& tag) noexcept {
  return operator new(size, tag);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
