// RequestDecoder and ResponseDecoder: bytes of an HTTP/1.x head into a RequestHead or ResponseHead,
// strictly (RFC 9112, ROBUSTNESS.md). They read no socket and keep no bytes: the caller shows the
// message from its first byte, again and longer as more arrives, and no byte is looked at more than
// twice.
//
//   start-line CRLF *( name ":" OWS value OWS CRLF ) CRLF
#pragma once

#include "http/field_section.h"
#include "http/message.h"

#include <cstdint>
#include <string_view>

namespace tandem::http {

enum class DecodeResult : std::uint8_t {
  kNeedMore,  // show the same bytes again with more behind them
  kDone,      // the head is complete: head.head_bytes of the buffer are used up
  kError,     // see error(); the decoder stays in this state
};

/// One request head. Owner: a connection; used on its worker's thread.
///
/// Refusals: 400 for whatever breaks the grammar or frames a body in two ways; 405 for CONNECT,
/// which asks a gateway for something it never does; 414 and 431 over the limits; 501 for an
/// unknown transfer coding or a method past 32 bytes; 505 for another major version.
class RequestDecoder {
 public:
  explicit RequestDecoder(const Limits& limits) noexcept : limits_(limits) {}

  /// `message` begins with the request's first byte each time; `head` is the same object until the
  /// result is not kNeedMore. Empty lines before the request (at most two, RFC 9112 §2.2) belong to
  /// it and count in head_bytes. Errors are found at the byte that makes them certain.
  [[nodiscard]] DecodeResult decode(std::string_view message, RequestHead& head) noexcept;

  /// After kError.
  [[nodiscard]] const ParseError& error() const noexcept { return fields_.error(); }
  /// True once a byte of the request itself (not only empty lines) was seen.
  [[nodiscard]] bool started() const noexcept { return stage_ != Stage::kEmptyLines; }
  /// Ready for the next request.
  void reset() noexcept;

 private:
  enum class Stage : std::uint8_t {
    kEmptyLines,
    kMethod,
    kTarget,
    kVersion,
    kLineEnd,
    kFields,
    kDone,
    kError,
  };

  DecodeResult decode_line(const char* base, std::uint32_t size, RequestHead& head) noexcept;
  bool read_line(const char* base, std::uint32_t end, RequestHead& head) noexcept;
  bool read_empty_lines(const char* base, std::uint32_t end) noexcept;
  bool read_method(const char* base, std::uint32_t end, RequestHead& head) noexcept;
  bool read_target(const char* base, std::uint32_t end, RequestHead& head) noexcept;
  bool read_version(const char* base, std::uint32_t end, RequestHead& head) noexcept;
  bool refuse_target(const char* base, std::uint32_t at) noexcept;
  bool split_target(const char* base, RequestHead& head) noexcept;
  bool split_absolute_target(const char* base, RequestHead& head) noexcept;
  bool check_authority(const char* base, RequestHead& head) noexcept;
  DecodeResult finish(const char* base, RequestHead& head) noexcept;
  bool refuse(int status, const char* detail, std::uint32_t position) noexcept;

  Limits limits_;
  FieldSection fields_{FieldSection::Role::kRequest};
  std::uint32_t position_ = 0;  // first byte not looked at
  std::uint32_t mark_ = 0;      // where the element that is being read begins
  std::uint32_t line_begin_ = 0;
  std::uint16_t scheme_port_ = 0;  // absolute form: the scheme's default port
  Stage stage_ = Stage::kEmptyLines;
  std::uint8_t empty_lines_ = 0;
};

/// What a response must be read against (RFC 9112 §6.3).
struct ResponseContext {
  Method request_method = Method::kGet;
  bool upgrade_sent = false;  // the request went out with Connection: upgrade, so 101 may come
};

/// One response head, interim ones included. Owner: a server connection; used on its worker's
/// thread. Every refusal is 502.
class ResponseDecoder {
 public:
  explicit ResponseDecoder(const Limits& limits) noexcept : limits_(limits) {}

  /// As RequestDecoder::decode. A head with `interim` set is followed by another: reset() with the
  /// same context and show the bytes behind it.
  [[nodiscard]] DecodeResult decode(std::string_view message, ResponseHead& head) noexcept;

  [[nodiscard]] const ParseError& error() const noexcept { return fields_.error(); }
  /// Ready for the response to another request, or for the head after an interim one.
  void reset(const ResponseContext& context) noexcept;

 private:
  enum class Stage : std::uint8_t { kVersion, kStatus, kReason, kLineEnd, kFields, kDone, kError };

  bool read_line(const char* base, std::uint32_t end, ResponseHead& head) noexcept;
  /// The line that nearly all answers have, in one comparison. False: it is another, or not here.
  bool read_usual_line(const char* base, std::uint32_t end, ResponseHead& head) noexcept;
  bool read_version(const char* base, std::uint32_t end, ResponseHead& head) noexcept;
  bool read_status(const char* base, std::uint32_t end, ResponseHead& head) noexcept;
  bool read_reason(const char* base, std::uint32_t end, ResponseHead& head) noexcept;
  bool read_line_end(const char* base, std::uint32_t end) noexcept;
  DecodeResult finish(ResponseHead& head) noexcept;
  bool refuse(const char* detail, std::uint32_t position) noexcept;

  Limits limits_;
  FieldSection fields_{FieldSection::Role::kResponse};
  ResponseContext context_;
  std::uint32_t position_ = 0;
  std::uint32_t mark_ = 0;
  Stage stage_ = Stage::kVersion;
};

}  // namespace tandem::http
