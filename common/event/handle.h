// Handle<T>: the two-part form in which every libuv handle is owned here. The block belongs to
// libuv from init until its close callback; the outer value is owned like any member, and its
// destructor closes. Destroying the owner from inside the handle's own callback is therefore safe.
#pragma once

#include "common/check.h"

#include <uv.h>

#include <functional>
#include <utility>

namespace tandem::event {

/// Move-only. Thread: the loop's.
template <class UvHandle>
class Handle {
 public:
  using Callback = std::move_only_function<void()>;

  Handle() = default;
  explicit Handle(Callback callback) : block_(new Block{{}, std::move(callback)}) {
    block_->handle.data = block_;
  }
  Handle(Handle&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  Handle& operator=(Handle&& other) noexcept {
    if (this != &other) {
      close();
      block_ = std::exchange(other.block_, nullptr);
    }
    return *this;
  }
  ~Handle() { close(); }

  [[nodiscard]] UvHandle* get() const noexcept { return &block_->handle; }
  [[nodiscard]] explicit operator bool() const noexcept { return block_ != nullptr; }

  /// Calls the owner, or nobody when the owner has gone. An exception must not cross C frames:
  /// noexcept ends the process.
  static void fire(UvHandle* handle) noexcept {
    auto* block = static_cast<Block*>(handle->data);
    if (block != nullptr && block->callback) block->callback();
  }

 private:
  struct Block {
    UvHandle handle;
    Callback callback;
  };

  void close() noexcept {
    if (block_ == nullptr) return;
    block_->handle.data = nullptr;
    uv_close(reinterpret_cast<uv_handle_t*>(&block_->handle), [](uv_handle_t* handle) {
      delete reinterpret_cast<Block*>(handle);  // the handle is the block's first member
    });
    block_ = nullptr;
  }

  Block* block_ = nullptr;
};

}  // namespace tandem::event
