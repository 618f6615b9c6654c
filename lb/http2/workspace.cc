#include "lb/http2/workspace.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace tandem::lb::http2 {
namespace {

bool is_page_aligned(const void* address) noexcept {
  return reinterpret_cast<std::uintptr_t>(address) % ZeroPages::kPageBytes == 0;
}

/// Larger pages would cost more than they save.
bool fits_the_system() noexcept {
  static const bool fits = sysconf(_SC_PAGESIZE) == static_cast<long>(ZeroPages::kPageBytes);
  return fits;
}

void let_go(void* page) noexcept { madvise(page, ZeroPages::kPageBytes, MADV_DONTNEED); }

}  // namespace

ZeroPages::~ZeroPages() {
  for (char* slab : slabs_) munmap(slab, kBytesAtOnce);
}

bool ZeroPages::grow() noexcept {
  if (!fits_the_system()) return false;
  void* const slab =
      mmap(nullptr, kBytesAtOnce, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (slab == MAP_FAILED) return false;
  // One that is written to must not bring its neighbours along.
  madvise(slab, kBytesAtOnce, MADV_NOHUGEPAGE);
  slabs_.push_back(static_cast<char*>(slab));
  fresh_ = kPagesAtOnce;
  return true;
}

void* ZeroPages::take() noexcept {
  if (!used_.empty()) {
    void* const page = used_.back();
    used_.pop_back();
    std::memset(page, 0, kPageBytes);
    return page;
  }
  if (!clean_.empty()) {
    void* const page = clean_.back();
    clean_.pop_back();
    return page;
  }
  if (fresh_ == 0 && !grow()) return nullptr;
  return slabs_.back() + --fresh_ * kPageBytes;
}

void ZeroPages::give_back(void* page) noexcept {
  if (used_.size() < kKept) {
    used_.push_back(page);
    return;
  }
  let_go(page);
  clean_.push_back(page);
}

bool ZeroPages::owns(const void* address) const noexcept {
  return std::ranges::any_of(slabs_, [address](const char* slab) {
    return std::greater_equal<>()(address, slab) &&
           std::less<>()(address, static_cast<const void*>(slab + kBytesAtOnce));
  });
}

void ZeroPages::rest(void* page) noexcept {
  const char* const bytes = static_cast<const char*>(page);
  // Zeros all the way: each byte is as the next one.
  if (bytes[0] == 0 && std::memcmp(bytes, bytes + 1, kPageBytes - 1) == 0) let_go(page);
}

/// nghttp2 asks for memory by size alone. Two sizes are known: of the buffer in which a session
/// makes its frames, and of its table of streams, which is all zeros while there is no stream.
struct Workspace::Memory {
  static Workspace& self(void* user_data) noexcept { return *static_cast<Workspace*>(user_data); }

  static void* take(std::size_t size, void* user_data) {
    Workspace& me = self(user_data);
    // A head of many frames needs more than one at once: they are its own.
    if (size == kFrameBytes && me.is_making_) return me.frame.data();
    return std::malloc(size);
  }

  static void* take_zeros(std::size_t count, std::size_t size, void* user_data) {
    Workspace& me = self(user_data);
    if (me.is_making_ && count * size == ZeroPages::kPageBytes && count > 1) {
      if (void* const page = me.pages_.take()) return me.table_ = page;
    }
    return std::calloc(count, size);
  }

  static void give_back(void* memory, void* user_data) {
    Workspace& me = self(user_data);
    if (memory == me.frame.data()) return;
    if (is_page_aligned(memory) && me.pages_.owns(memory)) return me.pages_.give_back(memory);
    std::free(memory);
  }

  static void* resize(void* memory, std::size_t size, void* user_data) {
    // How nghttp2 asks for buffers.
    if (memory == nullptr) return take(size, user_data);
    Workspace& me = self(user_data);
    const bool is_frame = memory == me.frame.data();
    if (!is_frame && (!is_page_aligned(memory) || !me.pages_.owns(memory)))
      return std::realloc(memory, size);
    void* const larger = std::malloc(size);
    if (larger == nullptr) return nullptr;
    std::memcpy(larger, memory, std::min(size, is_frame ? kFrameBytes : ZeroPages::kPageBytes));
    give_back(memory, user_data);
    return larger;
  }
};

Workspace::Workspace() noexcept
    : memory_{.mem_user_data = this,
              .malloc = Memory::take,
              .free = Memory::give_back,
              .calloc = Memory::take_zeros,
              .realloc = Memory::resize} {}

}  // namespace tandem::lb::http2
