#include "lb/proxy/compressor.h"

#include "common/check.h"

#include <utility>

namespace tandem::lb::proxy {

using Until = compression::Encoder::Until;

void Compressor::begin(compression::EncoderLease encoder, http::ContentCoding coding) {
  TANDEM_DCHECK(encoder && !is_on());
  encoder_ = std::move(encoder);
  coding_ = coding;
  bytes_in_ = bytes_out_ = 0;
  holds_back_ = false;
}

void Compressor::reset() noexcept {
  encoder_.reset();
  coding_.reset();
  client_ = nullptr;
}

bool Compressor::flush() {
  if (!client_->is_drained() || !holds_back_) return client_->flush();
  holds_back_ = false;
  return give(encoder_->encode({}, Until::kFlush, encoder_.output()), false, {});
}

bool Compressor::send(std::span<const iovec> pieces, bool last, std::string_view trailers) {
  for (const iovec& piece : pieces) bytes_in_ += piece.iov_len;
  holds_back_ = !last;
  const std::size_t bytes =
      encoder_->encode(pieces, last ? Until::kEnd : Until::kMore, encoder_.output());
  const bool sent = give(bytes, last, trailers);
  // The client may take its time to read the rest: others can use the encoder meanwhile.
  if (last) encoder_.reset();
  return sent;
}

bool Compressor::give(std::size_t bytes, bool last, std::string_view trailers) {
  // An empty piece would be the end of a chunked body; and a head must not be held longer than this
  // turn.
  if (bytes == 0 && !last) return client_->flush();
  bytes_out_ += bytes;
  const iovec piece{.iov_base = encoder_.output().data(), .iov_len = bytes};
  return client_->send({&piece, bytes > 0 ? 1U : 0U}, last, trailers);
}

bool Compressor::begin_splice(std::uint64_t) { TANDEM_CHECK(false); }

void Compressor::spliced(std::uint64_t) { TANDEM_CHECK(false); }

}  // namespace tandem::lb::proxy
