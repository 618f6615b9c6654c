#include "lb/proxy/pipe_pool.h"

#include <fcntl.h>
#include <unistd.h>

#include <utility>

namespace tandem::lb::proxy {

PipeLease& PipeLease::operator=(PipeLease&& other) noexcept {
  if (this != &other) {
    reset();
    pool_ = other.pool_;
    pipe_ = std::move(other.pipe_);
  }
  return *this;
}

void PipeLease::reset() noexcept {
  if (pipe_ != nullptr) pool_->give_back(std::move(pipe_));
}

PipeLease PipePool::take() {
  if (used_ >= kPipesMax) return {};
  std::unique_ptr<Pipe> pipe;
  if (!free_.empty()) {
    pipe = std::move(free_.back());
    free_.pop_back();
  } else {
    int ends[2];
    if (::pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0) return {};
    pipe = std::make_unique<Pipe>();
    pipe->read_end.reset(ends[0]);
    pipe->write_end.reset(ends[1]);
    // Without the right to a large pipe the default has to do.
    const bool large = used_ + free_.size() < large_max_;
    if (!large || ::fcntl(ends[1], F_SETPIPE_SZ, kLargePipeBytes) < 0)
      static_cast<void>(::fcntl(ends[1], F_SETPIPE_SZ, kPipeBytes));
    const int capacity = ::fcntl(ends[1], F_GETPIPE_SZ);
    if (capacity < kPipeBytesWorthwhile) return {};
    pipe->capacity = static_cast<std::size_t>(capacity);
  }
  ++used_;
  count();
  return {*this, std::move(pipe)};
}

void PipePool::give_back(std::unique_ptr<Pipe> pipe) noexcept {
  --used_;
  // Bytes of one body must never meet those of another.
  if (pipe->bytes == 0 && free_.size() < kFreeMax) free_.push_back(std::move(pipe));
  count();
}

void PipePool::count() noexcept {
  cells_.pipes_used.set(static_cast<std::int64_t>(used_));
  cells_.pipes_free.set(static_cast<std::int64_t>(free_.size()));
}

}  // namespace tandem::lb::proxy
