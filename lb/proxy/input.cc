#include "lb/proxy/input.h"

#include "common/check.h"

#include <cstring>
#include <utility>

namespace tandem::lb::proxy {

event::Transfer Input::append(event::Socket& socket, BufferPool& pool) {
  TANDEM_DCHECK(!pinned_);
  if (!block_) {
    block_ = pool.take();
    if (size_ == 0) begin_ = block_.data();
  }
  TANDEM_DCHECK(is_in(block_));
  char* end = const_cast<char*>(begin_) + size_;
  char* limit = block_.data() + block_.size();
  // Room at the front is used only when there is none behind: most messages come whole.
  if (end == limit && begin_ != block_.data()) {
    std::memmove(block_.data(), begin_, size_);
    begin_ = block_.data();
    end = block_.data() + size_;
  }
  if (end == limit) return {.status = event::Transfer::Status::kDone, .bytes = 0};
  const event::Transfer transfer = socket.read({end, static_cast<std::size_t>(limit - end)});
  if (transfer.status == event::Transfer::Status::kDone) size_ += transfer.bytes;
  if (size_ == 0) block_.reset();
  return transfer;
}

event::Transfer Input::fill(event::Socket& socket, std::span<char> scratch) {
  TANDEM_DCHECK(size_ == 0);
  const event::Transfer transfer = socket.read(scratch);
  // Nothing read, nothing lost: what the block holds can still be sent once more.
  if (transfer.bytes > 0) read_since_pin_ = true;
  begin_ = scratch.data();
  size_ = transfer.status == event::Transfer::Status::kDone ? transfer.bytes : 0;
  return transfer;
}

void Input::park(BufferPool& pool) {
  if (size_ == 0 || is_in(block_) || is_in(spare_)) return;
  Buffer& home = pinned_ ? spare_ : block_;
  if (home.size() < size_) home = pool.take_at_least(size_);
  std::memcpy(home.data(), begin_, size_);
  begin_ = home.data();
}

const char* Input::pin() noexcept {
  TANDEM_DCHECK(!pinned_ && is_in(block_));
  pinned_ = true;
  read_since_pin_ = false;
  pinned_at_ = begin_;
  pinned_size_ = size_;
  return begin_;
}

void Input::unpin() noexcept {
  if (!pinned_) return;
  pinned_ = false;
  if (size_ == 0) {
    block_.reset();
    spare_.reset();
  } else if (is_in(spare_)) {
    block_ = std::move(spare_);
  }
}

void Input::rewind(std::size_t offset_from_pin) noexcept {
  TANDEM_DCHECK(untouched_since_pin());
  begin_ = pinned_at_ + offset_from_pin;
  size_ = pinned_size_ - offset_from_pin;
}

void Input::reset() noexcept {
  pinned_ = false;
  size_ = 0;
  block_.reset();
  spare_.reset();
}

}  // namespace tandem::lb::proxy
