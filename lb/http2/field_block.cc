#include "lb/http2/field_block.h"

#include "common/text.h"
#include "http/hop_fields.h"

#include <algorithm>
#include <charconv>

namespace tandem::lb::http2 {
namespace {

constexpr std::size_t kBlockBytes = 4096;
constexpr std::size_t kDigitsMax = 20;

std::uint8_t* bytes_of(std::string_view text) noexcept {
  return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
}

bool is_upper(char c) noexcept { return c >= 'A' && c <= 'Z'; }

}  // namespace

char* FieldBlock::room(std::size_t bytes) {
  // Names and numbers are short; what is longer than a block has one of its own.
  if (bytes > kBlockBytes) {
    large_.push_back(std::make_unique_for_overwrite<char[]>(bytes));
    return large_.back().get();
  }
  const std::size_t left = kBlockBytes - used_ % kBlockBytes;
  if (bytes > left) used_ += left;
  const std::size_t block = used_ / kBlockBytes;
  if (blocks_.size() == block)
    blocks_.push_back(std::make_unique_for_overwrite<char[]>(kBlockBytes));
  char* const at = blocks_[block].get() + used_ % kBlockBytes;
  used_ += bytes;
  return at;
}

void FieldBlock::add(std::string_view name, std::string_view value) {
  if (std::ranges::any_of(name, is_upper)) {
    char* const lower = room(name.size());
    std::ranges::transform(
        name, lower, [](char c) { return is_upper(c) ? static_cast<char>(c - 'A' + 'a') : c; });
    name = {lower, name.size()};
  }
  // Secrets are not to be put into a table that lets them be guessed (RFC 7541 section 7.1).
  const bool is_secret = name == "authorization" || name == "set-cookie";
  fields_.push_back({.name = bytes_of(name),
                     .value = bytes_of(value),
                     .namelen = name.size(),
                     .valuelen = value.size(),
                     .flags = static_cast<std::uint8_t>(is_secret ? NGHTTP2_NV_FLAG_NO_INDEX
                                                                  : NGHTTP2_NV_FLAG_NONE)});
}

std::string_view FieldBlock::path_of(std::string_view path) {
  if (!path.starts_with('?') && !path.empty()) return path;
  // RFC 9113 section 8.3.1: the path of a target that has none is "/".
  char* const whole = room(path.size() + 1);
  whole[0] = '/';
  std::ranges::copy(path, whole + 1);
  return {whole, path.size() + 1};
}

void FieldBlock::add_number(std::string_view name, std::uint64_t value) {
  char* const digits = room(kDigitsMax);
  const char* const end = std::to_chars(digits, digits + kDigitsMax, value).ptr;
  add(name, {digits, static_cast<std::size_t>(end - digits)});
}

void put_response(FieldBlock& block, const char* base, const http::ResponseHead& head,
                  const http::ResponseEdits& edits) {
  using http::FieldId;
  const bool opens_tunnel = edits.keep_upgrade && head.upgrade;
  block.add_number(":status", opens_tunnel ? 200 : head.status);
  http::FieldMask dropped =
      http::kHopFields | http::mask(FieldId::kContentLength) | http::mask(FieldId::kUpgrade);
  if (edits.framing.kind != http::BodyFraming::Kind::kChunked)
    dropped |= http::mask(FieldId::kTrailer);
  for (const http::Field& field : head.fields) {
    if ((dropped & http::mask(field.id)) != 0 || field.named_by_connection) continue;
    const std::string_view name = field.name.in(base);
    if (opens_tunnel && equals_ignoring_case(name, "sec-websocket-accept")) continue;
    if (std::ranges::any_of(edits.removed, [name](std::string_view removed) {
          return equals_ignoring_case(name, removed);
        }))
      continue;
    block.add(name, field.value.in(base));
  }
  if (head.announced_length) {
    block.add_number("content-length", *head.announced_length);
  } else if (edits.framing.kind == http::BodyFraming::Kind::kLength) {
    block.add_number("content-length", edits.framing.length);
  }
  for (const http::AddedField& field : edits.added) block.add(field.name, field.value);
}

void put_request(FieldBlock& block, const char* base, const http::RequestHead& head,
                 const http::RequestEdits& edits, std::string_view scheme, bool as_tunnel) {
  using http::FieldId;
  const std::string_view authority =
      edits.authority.empty() ? head.authority.in(base) : edits.authority;
  block.add(":method", as_tunnel ? std::string_view("CONNECT") : head.method_name.in(base));
  block.add(":scheme", scheme);
  block.add(":authority", authority.empty() ? edits.missing_host : authority);
  block.add(":path", block.path_of(head.path_and_query(base)));
  if (as_tunnel) {
    const http::Field* upgrade = head.find(FieldId::kUpgrade);
    block.add(":protocol", upgrade->value.in(base));
  }
  http::FieldMask dropped = http::kHopFields | http::mask(FieldId::kContentLength) |
                            http::mask(FieldId::kUpgrade) | http::mask(FieldId::kHost);
  if (head.framing.kind != http::BodyFraming::Kind::kChunked)
    dropped |= http::mask(FieldId::kTrailer);
  if (edits.drop_expect) dropped |= http::mask(FieldId::kExpect);
  for (const http::Field& field : head.fields) {
    if ((dropped & http::mask(field.id)) != 0 || field.named_by_connection) continue;
    const std::string_view name = field.name.in(base);
    if (as_tunnel && equals_ignoring_case(name, "sec-websocket-key")) continue;
    if (std::ranges::any_of(edits.removed, [name](std::string_view removed) {
          return equals_ignoring_case(name, removed);
        }))
      continue;
    block.add(name, field.value.in(base));
  }
  if (head.framing.kind == http::BodyFraming::Kind::kLength)
    block.add_number("content-length", head.framing.length);
  if (http::accepts_trailers(base, head)) block.add("te", "trailers");
  for (const http::AddedField& field : edits.added) block.add(field.name, field.value);
  if (!edits.forwarded_for.empty()) block.add("x-forwarded-for", edits.forwarded_for);
}

void put_trailers(FieldBlock& block, std::string_view lines) {
  while (!lines.empty()) {
    const std::size_t end = lines.find("\r\n");
    const std::string_view line = lines.substr(0, end);
    const std::size_t colon = line.find(": ");
    if (colon != std::string_view::npos) block.add(line.substr(0, colon), line.substr(colon + 2));
    if (end == std::string_view::npos) return;
    lines.remove_prefix(end + 2);
  }
}

}  // namespace tandem::lb::http2
