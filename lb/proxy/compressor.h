// Compressor: a sink in front of a client's, which compresses the body on its way. What it holds is
// bounded: the encoder's state and one send's worth of output, since more is asked for only when
// the client has taken that.
#pragma once

#include "lb/compression/encoder_pool.h"
#include "lb/proxy/body.h"

#include <cstdint>
#include <optional>

namespace tandem::lb::proxy {

/// Owner: an exchange. Used again for later bodies. Thread: the worker's.
class Compressor final : public BodySink {
 public:
  /// The next body is compressed, with an encoder that is not empty.
  void begin(compression::EncoderLease encoder, http::ContentCoding coding);
  /// Where that body goes. Outlives its use as a sink.
  void attach(BodySink& client) noexcept { client_ = &client; }
  /// Gives up whatever it has. Nothing of a body that has not ended is completed.
  void reset() noexcept;

  /// A body has been begun.
  [[nodiscard]] bool is_on() const noexcept { return coding_.has_value(); }
  [[nodiscard]] std::optional<http::ContentCoding> coding() const noexcept { return coding_; }
  [[nodiscard]] std::uint64_t bytes_in() const noexcept { return bytes_in_; }
  [[nodiscard]] std::uint64_t bytes_out() const noexcept { return bytes_out_; }

  [[nodiscard]] bool is_drained() const override { return client_->is_drained(); }
  /// Of a sink that is drained already it means that the source has no more just now: then all that
  /// came so far goes out, so that the client of a slow stream sees each event when it happens.
  [[nodiscard]] bool flush() override;
  [[nodiscard]] bool send(std::span<const iovec> pieces, bool last,
                          std::string_view trailers) override;
  [[nodiscard]] std::uint64_t turn_bytes_max() const override { return kTurnBytesMax; }

  /// Bytes that are spliced have not been compressed.
  [[nodiscard]] bool can_splice() const override { return false; }
  [[nodiscard]] bool begin_splice(std::uint64_t bytes) override;
  void spliced(std::uint64_t bytes) override;
  [[nodiscard]] event::Socket& socket() override { return client_->socket(); }

 private:
  /// One or two milliseconds of work; then other clients get their turn.
  static constexpr std::uint64_t kTurnBytesMax = 64 * 1024;

  [[nodiscard]] bool give(std::size_t bytes, bool last, std::string_view trailers);

  compression::EncoderLease encoder_;
  std::optional<http::ContentCoding> coding_;
  BodySink* client_ = nullptr;
  std::uint64_t bytes_in_ = 0;
  std::uint64_t bytes_out_ = 0;
  bool holds_back_ = false;  // the encoder may have bytes that have not come out
};

}  // namespace tandem::lb::proxy
