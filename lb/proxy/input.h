// Input: the bytes that were read from a connection and not used up. Heads are read into a block of
// the connection's own; bodies into the worker's scratch, from where they go on in the same turn.
#pragma once

#include "common/buffer_pool.h"
#include "common/event/poller.h"

#include <cstddef>
#include <span>
#include <string_view>

namespace tandem::lb::proxy {

/// Owner: a connection. Thread: the worker's.
class Input {
 public:
  /// Valid until the next call that is not const.
  [[nodiscard]] std::string_view unread() const noexcept { return {begin_, size_}; }
  void consume(std::size_t bytes) noexcept {
    begin_ += bytes;
    size_ -= bytes;
  }

  /// Reads behind what is unread, into a block of our own. A full block gives kDone with 0 bytes.
  [[nodiscard]] event::Transfer append(event::Socket& socket, BufferPool& pool);
  /// Reads up to `scratch.size()` bytes into it; nothing may be unread. What is not consumed before
  /// the turn ends must be parked.
  [[nodiscard]] event::Transfer fill(event::Socket& socket, std::span<char> scratch);
  /// Bytes were taken from the socket past this object (splice): they cannot be had again.
  void note_taken_past() noexcept { read_since_pin_ = true; }
  /// Copies what is unread in the scratch to a block of our own.
  void park(BufferPool& pool);

  /// From now on the block stays where it is until unpin(): a decoded head refers to it.
  /// @return the first unread byte, the head's base.
  const char* pin() noexcept;
  /// Lets go of the block unless unread bytes are in it.
  void unpin() noexcept;
  /// Whether a pinned block still holds what followed the head: nothing was read since.
  [[nodiscard]] bool untouched_since_pin() const noexcept { return pinned_ && !read_since_pin_; }
  /// Makes the `bytes` after the pinned position unread again. Only while untouched_since_pin().
  void rewind(std::size_t offset_from_pin) noexcept;

  /// Forgets everything.
  void reset() noexcept;

 private:
  [[nodiscard]] bool is_in(const Buffer& block) const noexcept {
    return block && begin_ >= block.data() && begin_ <= block.data() + block.size();
  }

  Buffer block_;
  Buffer spare_;  // for what is parked while block_ is pinned
  const char* begin_ = nullptr;
  std::size_t size_ = 0;
  const char* pinned_at_ = nullptr;
  std::size_t pinned_size_ = 0;
  bool pinned_ = false;
  bool read_since_pin_ = false;
};

}  // namespace tandem::lb::proxy
