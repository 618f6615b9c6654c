#include "http/field_rules.h"
#include "http/h1_decoder.h"
#include "http/scan.h"
#include "http/version.h"

#include <algorithm>

namespace tandem::http {
namespace {

constexpr std::uint8_t kEmptyLinesMax = 2;
/// No registered method is half as long (RFC 9112 §3: answer 501 to longer ones).
constexpr std::uint32_t kMethodBytesMax = 32;
constexpr std::uint32_t kCrLf = 2;

}  // namespace

void RequestDecoder::reset() noexcept {
  fields_.begin(0);
  position_ = mark_ = line_begin_ = 0;
  scheme_port_ = 0;
  stage_ = Stage::kEmptyLines;
  empty_lines_ = 0;
}

bool RequestDecoder::refuse(int status, const char* detail, std::uint32_t position) noexcept {
  fields_.fail(status, detail, position);
  stage_ = Stage::kError;
  return false;
}

DecodeResult RequestDecoder::decode(std::string_view message, RequestHead& head) noexcept {
  const char* base = message.data();
  const auto size =
      static_cast<std::uint32_t>(std::min<std::size_t>(message.size(), limits_.head_bytes_max));
  if (stage_ < Stage::kFields) {
    const DecodeResult line = decode_line(base, size, head);
    if (line != DecodeResult::kDone) return line;
  }
  if (stage_ != Stage::kFields) [[unlikely]]
    return stage_ == Stage::kDone ? DecodeResult::kDone : DecodeResult::kError;
  switch (fields_.read(base, size, limits_.fields_max, head)) {
    case FieldSection::Seen::kEnd:
      return finish(base, head);
    case FieldSection::Seen::kNeedMore:
      if (size < limits_.head_bytes_max) return DecodeResult::kNeedMore;
      refuse(431, "head too large", size);
      return DecodeResult::kError;
    case FieldSection::Seen::kError:
      break;
  }
  stage_ = Stage::kError;
  return DecodeResult::kError;
}

DecodeResult RequestDecoder::decode_line(const char* base, std::uint32_t size,
                                         RequestHead& head) noexcept {
  if (stage_ == Stage::kEmptyLines) {
    if (position_ == 0) head.clear();
    if (!read_empty_lines(base, size))
      return stage_ == Stage::kError ? DecodeResult::kError : DecodeResult::kNeedMore;
  }
  const std::uint64_t line_end_max = std::min<std::uint64_t>(
      std::uint64_t{line_begin_} + limits_.line_bytes_max + kCrLf, limits_.head_bytes_max);
  const auto end = static_cast<std::uint32_t>(std::min<std::uint64_t>(size, line_end_max));
  if (read_line(base, end, head)) [[likely]]
    return DecodeResult::kDone;
  if (stage_ != Stage::kError && end == line_end_max) refuse(414, "request line too long", end);
  return stage_ == Stage::kError ? DecodeResult::kError : DecodeResult::kNeedMore;
}

bool RequestDecoder::read_empty_lines(const char* base, std::uint32_t end) noexcept {
  std::uint32_t p = position_;
  for (; p < end; ++p) {
    const bool inside = mark_ != p;  // behind the CR of an empty line
    if (inside && base[p] != '\n') return refuse(400, "bare CR", p);
    if (inside) {
      mark_ = p + 1;
      continue;
    }
    if (base[p] == '\n') return refuse(400, "bare LF", p);
    if (base[p] != '\r') break;
    if (++empty_lines_ > kEmptyLinesMax) return refuse(400, "too many empty lines", p);
  }
  position_ = p;
  if (p == end) return false;
  line_begin_ = mark_ = p;
  stage_ = Stage::kMethod;
  return true;
}

bool RequestDecoder::read_line(const char* base, std::uint32_t end, RequestHead& head) noexcept {
  switch (stage_) {
    case Stage::kMethod:
      if (!read_method(base, end, head)) return false;
      [[fallthrough]];
    case Stage::kTarget:
      if (!read_target(base, end, head)) return false;
      [[fallthrough]];
    case Stage::kVersion:
      if (!read_version(base, end, head)) return false;
      [[fallthrough]];
    case Stage::kLineEnd:
      if (position_ == end) return false;
      if (base[position_] != '\n') return refuse(400, "bare CR", position_);
      fields_.begin(position_ + 1);
      stage_ = Stage::kFields;
      return true;
    default:
      return true;
  }
}

bool RequestDecoder::read_method(const char* base, std::uint32_t end, RequestHead& head) noexcept {
  constexpr std::uint32_t kGetBytes = 3;
  if (position_ == line_begin_ && end - position_ > kGetBytes &&
      scan::load<std::uint32_t>(base + position_) == scan::load<std::uint32_t>("GET ")) [[likely]] {
    head.method_name = {line_begin_, kGetBytes};
    head.method = Method::kGet;
    position_ = mark_ = line_begin_ + kGetBytes + 1;
    stage_ = Stage::kTarget;
    return true;
  }
  const std::uint32_t p = position_ = scan::word_end(base, position_, end, scan::kTokenByte);
  if (p - line_begin_ > kMethodBytesMax)
    return refuse(501, "method too long", line_begin_ + kMethodBytesMax);
  if (p == end) return false;
  if (base[p] != ' ' || p == line_begin_) {
    if (base[p] == '\n') return refuse(400, "bare LF", p);
    return refuse(400, p == line_begin_ ? "no method" : "forbidden byte in the method", p);
  }
  head.method_name = {line_begin_, p - line_begin_};
  head.method = method_from(head.method_name.in(base));
  if (head.method == Method::kConnect) return refuse(405, "CONNECT", p);
  position_ = mark_ = p + 1;
  stage_ = Stage::kTarget;
  return true;
}

bool RequestDecoder::refuse_target(const char* base, std::uint32_t at) noexcept {
  switch (base[at]) {
    case ' ':
      return refuse(400, "no request target", at);
    case '#':
      return refuse(400, "fragment in the request target", at);
    case '\n':
      return refuse(400, "bare LF", at);
    case '\r':
      return refuse(400, "request line without a version", at);
    default:
      return refuse(400, "forbidden byte in the request target", at);
  }
}

bool RequestDecoder::read_target(const char* base, std::uint32_t end, RequestHead& head) noexcept {
  const std::uint32_t p = position_ = scan::target_end(base, position_, end);
  if (p == end) return false;
  if (base[p] != ' ' || p == mark_) return refuse_target(base, p);
  head.target = {mark_, p - mark_};
  if (!split_target(base, head)) return false;
  position_ = mark_ = p + 1;
  stage_ = Stage::kVersion;
  return true;
}

bool RequestDecoder::split_target(const char* base, RequestHead& head) noexcept {
  const std::string_view target = head.target.in(base);
  if (target.front() == '/') [[likely]] {
    head.form = TargetForm::kOrigin;
    head.path = head.target;
    return true;
  }
  if (target == "*" && head.method == Method::kOptions) {
    head.form = TargetForm::kAsterisk;
    head.path = head.target;
    return true;
  }
  return split_absolute_target(base, head);
}

bool RequestDecoder::split_absolute_target(const char* base, RequestHead& head) noexcept {
  const std::string_view target = head.target.in(base);
  const std::size_t colon = target.find("://");
  const std::string_view scheme = target.substr(0, colon == std::string_view::npos ? 0 : colon);
  if (scan::is_token(scheme, "http")) {
    scheme_port_ = 80;
  } else if (scan::is_token(scheme, "https")) {
    scheme_port_ = 443;
  } else {
    return refuse(400, "invalid request target", head.target.offset);
  }
  const std::size_t begin = colon + 3;
  const std::size_t end = std::min(target.find_first_of("/?", begin), target.size());
  const auto offset = static_cast<std::uint32_t>(head.target.offset + begin);
  if (!is_valid_authority(target.substr(begin, end - begin)))
    return refuse(400, "invalid authority in the request target", offset);
  head.authority = {offset, static_cast<std::uint32_t>(end - begin)};
  head.path = {head.authority.end(), static_cast<std::uint32_t>(target.size() - end)};
  // OPTIONS for a whole server has no path in this form (RFC 9112 §3.2.4).
  head.form = head.path.empty() && head.method == Method::kOptions ? TargetForm::kAsterisk
                                                                   : TargetForm::kAbsolute;
  return true;
}

bool RequestDecoder::read_version(const char* base, std::uint32_t end, RequestHead& head) noexcept {
  if (position_ < mark_ + kVersionBytes) {
    switch (read_version_bytes(base, mark_, end, position_, head.version)) {
      case VersionStep::kNeedMore:
        return false;
      case VersionStep::kMalformed:
        return refuse(400, "malformed version", position_);
      case VersionStep::kUnknown:
        return refuse(505, "unknown major version", position_);
      case VersionStep::kDone:
        break;
    }
  }
  if (position_ == end) return false;
  if (base[position_] == '\n') return refuse(400, "bare LF", position_);
  if (base[position_] != '\r') return refuse(400, "forbidden byte behind the version", position_);
  ++position_;
  stage_ = Stage::kLineEnd;
  return true;
}

bool RequestDecoder::check_authority(const char* base, RequestHead& head) noexcept {
  if (!head.fields.has(FieldId::kHost))
    return head.version < 11 || refuse(400, "no Host", fields_.position());
  const Slice host = fields_.host();
  if (scheme_port_ == 0) {
    head.authority = host;
    return true;
  }
  // A proxy may let the target win (RFC 9112 §3.2.2), but rules and servers that look at different
  // ones of the two would be led apart.
  return same_authority(host.in(base), head.authority.in(base), scheme_port_) ||
         refuse(400, "Host disagrees with the request target", host.offset);
}

DecodeResult RequestDecoder::finish(const char* base, RequestHead& head) noexcept {
  if (!check_authority(base, head)) return DecodeResult::kError;
  const FieldList& fields = head.fields;
  if (fields.has(FieldId::kTransferEncoding))
    head.framing = {.kind = BodyFraming::Kind::kChunked};
  else if (fields.has(FieldId::kContentLength))
    head.framing = {.kind = BodyFraming::Kind::kLength, .length = fields_.length()};
  head.keep_alive = fields_.keep_alive(head.version);
  head.length_as_is = fields_.length_as_is();
  head.head_bytes = fields_.position();
  if (head.version >= 11) {
    const Field* expect = head.find(FieldId::kExpect);
    head.expect_continue =
        expect != nullptr && scan::is_token(expect->value.in(base), "100-continue");
    head.upgrade = fields_.has_upgrade_option() && head.framing.is_empty() &&
                   upgrade_may_pass(base, head.fields);
  }
  stage_ = Stage::kDone;
  return DecodeResult::kDone;
}

}  // namespace tandem::http
