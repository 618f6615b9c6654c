#include "http/field_rules.h"
#include "http/h1_decoder.h"
#include "http/scan.h"
#include "http/version.h"

#include <algorithm>

namespace tandem::http {
namespace {

constexpr std::uint32_t kStatusDigits = 3;
constexpr std::uint16_t kSwitchingProtocols = 101;
constexpr std::uint16_t kNoContent = 204;
constexpr std::uint16_t kNotModified = 304;

}  // namespace

void ResponseDecoder::reset(const ResponseContext& context) noexcept {
  context_ = context;
  fields_.begin(0);
  position_ = mark_ = 0;
  stage_ = Stage::kVersion;
}

bool ResponseDecoder::refuse(const char* detail, std::uint32_t position) noexcept {
  fields_.fail(502, detail, position);
  stage_ = Stage::kError;
  return false;
}

DecodeResult ResponseDecoder::decode(std::string_view message, ResponseHead& head) noexcept {
  const char* base = message.data();
  const auto size =
      static_cast<std::uint32_t>(std::min<std::size_t>(message.size(), limits_.head_bytes_max));
  if (stage_ == Stage::kVersion && position_ == 0) head.clear();
  const bool has_line = read_line(base, size, head);
  if (stage_ == Stage::kError) return DecodeResult::kError;
  if (stage_ == Stage::kDone) return DecodeResult::kDone;
  const FieldSection::Seen seen =
      has_line ? fields_.read(base, size, limits_.fields_max, head) : FieldSection::Seen::kNeedMore;
  if (seen == FieldSection::Seen::kEnd) return finish(head);
  if (seen == FieldSection::Seen::kNeedMore && size < limits_.head_bytes_max)
    return DecodeResult::kNeedMore;
  if (seen == FieldSection::Seen::kNeedMore) refuse("head too large", size);
  stage_ = Stage::kError;
  return DecodeResult::kError;
}

bool ResponseDecoder::read_line(const char* base, std::uint32_t end, ResponseHead& head) noexcept {
  switch (stage_) {
    case Stage::kVersion:
      if (position_ == 0 && read_usual_line(base, end, head)) return true;
      if (!read_version(base, end, head)) return false;
      [[fallthrough]];
    case Stage::kStatus:
      if (!read_status(base, end, head)) return false;
      [[fallthrough]];
    case Stage::kReason:
      if (!read_reason(base, end, head)) return false;
      [[fallthrough]];
    case Stage::kLineEnd:
      return read_line_end(base, end);
    default:
      return true;
  }
}

bool ResponseDecoder::read_usual_line(const char* base, std::uint32_t end,
                                      ResponseHead& head) noexcept {
  constexpr std::string_view kUsual = "HTTP/1.1 200 OK\r\n";
  if (!std::string_view(base, end).starts_with(kUsual)) return false;
  constexpr std::string_view kReason = "OK";
  constexpr auto kReasonAt = static_cast<std::uint32_t>(kUsual.find(kReason));
  head.status = 200;  // the version is 11 unless another is read
  head.reason = {kReasonAt, kReason.size()};
  position_ = kUsual.size() - 1;
  fields_.begin(kUsual.size());
  stage_ = Stage::kFields;
  return true;
}

bool ResponseDecoder::read_version(const char* base, std::uint32_t end,
                                   ResponseHead& head) noexcept {
  if (position_ < kVersionBytes) {
    switch (read_version_bytes(base, 0, end, position_, head.version)) {
      case VersionStep::kNeedMore:
        return false;
      case VersionStep::kMalformed:
        return refuse("malformed version", position_);
      case VersionStep::kUnknown:
        return refuse("unknown major version", position_);
      case VersionStep::kDone:
        break;
    }
  }
  if (position_ == end) return false;
  if (base[position_] != ' ') return refuse("no space behind the version", position_);
  mark_ = ++position_;
  stage_ = Stage::kStatus;
  return true;
}

bool ResponseDecoder::read_status(const char* base, std::uint32_t end,
                                  ResponseHead& head) noexcept {
  for (; position_ < end && position_ - mark_ < kStatusDigits; ++position_) {
    const char c = base[position_];
    const bool is_class = position_ != mark_ || (c >= '1' && c <= '5');
    if (c < '0' || c > '9' || !is_class) return refuse("invalid status", position_);
    head.status = static_cast<std::uint16_t>(head.status * 10 + (c - '0'));
  }
  if (position_ == end) return false;
  // The space is the grammar's even before an empty phrase; servers that leave both away are many
  // and clear enough.
  const char c = base[position_];
  if (c != ' ' && c != '\r') return refuse("forbidden byte behind the status", position_);
  mark_ = position_ += c == ' ' ? 1 : 0;
  stage_ = Stage::kReason;
  return true;
}

bool ResponseDecoder::read_reason(const char* base, std::uint32_t end,
                                  ResponseHead& head) noexcept {
  const std::uint32_t p = position_ = scan::value_end(base, position_, end);
  if (p == end) return false;
  if (base[p] != '\r')
    return refuse(base[p] == '\n' ? "bare LF" : "control byte in the reason phrase", p);
  head.reason = {mark_, p - mark_};
  ++position_;
  stage_ = Stage::kLineEnd;
  return true;
}

bool ResponseDecoder::read_line_end(const char* base, std::uint32_t end) noexcept {
  if (position_ == end) return false;
  if (base[position_] != '\n') return refuse("bare CR", position_);
  fields_.begin(position_ + 1);
  stage_ = Stage::kFields;
  return true;
}

DecodeResult ResponseDecoder::finish(ResponseHead& head) noexcept {
  using Kind = BodyFraming::Kind;
  const FieldList& fields = head.fields;
  head.head_bytes = fields_.position();
  head.length_as_is = fields_.length_as_is();
  head.interim = head.status < 200 && head.status != kSwitchingProtocols;
  if (head.status == kSwitchingProtocols) {
    const bool asked = context_.upgrade_sent && fields.has(FieldId::kUpgrade);
    if (!asked && !refuse("101 that was not asked for", 0)) return DecodeResult::kError;
    head.upgrade = true;
  }
  const bool has_length = fields.has(FieldId::kContentLength);
  const bool is_announcement =
      context_.request_method == Method::kHead || head.status == kNotModified;
  // The rules of RFC 9112 §6.3 in their order. Lengths on 1xx and 204 mean nothing and end here.
  if (head.status < 200 || head.status == kNoContent || is_announcement) {
    if (has_length && is_announcement && head.status >= 200 && head.status != kNoContent)
      head.announced_length = fields_.length();
  } else if (fields.has(FieldId::kTransferEncoding)) {
    head.framing = {.kind = Kind::kChunked};
  } else if (has_length) {
    head.framing = {.kind = Kind::kLength, .length = fields_.length()};
  } else {
    head.framing = {.kind = Kind::kUntilClose};
  }
  head.keep_alive =
      fields_.keep_alive(head.version) && head.framing.kind != Kind::kUntilClose && !head.upgrade;
  stage_ = Stage::kDone;
  return DecodeResult::kDone;
}

}  // namespace tandem::http
