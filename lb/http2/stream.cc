#include "lb/http2/stream.h"

#include <algorithm>

namespace tandem::lb::http2 {

void Stream::take(std::size_t bytes) noexcept {
  taken_ += bytes;
  taken_bytes_ += bytes;
  if (!has_forgotten_ && incoming_.size() <= kRewindBytesMax) return;
  has_forgotten_ = true;
  // Whoever is always a little late must not hold all that ever came.
  if (taken_ < incoming_.size() - taken_) return;
  incoming_.erase(incoming_.begin(), incoming_.begin() + static_cast<std::ptrdiff_t>(taken_));
  taken_ = 0;
}

std::size_t Stream::outgoing_bytes() const noexcept {
  std::size_t bytes = waiting_.size() - waiting_sent_;
  for (const iovec& piece : given_) bytes += piece.iov_len;
  return bytes - (given_.empty() ? 0 : given_sent_);
}

void Stream::put_outgoing(std::size_t bytes, std::vector<char>& out) {
  const std::size_t kept = std::min(bytes, waiting_.size() - waiting_sent_);
  const auto from = waiting_.begin() + static_cast<std::ptrdiff_t>(waiting_sent_);
  out.insert(out.end(), from, from + static_cast<std::ptrdiff_t>(kept));
  waiting_sent_ += kept;
  bytes -= kept;
  while (bytes > 0) {
    const iovec& piece = given_.front();
    const char* const begin = static_cast<const char*>(piece.iov_base) + given_sent_;
    const std::size_t part = std::min(bytes, piece.iov_len - given_sent_);
    out.insert(out.end(), begin, begin + part);
    bytes -= part;
    given_sent_ += part;
    if (given_sent_ < piece.iov_len) break;
    given_ = given_.subspan(1);
    given_sent_ = 0;
  }
  if (!waiting_.empty() && waiting_sent_ == waiting_.size()) {
    // A stream that waits once may wait often; one that is done needs no room.
    waiting_.clear();
    waiting_sent_ = 0;
  }
}

void Stream::keep_outgoing() {
  for (const iovec& piece : given_) {
    const char* const begin = static_cast<const char*>(piece.iov_base) + given_sent_;
    waiting_.insert(waiting_.end(), begin,
                    static_cast<const char*>(piece.iov_base) + piece.iov_len);
    given_sent_ = 0;
  }
  given_ = {};
}

}  // namespace tandem::lb::http2
