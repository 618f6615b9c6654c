#include "http/h1_encoder.h"

#include "common/text.h"
#include "http/hop_fields.h"
#include "http/scan.h"
#include "http/writer.h"

#include <algorithm>
#include <array>

namespace tandem::http {
namespace {

/// What the encoders may write of their own beside the edits: version, Connection with all its
/// options, one framing field, the names of Host and X-Forwarded-For, the end.
constexpr std::size_t kOwnBytesMax = 256;

/// Fields that are never copied: they end at this hop, or are written anew. Content-Length may be,
/// see length_stands().
constexpr FieldMask kNeverCopied = kHopFields | mask(FieldId::kContentLength);

std::size_t edits_bound(std::span<const AddedField> added) noexcept {
  std::size_t bytes = 0;
  for (const AddedField& field : added)
    bytes += field.name.size() + field.value.size() + kFieldFrameBytes;
  return bytes;
}

/// Largest size of the fields of `head` when all are kept: "a:b" grows by one byte.
std::size_t head_bound(const MessageHead& head) noexcept {
  return std::size_t{head.head_bytes} + head.fields.size() + kOwnBytesMax;
}

bool is_among(std::span<const std::string_view> names, std::string_view name) noexcept {
  return std::ranges::any_of(
      names, [name](std::string_view other) { return equals_ignoring_case(name, other); });
}

/// put_fields() for a section that can be copied as it stands, but for the fields left out.
void put_plain_fields(Writer& out, const char* base, const FieldList& fields,
                      std::uint32_t dropped) noexcept {
  if (fields.size() == 0) return;
  std::uint32_t begin = fields[0].name.offset;
  if (fields.has_any(dropped)) {
    for (const Field& field : fields) {
      if ((dropped & mask(field.id)) == 0) continue;
      out.put(base + begin, field.name.offset - begin);
      begin = field.value.end() + 2;
    }
  }
  out.put(base + begin, fields[fields.size() - 1].value.end() + 2 - begin);
}

/// Writes the fields that stay. Neighbours that already stand as we would write them, byte by byte
/// checked by the decoder, are copied in one go.
void put_fields(Writer& out, const char* base, const FieldList& fields, std::uint32_t dropped,
                std::span<const std::string_view> removed) noexcept {
  if (fields.is_plain() && removed.empty()) [[likely]]
    return put_plain_fields(out, base, fields, dropped);
  std::uint32_t run_begin = 0;
  std::uint32_t run_end = 0;
  for (const Field& field : fields) {
    if ((dropped & mask(field.id)) != 0 || field.named_by_connection) continue;
    if (!removed.empty() && is_among(removed, field.name.in(base))) [[unlikely]]
      continue;
    if (field.canonical && field.name.offset == run_end) [[likely]] {
      run_end = field.value.end() + 2;
      continue;
    }
    out.put(base + run_begin, run_end - run_begin);
    run_begin = run_end = field.name.offset;
    if (field.canonical)
      run_end = field.value.end() + 2;
    else
      out.put_field(field.name.in(base), field.value.in(base));
  }
  out.put(base + run_begin, run_end - run_begin);
}

void put_added(Writer& out, std::span<const AddedField> added) noexcept {
  for (const AddedField& field : added) out.put_field(field.name, field.value);
}

/// The field that the head came with says what `framing` does, to the byte: it may stay where it
/// is.
bool length_stands(const MessageHead& head, const BodyFraming& framing,
                   std::span<const std::string_view> removed) noexcept {
  return head.length_as_is && removed.empty() && framing.kind == BodyFraming::Kind::kLength &&
         framing == head.framing;
}

void put_framing(Writer& out, const BodyFraming& framing) noexcept {
  if (framing.kind == BodyFraming::Kind::kChunked) {
    out.put_literal("Transfer-Encoding: chunked\r\n");
  } else if (framing.kind == BodyFraming::Kind::kLength) {
    out.put_literal("Content-Length: ");
    out.put_number(framing.length);
    out.put_literal("\r\n");
  }
}

void put_request_line(Writer& out, const char* base, const RequestHead& head) noexcept {
  const Slice& method = head.method_name;
  if (head.form == TargetForm::kOrigin && head.path.offset == method.end() + 1) [[likely]] {
    out.put(base + method.offset, head.path.end() - method.offset);
  } else {
    out.put(method.in(base));
    out.put_literal(" ");
    const std::string_view path = head.path_and_query(base);
    if (path.starts_with('?')) out.put_literal("/");
    out.put(path);
  }
  out.put_literal(" HTTP/1.1\r\n");
}

void put_status_line(Writer& out, const char* base, const ResponseHead& head) noexcept {
  out.put_literal("HTTP/1.1 ");
  constexpr std::uint16_t kDigitsFrom = 100;
  const char digits[] = {static_cast<char>('0' + head.status / kDigitsFrom),
                         static_cast<char>('0' + head.status / 10 % 10),
                         static_cast<char>('0' + head.status % 10), ' '};
  out.put(digits, sizeof digits);
  out.put(head.reason.in(base));
  out.put_literal("\r\n");
}

void put_request_connection(Writer& out, bool upgrade, bool close, bool trailers) noexcept {
  if (!upgrade && !close && !trailers) [[likely]]
    return;
  out.put_literal("Connection: ");
  if (upgrade)
    out.put_literal("upgrade");
  else if (close)
    out.put_literal("close");
  if (trailers && (upgrade || close)) out.put_literal(", ");
  if (trailers) out.put_literal("TE\r\nTE: trailers");
  out.put_literal("\r\n");
}

}  // namespace

bool accepts_trailers(const char* base, const RequestHead& head) noexcept {
  if (!head.fields.has(FieldId::kTe) || head.version < 11) return false;
  for (const Field& field : head.fields) {
    if (field.id != FieldId::kTe) continue;
    std::string_view list = field.value.in(base);
    while (!list.empty())
      if (scan::is_token(scan::next_member(list), "trailers")) return true;
  }
  return false;
}

BodyFraming framing_for_client(const ResponseHead& head, std::uint8_t client_version) noexcept {
  using Kind = BodyFraming::Kind;
  if (head.framing.kind == Kind::kChunked && client_version < 11)
    return {.kind = Kind::kUntilClose};
  if (head.framing.kind == Kind::kUntilClose && client_version >= 11)
    return {.kind = Kind::kChunked};
  return head.framing;
}

std::size_t request_bytes_bound(const RequestHead& head, const RequestEdits& edits) noexcept {
  return head_bound(head) + edits.forwarded_for.size() + edits.authority.size() +
         edits.missing_host.size() + edits_bound(edits.added);
}

std::optional<std::size_t> encode_request(std::span<char> out, const char* base,
                                          const RequestHead& head,
                                          const RequestEdits& edits) noexcept {
  if (out.size() < request_bytes_bound(head, edits)) return std::nullopt;
  const bool upgrade = edits.keep_upgrade && head.upgrade;
  const bool chunked = head.framing.kind == BodyFraming::Kind::kChunked;
  const bool has_host = head.fields.has(FieldId::kHost);
  // The target's authority replaces Host (RFC 9112 §3.2.2), also one that only spells it otherwise.
  const bool new_host =
      !has_host || !edits.authority.empty() || head.target.offset != head.path.offset;
  std::uint32_t dropped = kNeverCopied;
  if (!upgrade) dropped |= mask(FieldId::kUpgrade);
  if (!chunked) dropped |= mask(FieldId::kTrailer);
  if (new_host) dropped |= mask(FieldId::kHost);
  if (edits.drop_expect) dropped |= mask(FieldId::kExpect);
  const bool keep_length = length_stands(head, head.framing, edits.removed);
  if (keep_length) dropped &= ~mask(FieldId::kContentLength);

  Writer writer(out.data());
  put_request_line(writer, base, head);
  if (new_host) {
    std::string_view host = edits.authority.empty() ? head.authority.in(base) : edits.authority;
    writer.put_field("Host", host.empty() ? edits.missing_host : host);
  }
  put_fields(writer, base, head.fields, dropped, edits.removed);
  if (!keep_length) put_framing(writer, head.framing);
  put_request_connection(writer, upgrade, edits.close && !upgrade, accepts_trailers(base, head));
  put_added(writer, edits.added);
  if (!edits.forwarded_for.empty()) writer.put_field("X-Forwarded-For", edits.forwarded_for);
  writer.put_literal("\r\n");
  return writer.size();
}

std::size_t response_bytes_bound(const ResponseHead& head, const ResponseEdits& edits) noexcept {
  return head_bound(head) + edits_bound(edits.added);
}

std::optional<std::size_t> encode_response(std::span<char> out, const char* base,
                                           const ResponseHead& head,
                                           const ResponseEdits& edits) noexcept {
  if (out.size() < response_bytes_bound(head, edits)) return std::nullopt;
  using Connection = ResponseEdits::Connection;
  const bool upgrade = edits.keep_upgrade && head.upgrade;
  std::uint32_t dropped = kNeverCopied;
  if (!upgrade) dropped |= mask(FieldId::kUpgrade);
  if (edits.framing.kind != BodyFraming::Kind::kChunked) dropped |= mask(FieldId::kTrailer);
  const bool keep_length = length_stands(head, edits.framing, edits.removed);
  if (keep_length) dropped &= ~mask(FieldId::kContentLength);

  Writer writer(out.data());
  put_status_line(writer, base, head);
  put_fields(writer, base, head.fields, dropped, edits.removed);
  if (head.announced_length)
    put_framing(writer, {.kind = BodyFraming::Kind::kLength, .length = *head.announced_length});
  else if (!keep_length)
    put_framing(writer, edits.framing);
  // What ends with the close must say so, whatever the caller meant to do with the connection.
  if (upgrade)
    writer.put_literal("Connection: upgrade\r\n");
  else if (edits.connection == Connection::kClose ||
           edits.framing.kind == BodyFraming::Kind::kUntilClose)
    writer.put_literal("Connection: close\r\n");
  else if (edits.connection == Connection::kKeepAlive)
    writer.put_literal("Connection: keep-alive\r\n");
  put_added(writer, edits.added);
  writer.put_literal("\r\n");
  return writer.size();
}

}  // namespace tandem::http
