// PipePool: pipes through which bodies are moved without passing through user space (splice(2)).
#pragma once

#include "common/file_descriptor.h"
#include "lb/figures/cells.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace tandem::lb::proxy {

class PipePool;

/// A pipe and how many bytes lie in it. Thread: the worker's.
struct Pipe {
  FileDescriptor read_end;
  FileDescriptor write_end;
  std::size_t capacity = 0;
  std::size_t bytes = 0;
};

/// A pipe on loan; empty when none could be had, and then the body is copied. Destroying it gives
/// the pipe back, or closes it if bytes are left inside.
class PipeLease {
 public:
  PipeLease() noexcept = default;
  PipeLease(PipePool& pool, std::unique_ptr<Pipe> pipe) noexcept
      : pool_(&pool), pipe_(std::move(pipe)) {}
  PipeLease(PipeLease&&) noexcept = default;
  PipeLease& operator=(PipeLease&& other) noexcept;
  ~PipeLease() { reset(); }

  [[nodiscard]] explicit operator bool() const noexcept { return pipe_ != nullptr; }
  [[nodiscard]] Pipe* operator->() const noexcept { return pipe_.get(); }
  void reset() noexcept;

 private:
  PipePool* pool_ = nullptr;
  std::unique_ptr<Pipe> pipe_;
};

/// One for each worker. Thread: the worker's. Outlives its leases.
class PipePool {
 public:
  /// A body of a megabyte passes through the large ones in one go; few, because what a user may
  /// have in pipes is bounded.
  static constexpr int kLargePipeBytes = 1024 * 1024;
  static constexpr std::size_t kLargePipesMax = 32;  // of all workers: the first of each
  static constexpr int kPipeBytes = 256 * 1024;
  /// A user over /proc/sys/fs/pipe-user-pages-soft gets pipes of one or two pages: not worth it.
  static constexpr int kPipeBytesWorthwhile = 64 * 1024;
  static constexpr std::size_t kPipesMax = 512;  // per worker, used and free
  static constexpr std::size_t kFreeMax = 64;

  PipePool(figures::WorkerCells& cells, std::uint32_t workers) noexcept
      : cells_(cells), large_max_(kLargePipesMax / workers) {}

  /// An empty lease when the bound is reached or the kernel refuses.
  [[nodiscard]] PipeLease take();

 private:
  friend class PipeLease;
  void give_back(std::unique_ptr<Pipe> pipe) noexcept;
  void count() noexcept;

  figures::WorkerCells& cells_;
  std::size_t large_max_;
  std::vector<std::unique_ptr<Pipe>> free_;
  std::size_t used_ = 0;
};

}  // namespace tandem::lb::proxy
