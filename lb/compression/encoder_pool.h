// EncoderPool: the encoders of one worker, at most so many at once, and those kept for later.
#pragma once

#include "lb/compression/encoder.h"
#include "lb/figures/cells.h"

#include <cstddef>
#include <memory>
#include <vector>

namespace tandem::lb::compression {

class EncoderPool;

/// An encoder on loan; empty when none could be had, and then the body goes as it is. Destroying it
/// gives the encoder back. Thread: the worker's.
class EncoderLease {
 public:
  EncoderLease() noexcept = default;
  EncoderLease(EncoderPool& pool, std::unique_ptr<Encoder> encoder) noexcept
      : pool_(&pool), encoder_(std::move(encoder)) {}
  EncoderLease(EncoderLease&&) noexcept = default;
  EncoderLease& operator=(EncoderLease&& other) noexcept;
  ~EncoderLease() { reset(); }

  [[nodiscard]] explicit operator bool() const noexcept { return encoder_ != nullptr; }
  [[nodiscard]] Encoder* operator->() const noexcept { return encoder_.get(); }
  /// Where all encoders of the worker write, one after the other.
  [[nodiscard]] std::vector<char>& output() const noexcept;
  void reset() noexcept;

 private:
  EncoderPool* pool_ = nullptr;
  std::unique_ptr<Encoder> encoder_;
};

/// One for each worker. Thread: the worker's. Outlives its leases.
class EncoderPool {
 public:
  /// A client that reads slowly holds its encoder for as long as the answer lasts: the memory of
  /// all that are in use is bounded. 248 of gzip, or 64 of brotli at its usual level.
  static constexpr std::size_t kMemoryMax = std::size_t{64} * 1024 * 1024;
  static constexpr std::size_t kFreeMax = 16;

  explicit EncoderPool(figures::WorkerCells& cells) noexcept : cells_(cells) {}

  /// An empty lease when the bound is reached.
  [[nodiscard]] EncoderLease take(const EncoderOptions& options);

 private:
  friend class EncoderLease;
  void give_back(std::unique_ptr<Encoder> encoder);
  void count() noexcept;

  figures::WorkerCells& cells_;
  std::vector<std::unique_ptr<Encoder>> free_;  // all of gzip: brotli's cannot be used again
  std::vector<char> output_;
  std::size_t used_ = 0;
  std::size_t memory_ = 0;  // of those in use, at most
};

}  // namespace tandem::lb::compression
