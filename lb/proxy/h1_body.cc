#include "lb/proxy/h1_body.h"

#include <algorithm>
#include <array>
#include <limits>

namespace tandem::lb::proxy {
namespace {

// How far a read may go past the end of what surely is body: chunk ends and the next chunk's size,
// or a pipelined request, which is then copied to its own block.
constexpr std::uint64_t kReadPastBytes = 4096;

}  // namespace

http::BodyStep H1Source::next() {
  const http::BodyStep step = decoder_.step(input_.unread());
  input_.consume(step.consumed);
  return step;
}

BodySource::Fill H1Source::fill() {
  if (!socket_.readable()) return Fill::kBlocked;
  // Of chunks nobody knows how much follows them: as much as there is room for.
  const std::uint64_t sure = decoder_.is_chunked() ? scratch_.size() : decoder_.data_left();
  const std::size_t most = sure >= scratch_.size()
                               ? scratch_.size()
                               : std::min<std::size_t>(sure + kReadPastBytes, scratch_.size());
  const event::Transfer transfer = input_.fill(socket_, scratch_.first(most));
  switch (transfer.status) {
    case event::Transfer::Status::kDone:
      bulk_ = transfer.bytes == scratch_.size();
      return Fill::kDone;
    case event::Transfer::Status::kBlocked:
      return Fill::kBlocked;
    case event::Transfer::Status::kEnd:
      return Fill::kEnd;
    case event::Transfer::Status::kFailed:
      break;
  }
  return Fill::kFailed;
}

std::uint64_t H1Source::spliceable() const {
  if (!input_.unread().empty() || !socket_.readable() || !socket_.is_plain()) return 0;
  const std::uint64_t left = decoder_.data_left();
  if (left == std::numeric_limits<std::uint64_t>::max()) return bulk_ ? left : 0;
  return left >= (decoder_.is_chunked() ? kSpliceChunkBytesMin : kSpliceLengthBytesMin) ? left : 0;
}

bool H1Sink::send(std::span<const iovec> pieces, bool last, std::string_view trailers) {
  return chunked_ ? send_chunk(pieces, last, trailers) : output_.send(socket_, pieces);
}

bool H1Sink::send_chunk(std::span<const iovec> pieces, bool last, std::string_view trailers) {
  std::array<iovec, kPiecesMax + 5> out;
  std::size_t count = 0;
  std::uint64_t bytes = 0;
  const auto add = [&](std::string_view text) {
    if (text.empty()) return;
    out[count++] = {.iov_base = const_cast<char*>(text.data()), .iov_len = text.size()};
  };
  for (const iovec& piece : pieces) bytes += piece.iov_len;
  // All pieces of one read become one chunk.
  char size_line[http::kChunkSizeBytesMax];
  if (chunk_open_) add(http::kChunkEnd);
  if (bytes > 0) add({size_line, http::write_chunk_size(size_line, bytes)});
  for (const iovec& piece : pieces) out[count++] = piece;
  if (bytes > 0) add(http::kChunkEnd);
  chunk_open_ = false;
  if (last) {
    add(trailers.empty() ? http::kLastChunk : std::string_view("0\r\n"));
    if (!trailers.empty()) {
      add(trailers);
      add("\r\n");
    }
  }
  return output_.send(socket_, {out.data(), count});
}

bool H1Sink::begin_splice(std::uint64_t bytes) {
  std::array<iovec, 2> out;
  std::size_t count = 0;
  char size_line[http::kChunkSizeBytesMax];
  if (chunked_) {
    if (chunk_open_) {
      out[count++] = {.iov_base = const_cast<char*>(http::kChunkEnd.data()),
                      .iov_len = http::kChunkEnd.size()};
    }
    out[count++] = {.iov_base = size_line, .iov_len = http::write_chunk_size(size_line, bytes)};
    chunk_open_ = true;
  }
  return output_.send(socket_, {out.data(), count}, true);
}

}  // namespace tandem::lb::proxy
