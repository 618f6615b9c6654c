// Workspace: what the HTTP/2 sessions of a thread need only while one of them is at work, and so
// share; and where nghttp2 gets the memory of each from. An idle session keeps its tables of fields
// and little else.
#pragma once

#include "lb/http2/field_block.h"

#include <nghttp2/nghttp2.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace tandem::lb::http2 {

/// Pages that begin as zeros and take memory only once written to.
/// Thread: any, one at a time.
class ZeroPages {
 public:
  static constexpr std::size_t kPageBytes = 4096;
  /// Free pages that keep their memory for the next taker.
  static constexpr std::size_t kKept = 64;

  ZeroPages() = default;
  ~ZeroPages();
  ZeroPages(const ZeroPages&) = delete;
  ZeroPages& operator=(const ZeroPages&) = delete;

  /// Zeros; nullptr: the system has none.
  [[nodiscard]] void* take() noexcept;
  void give_back(void* page) noexcept;
  [[nodiscard]] bool owns(const void* address) const noexcept;
  /// Lets go of the memory of a page if all in it is zero: it reads the same afterwards.
  static void rest(void* page) noexcept;

 private:
  static constexpr std::size_t kPagesAtOnce = 256;
  static constexpr std::size_t kBytesAtOnce = kPagesAtOnce * kPageBytes;

  [[nodiscard]] bool grow() noexcept;

  std::vector<char*> slabs_;
  std::size_t fresh_ = 0;     // of the newest slab, never handed out
  std::vector<void*> used_;   // free, with whatever was in them
  std::vector<void*> clean_;  // free, without memory
};

/// Owner: whoever runs the sessions; outlives them. Thread: theirs.
class Workspace {
 public:
  Workspace() noexcept;
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;

  FieldBlock block;         // for whoever makes a head, until it is sent
  FieldBlock trailers;      // a session's own
  std::vector<char> spare;  // empty: of a session whose output has gone

  /// As many bytes as a frame has: where nghttp2 writes those it makes.
  static constexpr std::size_t kFrameBytes = 16'384 + 9 + 1;
  alignas(std::max_align_t) std::array<char, kFrameBytes> frame;

  /// Makes a session with `make(mem)`. Its frames are made in `frame`, as those of all others: what
  /// nghttp2_session_mem_send() returned must be used up before another session is asked.
  /// @return where its table of streams is, for rest(); nullptr: elsewhere.
  template <class Make>
  [[nodiscard]] void* make_session(Make make) {
    is_making_ = true;
    table_ = nullptr;
    make(&memory_);
    is_making_ = false;
    return table_;
  }

 private:
  struct Memory;

  ZeroPages pages_;
  nghttp2_mem memory_;
  void* table_ = nullptr;
  bool is_making_ = false;
};

}  // namespace tandem::lb::http2
