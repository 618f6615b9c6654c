// The chunked transfer coding (RFC 9112 §7.1): a strict incremental decoder that hands out views of
// its input, and the few bytes an encoder writes around data. It keeps no data bytes and no socket,
// so that a chunk's bytes may also be spliced past it. Thread: any, one at a time.
//
//   *( 1*HEXDIG *( ";" extension ) CRLF data CRLF ) 1*"0" *( ";" extension ) CRLF *trailer CRLF
#pragma once

#include "http/field_section.h"
#include "http/message.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace tandem::http {

/// One step through a body.
struct BodyStep {
  enum class Kind : std::uint8_t {
    kNeedMore,  // all of the input is used up; more is needed
    kData,      // `data` are bytes of the body; call again with what is behind `consumed`
    kEnd,       // the body is complete; bytes behind `consumed` are not part of it
    kError,     // see error(); nothing more may be read from this peer
  };
  Kind kind = Kind::kNeedMore;
  std::size_t consumed = 0;  // bytes of the input that are done with, `data` included
  std::string_view data;     // kData: a view of the input, never empty
};

/// Splits one chunked body into its data. Allocates only when a message has trailers.
///
/// Strict: sizes are hex digits alone (at most 16, below 2^63), line ends are CRLF, extensions are
/// checked, bounded in sum and dropped. Trailers that could change framing, routing or authority
/// are an error (RFC 9110 §6.5.1). A request is refused with 400 (431 for trailers over the bound),
/// a response with 502.
class ChunkedDecoder {
 public:
  ChunkedDecoder(FieldSection::Role role, const Limits& limits) noexcept
      : extension_bytes_left_(limits.chunk_extension_bytes_max),
        trailer_bytes_left_(limits.trailer_bytes_max),
        role_(role) {}

  /// `in` are the bytes behind what earlier steps consumed. Never kNeedMore with bytes left over.
  [[nodiscard]] BodyStep step(std::string_view in) noexcept;

  /// Bytes of the current chunk that were not handed out yet; 0 between chunks.
  [[nodiscard]] std::uint64_t data_left() const noexcept {
    return stage_ == Stage::kData ? left_ : 0;
  }
  /// The caller moved `count` <= data_left() bytes of the chunk by itself.
  void skip_data(std::uint64_t count) noexcept;
  [[nodiscard]] bool finished() const noexcept { return stage_ == Stage::kDone; }

  /// Trailer lines rebuilt as "Name: value\r\n", ready for write_last_chunk(); empty: none. Valid
  /// as long as the decoder, complete after kEnd.
  [[nodiscard]] std::string_view trailers() const noexcept { return trailers_; }
  /// After kError; position counts from the body's first byte.
  [[nodiscard]] const ParseError& error() const noexcept { return error_; }

 private:
  enum class Stage : std::uint8_t {
    kSizeFirst,
    kSize,
    kExtension,
    kSizeEnd,
    kData,
    kDataCr,
    kDataLf,
    kTrailerStart,
    kTrailerName,
    kTrailerValueStart,
    kTrailerValue,
    kTrailerValueEnd,
    kEndLf,
    kDone,
    kError,
  };

  bool take(unsigned char c) noexcept;
  bool take_size(unsigned char c) noexcept;
  bool take_extension(unsigned char c) noexcept;
  bool take_size_end(unsigned char c) noexcept;
  bool take_trailer(unsigned char c) noexcept;
  bool take_trailer_name(char c) noexcept;
  bool take_trailer_value(char c) noexcept;
  bool refuse(const char* detail) noexcept;
  bool refuse(int status, const char* detail) noexcept;

  std::uint64_t left_ = 0;   // of the chunk; while its size is read: the size so far
  std::uint64_t taken_ = 0;  // bytes of the body's coding before the current one, for error()
  std::string trailers_;
  std::size_t trailer_name_begin_ = 0;
  std::size_t trailer_value_begin_ = 0;
  ParseError error_;
  std::uint32_t extension_bytes_left_;
  std::uint32_t trailer_bytes_left_;
  FieldSection::Role role_;
  Stage stage_ = Stage::kSizeFirst;
  std::uint8_t digits_ = 0;
};

/// Splits a body of any framing into its data. This is what moves bodies: step() for bytes that are
/// in a buffer, data_left() and skip_data() for bytes that are moved without being read.
class BodyDecoder {
 public:
  BodyDecoder(FieldSection::Role role, const Limits& limits, const BodyFraming& framing) noexcept
      : kind_(framing.kind), left_(framing.length) {
    if (kind_ == BodyFraming::Kind::kChunked) chunked_.emplace(role, limits);
  }

  /// As ChunkedDecoder::step. With kUntilClose it never gives kEnd: the peer's close does, see
  /// ends_with_close(). A body of length zero gives kEnd at once, also for empty input.
  [[nodiscard]] BodyStep step(std::string_view in) noexcept;

  [[nodiscard]] bool is_chunked() const noexcept { return chunked_.has_value(); }
  /// Bytes that are certainly body bytes and come next; UINT64_MAX until the connection closes.
  [[nodiscard]] std::uint64_t data_left() const noexcept;
  /// The caller moved `count` <= data_left() bytes by itself.
  void skip_data(std::uint64_t count) noexcept;
  /// Nothing more belongs to this body.
  [[nodiscard]] bool finished() const noexcept;
  /// The peer's orderly close now is the clean end. False while a length or chunks are outstanding:
  /// then a close is a truncation and must stay visible as one.
  [[nodiscard]] bool ends_with_close() const noexcept {
    return kind_ == BodyFraming::Kind::kUntilClose || finished();
  }
  /// Empty unless the body is chunked.
  [[nodiscard]] std::string_view trailers() const noexcept {
    return chunked_ ? chunked_->trailers() : std::string_view();
  }
  /// Only after kError, which only a chunked body gives.
  [[nodiscard]] const ParseError& error() const noexcept { return chunked_->error(); }

 private:
  std::optional<ChunkedDecoder> chunked_;
  BodyFraming::Kind kind_;
  std::uint64_t left_;
};

/// Room that write_chunk_size() needs: 16 digits and CRLF.
inline constexpr std::size_t kChunkSizeBytesMax = 18;
/// Stands behind the data of each chunk.
inline constexpr std::string_view kChunkEnd = "\r\n";
/// Ends a chunked body that has no trailers.
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";

/// Writes "hex CRLF" for a chunk of `size` > 0 bytes. @return bytes written.
[[nodiscard]] std::size_t write_chunk_size(char* out, std::uint64_t size) noexcept;

/// Writes the last chunk with `trailers` (whole lines, as ChunkedDecoder::trailers() gives them).
/// @return bytes written; 0: it does not fit.
[[nodiscard]] std::size_t write_last_chunk(std::span<char> out, std::string_view trailers) noexcept;

}  // namespace tandem::http
