// BufferPool: blocks of one size that connections hold only while there are bytes in them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace tandem {

class BufferPool;

/// A block on loan. Move-only; destroying it gives it back. Thread: the pool's.
class Buffer {
 public:
  Buffer() noexcept = default;
  Buffer(Buffer&& other) noexcept
      : pool_(other.pool_), data_(std::exchange(other.data_, nullptr)), size_(other.size_) {}
  Buffer& operator=(Buffer&& other) noexcept {
    if (this != &other) {
      reset();
      pool_ = other.pool_;
      data_ = std::exchange(other.data_, nullptr);
      size_ = other.size_;
    }
    return *this;
  }
  ~Buffer() { reset(); }

  [[nodiscard]] char* data() const noexcept { return data_; }
  [[nodiscard]] std::size_t size() const noexcept { return data_ == nullptr ? 0 : size_; }
  [[nodiscard]] explicit operator bool() const noexcept { return data_ != nullptr; }
  void reset() noexcept;

 private:
  friend class BufferPool;
  Buffer(BufferPool* pool, char* data, std::size_t size) noexcept
      : pool_(pool), data_(data), size_(static_cast<std::uint32_t>(size)) {}

  BufferPool* pool_ = nullptr;
  char* data_ = nullptr;
  std::uint32_t size_ = 0;
};

/// Last in, first out, so that the block handed out is the one still in the cache. Keeps at most
/// kKept free blocks. Thread: one worker's. Outlives its buffers.
class BufferPool {
 public:
  static constexpr std::size_t kBlockBytes = 16'384;
  static constexpr std::size_t kKept = 1024;

  BufferPool() { free_.reserve(kKept); }
  ~BufferPool() {
    for (char* block : free_) delete[] block;
  }
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;

  [[nodiscard]] Buffer take() {
    in_use_ += kBlockBytes;
    if (free_.empty()) return {this, new char[kBlockBytes], kBlockBytes};
    char* block = free_.back();
    free_.pop_back();
    return {this, block, kBlockBytes};
  }
  /// For the rare case that needs more than a block; not kept afterwards.
  [[nodiscard]] Buffer take_at_least(std::size_t bytes) {
    if (bytes <= kBlockBytes) return take();
    in_use_ += bytes;
    return {this, new char[bytes], bytes};
  }

  /// Bytes on loan.
  [[nodiscard]] std::size_t in_use() const noexcept { return in_use_; }

 private:
  friend class Buffer;
  void give_back(char* data, std::size_t size) noexcept {
    in_use_ -= size;
    if (size != kBlockBytes || free_.size() == kKept) {
      delete[] data;
      return;
    }
    free_.push_back(data);
  }

  std::vector<char*> free_;
  std::size_t in_use_ = 0;
};

[[gnu::always_inline]] inline void Buffer::reset() noexcept {
  if (data_ != nullptr) pool_->give_back(std::exchange(data_, nullptr), size_);
}

}  // namespace tandem
