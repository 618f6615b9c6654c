#include "http/chunked.h"

#include "common/check.h"
#include "common/text.h"
#include "http/field_rules.h"
#include "http/scan.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace tandem::http {
namespace {

constexpr std::uint8_t kSizeDigitsMax = 16;

int hex_value(unsigned char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  const int letter = c | 0x20;
  return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

}  // namespace

bool ChunkedDecoder::refuse(const char* detail) noexcept { return refuse(400, detail); }

bool ChunkedDecoder::refuse(int status, const char* detail) noexcept {
  error_ = ParseError{role_ == FieldSection::Role::kRequest ? status : 502, detail,
                      static_cast<std::size_t>(taken_)};
  stage_ = Stage::kError;
  return false;
}

BodyStep ChunkedDecoder::step(std::string_view in) noexcept {
  std::size_t p = 0;
  if (stage_ == Stage::kDone) return {BodyStep::Kind::kEnd, 0, {}};
  if (stage_ == Stage::kError) return {BodyStep::Kind::kError, 0, {}};
  for (; p < in.size(); ++p, ++taken_) {
    if (stage_ == Stage::kData) {
      const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, in.size() - p));
      skip_data(size);
      return {BodyStep::Kind::kData, p + size, in.substr(p, size)};
    }
    if (!take(static_cast<unsigned char>(in[p]))) [[unlikely]]
      return {BodyStep::Kind::kError, p, {}};
    if (stage_ == Stage::kDone) return {BodyStep::Kind::kEnd, p + 1, {}};
  }
  return {BodyStep::Kind::kNeedMore, p, {}};
}

void ChunkedDecoder::skip_data(std::uint64_t count) noexcept {
  TANDEM_CHECK(count <= data_left());
  left_ -= count;
  taken_ += count;
  if (stage_ == Stage::kData && left_ == 0) stage_ = Stage::kDataCr;
}

bool ChunkedDecoder::take(unsigned char c) noexcept {
  switch (stage_) {
    case Stage::kSizeFirst:
    case Stage::kSize:
      return take_size(c);
    case Stage::kExtension:
      return take_extension(c);
    case Stage::kSizeEnd:
      return take_size_end(c);
    case Stage::kDataCr:
      stage_ = Stage::kDataLf;
      return c == '\r' || refuse("chunk data without CRLF");
    case Stage::kDataLf:
      stage_ = Stage::kSizeFirst;
      left_ = 0;
      digits_ = 0;
      return c == '\n' || refuse("chunk data without CRLF");
    default:
      return take_trailer(c);
  }
}

bool ChunkedDecoder::take_size(unsigned char c) noexcept {
  if (const int digit = hex_value(c); digit >= 0) {
    if (digits_ == kSizeDigitsMax) return refuse("chunk size too long");
    const std::uint64_t size = left_ * 16 + static_cast<unsigned>(digit);
    if (size > INT64_MAX) return refuse("chunk size too large");
    left_ = size;
    ++digits_;
    stage_ = Stage::kSize;
    return true;
  }
  if (stage_ == Stage::kSizeFirst) return refuse("chunk without a size");
  if (c == '\r') {
    stage_ = Stage::kSizeEnd;
    return true;
  }
  // Blanks before ";" are the grammar's "bad whitespace", which nobody needs and smugglers use.
  if (c != ';') return refuse("forbidden byte in a chunk size");
  stage_ = Stage::kExtension;
  return true;
}

bool ChunkedDecoder::take_extension(unsigned char c) noexcept {
  if (c == '\r') {
    stage_ = Stage::kSizeEnd;
    return true;
  }
  if (!scan::is(static_cast<char>(c), scan::kValueByte))
    return refuse("control byte in a chunk extension");
  if (extension_bytes_left_ == 0) return refuse("too many bytes of chunk extensions");
  --extension_bytes_left_;
  return true;
}

bool ChunkedDecoder::take_size_end(unsigned char c) noexcept {
  stage_ = left_ > 0 ? Stage::kData : Stage::kTrailerStart;
  return c == '\n' || refuse("chunk size without CRLF");
}

bool ChunkedDecoder::take_trailer(unsigned char c) noexcept {
  if (trailer_bytes_left_ == 0) return refuse(431, "trailers too large");
  --trailer_bytes_left_;
  switch (stage_) {
    case Stage::kTrailerStart:
      trailer_name_begin_ = trailers_.size();
      if (c == '\r') {
        stage_ = Stage::kEndLf;
        return true;
      }
      stage_ = Stage::kTrailerName;
      [[fallthrough]];
    case Stage::kTrailerName:
      return take_trailer_name(static_cast<char>(c));
    case Stage::kTrailerValueStart:
      if (scan::is_blank(static_cast<char>(c))) return true;
      stage_ = Stage::kTrailerValue;
      [[fallthrough]];
    case Stage::kTrailerValue:
      return take_trailer_value(static_cast<char>(c));
    case Stage::kTrailerValueEnd:
      stage_ = Stage::kTrailerStart;
      return c == '\n' || refuse("bare CR");
    default:
      stage_ = Stage::kDone;
      return c == '\n' || refuse("bare CR");
  }
}

bool ChunkedDecoder::take_trailer_name(char c) noexcept {
  if (scan::is(c, scan::kTokenByte)) {
    trailers_.push_back(c);
    return true;
  }
  const std::string_view name = std::string_view(trailers_).substr(trailer_name_begin_);
  if (c != ':' || name.empty()) return refuse("malformed trailer name");
  if (is_forbidden_trailer(name)) return refuse("field that may not be a trailer");
  trailers_.append(": ");
  trailer_value_begin_ = trailers_.size();
  stage_ = Stage::kTrailerValueStart;
  return true;
}

bool ChunkedDecoder::take_trailer_value(char c) noexcept {
  if (c != '\r') {
    if (!scan::is(c, scan::kValueByte)) return refuse("control byte in a trailer");
    trailers_.push_back(c);
    return true;
  }
  while (trailers_.size() > trailer_value_begin_ && scan::is_blank(trailers_.back()))
    trailers_.pop_back();
  trailers_.append("\r\n");
  stage_ = Stage::kTrailerValueEnd;
  return true;
}

BodyStep BodyDecoder::step(std::string_view in) noexcept {
  if (kind_ == BodyFraming::Kind::kChunked) return chunked_->step(in);
  if (finished()) return {BodyStep::Kind::kEnd, 0, {}};
  if (in.empty()) return {};
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(data_left(), in.size()));
  skip_data(size);
  return {BodyStep::Kind::kData, size, in.substr(0, size)};
}

std::uint64_t BodyDecoder::data_left() const noexcept {
  switch (kind_) {
    case BodyFraming::Kind::kChunked:
      return chunked_->data_left();
    case BodyFraming::Kind::kUntilClose:
      return UINT64_MAX;
    default:
      return left_;
  }
}

void BodyDecoder::skip_data(std::uint64_t count) noexcept {
  TANDEM_CHECK(count <= data_left());
  if (kind_ == BodyFraming::Kind::kChunked) return chunked_->skip_data(count);
  if (kind_ == BodyFraming::Kind::kLength) left_ -= count;
}

bool BodyDecoder::finished() const noexcept {
  switch (kind_) {
    case BodyFraming::Kind::kChunked:
      return chunked_->finished();
    case BodyFraming::Kind::kUntilClose:
      return false;
    default:
      return left_ == 0;
  }
}

std::size_t write_chunk_size(char* out, std::uint64_t size) noexcept {
  char* end = std::to_chars(out, out + kChunkSizeBytesMax, size, 16).ptr;
  *end++ = '\r';
  *end++ = '\n';
  return static_cast<std::size_t>(end - out);
}

std::size_t write_last_chunk(std::span<char> out, std::string_view trailers) noexcept {
  constexpr std::string_view kZero = "0\r\n";
  const std::size_t size = kZero.size() + trailers.size() + kChunkEnd.size();
  if (size > out.size()) return 0;
  char* at = std::ranges::copy(kZero, out.data()).out;
  at = std::ranges::copy(trailers, at).out;
  std::ranges::copy(kChunkEnd, at);
  return size;
}

}  // namespace tandem::http
