#include "lb/compression/encoder_pool.h"

#include <utility>

namespace tandem::lb::compression {

EncoderLease& EncoderLease::operator=(EncoderLease&& other) noexcept {
  if (this != &other) {
    reset();
    pool_ = other.pool_;
    encoder_ = std::move(other.encoder_);
  }
  return *this;
}

std::vector<char>& EncoderLease::output() const noexcept { return pool_->output_; }

void EncoderLease::reset() noexcept {
  if (encoder_ != nullptr) pool_->give_back(std::move(encoder_));
}

EncoderLease EncoderPool::take(const EncoderOptions& options) {
  const std::size_t memory = encoder_memory_max(options);
  if (memory_ + memory > kMemoryMax) return {};
  std::unique_ptr<Encoder> encoder;
  if (options.coding == http::ContentCoding::kGzip && !free_.empty()) {
    encoder = std::move(free_.back());
    free_.pop_back();
    encoder->restart(options.level);
  } else {
    encoder = make_encoder(options);
  }
  ++used_;
  memory_ += memory;
  count();
  return {*this, std::move(encoder)};
}

void EncoderPool::give_back(std::unique_ptr<Encoder> encoder) {
  --used_;
  memory_ -= encoder->memory_max();
  if (free_.size() < kFreeMax && encoder->is_reusable()) free_.push_back(std::move(encoder));
  count();
}

void EncoderPool::count() noexcept {
  cells_.compressors_used.set(static_cast<std::int64_t>(used_));
  cells_.compressors_free.set(static_cast<std::int64_t>(free_.size()));
}

}  // namespace tandem::lb::compression
