#include "http/field_section.h"

#include "common/text.h"
#include "http/field_rules.h"
#include "http/scan.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

namespace tandem::http {

using scan::is_blank;

namespace {

/// Fields, without their ids, of the lines at `line` that are complete and written as everyone
/// writes them; `line` moves behind them. It calls nothing, so that all its constants stay in
/// registers: this loop sees every byte of every head.
std::span<Field> find_plain_lines(const char* base, const char*& line, const char* end,
                                  std::span<Field> places) noexcept {
  std::size_t count = 0;
  for (; count < places.size() && line != end; ++count) {
    if (*line == '\r') break;
    const char* const colon = scan::name_end(line, end);
    constexpr std::ptrdiff_t kLeastBehindName = 4;  // ": " CRLF, or ":" byte CRLF
    if (end - colon < kLeastBehindName || *colon != ':' || colon == line) break;
    const bool has_space = colon[1] == ' ';
    const char* const value = colon + 1 + has_space;
    const char* const stop = scan::value_end(value, end);
    if (end - stop < 2 || scan::load<std::uint16_t>(stop) != scan::load<std::uint16_t>("\r\n"))
      break;
    if (is_blank(*value) || is_blank(stop[-1])) break;
    Field& field = places[count];
    field.name.offset = static_cast<std::uint32_t>(line - base);
    field.name.length = static_cast<std::uint32_t>(colon - line);
    field.value.offset = static_cast<std::uint32_t>(value - base);
    field.value.length = static_cast<std::uint32_t>(stop - value);
    field.named_by_connection = false;
    field.canonical = has_space;
    line = stop + 2;
  }
  return places.first(count);
}

}  // namespace

void FieldSection::begin(std::uint32_t position) noexcept {
  error_ = ParseError{};
  length_ = 0;
  position_ = name_begin_ = position;
  host_ = Slice{};
  stage_ = Stage::kName;
  nominations_ = 0;
  length_as_is_ = false;
  has_close_ = has_keep_alive_ = has_upgrade_option_ = false;
}

FieldSection::Seen FieldSection::fail(int status, const char* detail,
                                      std::uint32_t position) noexcept {
  error_ = ParseError{role_ == Role::kRequest ? status : 502, detail, position};
  return Seen::kError;
}

FieldSection::Seen FieldSection::refuse_name(const char* base, std::uint32_t at,
                                             const FieldList& fields) noexcept {
  const char c = base[at];
  if (c == '\n') return fail(400, "bare LF", at);
  if (is_blank(c) && at != name_begin_) return fail(400, "whitespace behind a field name", at);
  if (is_blank(c))
    return fail(400, fields.size() == 0 ? "whitespace before the first field" : "obsolete folding",
                at);
  if (c == ':') return fail(400, "empty field name", at);
  if (c == '\r') return fail(400, "field line without a colon", at);
  return fail(400, "forbidden byte in a field name", at);
}

FieldSection::Seen FieldSection::refuse_value(const char* base, std::uint32_t at) noexcept {
  if (base[at] == '\n') return fail(400, "bare LF", at);
  return fail(400, "control byte in a field value", at);
}

bool FieldSection::read_plain_lines(const char* base, std::uint32_t size, std::uint32_t fields_max,
                                    MessageHead& head) noexcept {
  const char* line = base + name_begin_;
  const std::span<Field> places = head.fields.free_places();
  const std::uint32_t wanted = fields_max - std::min(fields_max, head.fields.size());
  const std::span<Field> found = find_plain_lines(
      base, line, base + size, places.first(std::min<std::size_t>(wanted, places.size())));
  for (Field& field : found) {
    field.id = field_id(field.name.in(base));
    if (field.id != FieldId::kOther && !take_special(base, field, head)) [[unlikely]]
      return false;
    head.fields.take_place();
  }
  position_ = name_begin_ = static_cast<std::uint32_t>(line - base);
  return true;
}

FieldSection::Seen FieldSection::read(const char* base, std::uint32_t end, std::uint32_t fields_max,
                                      MessageHead& head) noexcept {
  const bool at_line = stage_ == Stage::kName && position_ == name_begin_;
  if (at_line && !read_plain_lines(base, end, fields_max, head)) return Seen::kError;
  if (stage_ == Stage::kName && end - position_ >= 2 && position_ == name_begin_ &&
      scan::load<std::uint16_t>(base + position_) == scan::load<std::uint16_t>("\r\n")) [[likely]]
    return finish(base, position_ + 2, head);
  std::uint32_t p = position_;
  while (p < end) {
    switch (stage_) {
      case Stage::kName:
        p = scan::word_end(base, p, end, scan::kTokenByte);
        if (p == end) break;
        if (base[p] != ':' || p == name_begin_) [[unlikely]] {
          if (base[p] != '\r' || p != name_begin_) return refuse_name(base, p, head.fields);
          ++p;
          stage_ = Stage::kHeadEnd;
          break;
        }
        name_end_ = p++;
        stage_ = Stage::kValueStart;
        [[fallthrough]];
      case Stage::kValueStart:
        while (p < end && is_blank(base[p])) ++p;
        if (p == end) break;
        value_begin_ = p;
        stage_ = Stage::kValue;
        [[fallthrough]];
      case Stage::kValue:
        p = scan::value_end(base, p, end);
        if (p == end) break;
        if (base[p] != '\r') [[unlikely]]
          return refuse_value(base, p);
        ++p;
        stage_ = Stage::kValueEnd;
        if (p == end) break;
        [[fallthrough]];
      case Stage::kValueEnd:
        if (base[p] != '\n') [[unlikely]]
          return fail(400, "bare CR", p);
        if (!take_line(base, p - 1, fields_max, head)) [[unlikely]]
          return Seen::kError;
        name_begin_ = ++p;
        stage_ = Stage::kName;
        break;
      case Stage::kHeadEnd:
        if (base[p] != '\n') [[unlikely]]
          return fail(400, "bare CR", p);
        return finish(base, p + 1, head);
    }
  }
  position_ = p;
  return Seen::kNeedMore;
}

FieldSection::Seen FieldSection::finish(const char* base, std::uint32_t position,
                                        MessageHead& head) noexcept {
  position_ = position;
  if (nominations_ > 0) mark_nominated_fields(base, head.fields);
  return Seen::kEnd;
}

bool FieldSection::take_line(const char* base, std::uint32_t line_end, std::uint32_t fields_max,
                             MessageHead& head) noexcept {
  std::uint32_t value_end = line_end;
  while (value_end > value_begin_ && is_blank(base[value_end - 1])) --value_end;
  const Slice name{name_begin_, name_end_ - name_begin_};
  const Field field{.name = name,
                    .value = {value_begin_, value_end - value_begin_},
                    .id = field_id(name.in(base)),
                    .named_by_connection = false,
                    .canonical = value_end == line_end && value_begin_ == name_end_ + 2 &&
                                 base[name_end_ + 1] == ' '};
  if (head.fields.size() >= fields_max) [[unlikely]] {
    fail(431, "too many fields", name_begin_);
    return false;
  }
  if (field.id != FieldId::kOther && !take_special(base, field, head)) [[unlikely]]
    return false;
  if (!head.fields.push(field)) [[unlikely]] {
    fail(431, "too many fields", name_begin_);
    return false;
  }
  return true;
}

bool FieldSection::take_special(const char* base, const Field& field,
                                const MessageHead& head) noexcept {
  switch (field.id) {
    case FieldId::kConnection:
      return take_connection(base, field);
    case FieldId::kContentLength:
      return take_length(base, field, head.fields);
    case FieldId::kTransferEncoding:
      return take_coding(base, field, head);
    case FieldId::kHost:
      return role_ == Role::kResponse || take_host(base, field, head.fields);
    default:
      return true;
  }
}

bool FieldSection::take_connection(const char* base, const Field& field) noexcept {
  std::string_view list = field.value.in(base);
  if (scan::is_token(list, "keep-alive")) [[likely]] {
    has_keep_alive_ = true;
    return true;
  }
  while (!list.empty()) {
    const std::string_view option = scan::next_member(list);
    if (scan::is_token(option, "close")) {
      has_close_ = true;
    } else if (scan::is_token(option, "keep-alive")) {
      has_keep_alive_ = true;
    } else if (scan::is_token(option, "upgrade")) {
      has_upgrade_option_ = true;
    } else if (names_a_field(option) && ++nominations_ > kNominationsMax) {
      fail(400, "too many options in Connection", field.value.offset);
      return false;
    }
  }
  return true;
}

bool FieldSection::take_length(const char* base, const Field& field,
                               const FieldList& fields) noexcept {
  // Two parsers that count a body differently are what request smuggling is made of, so even a
  // repeated equal value is refused (RFC 9110 §8.6 allows that).
  const std::optional<std::uint64_t> length = content_length(field.value.in(base));
  if (!length) {
    fail(400, "invalid Content-Length", field.value.offset);
  } else if (fields.has(FieldId::kContentLength)) {
    fail(400, "repeated Content-Length", field.name.offset);
  } else if (fields.has(FieldId::kTransferEncoding)) {
    fail(400, "Content-Length beside Transfer-Encoding", field.name.offset);
  } else {
    length_ = *length;
    length_as_is_ = field.value.length == 1 || base[field.value.offset] != '0';
    return true;
  }
  return false;
}

bool FieldSection::take_coding(const char* base, const Field& field,
                               const MessageHead& head) noexcept {
  const Coding coding = transfer_coding(field.value.in(base));
  if (head.version < 11) {
    fail(400, "Transfer-Encoding in HTTP/1.0", field.name.offset);
  } else if (coding == Coding::kUnknown) {
    fail(501, "unknown transfer coding", field.value.offset);
  } else if (coding == Coding::kInvalid) {
    fail(400, "invalid Transfer-Encoding", field.value.offset);
  } else if (head.fields.has(FieldId::kTransferEncoding)) {
    fail(400, "repeated Transfer-Encoding", field.name.offset);
  } else if (head.fields.has(FieldId::kContentLength)) {
    fail(400, "Transfer-Encoding beside Content-Length", field.name.offset);
  } else {
    return true;
  }
  return false;
}

bool FieldSection::take_host(const char* base, const Field& field,
                             const FieldList& fields) noexcept {
  if (fields.has(FieldId::kHost)) {
    fail(400, "repeated Host", field.name.offset);
  } else if (!is_valid_authority(field.value.in(base))) {
    fail(400, "invalid Host", field.value.offset);
  } else {
    host_ = field.value;
    return true;
  }
  return false;
}

}  // namespace tandem::http
