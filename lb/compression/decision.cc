#include "lb/compression/decision.h"

#include "common/text.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

namespace tandem::lb::compression {
namespace {

using Kind = Decision::Kind;

bool is_opaque_tag(std::string_view text) noexcept {
  return text.size() >= 2 && text.front() == '"' && text.back() == '"' &&
         text.substr(1, text.size() - 2).find('"') == std::string_view::npos;
}

/// The only ETag.
struct Tag {
  bool is_there = false;
  bool is_valid = true;
  std::string_view text;
};

Tag tag_of(const http::ResponseHead& response, const char* base) noexcept {
  Tag tag;
  for (const http::Field& field : response.fields) {
    if (!equals_ignoring_case(field.name.in(base), "etag")) continue;
    std::string_view text = field.value.in(base);
    const bool is_first = !tag.is_there;
    tag.is_there = true;
    tag.text = text;
    if (text.starts_with("W/")) text.remove_prefix(2);
    tag.is_valid = is_first && is_opaque_tag(text);
  }
  return tag;
}

/// Those with which a body is worth compressing and whole; as HAProxy has it.
bool is_status_with_content(int status) noexcept { return status >= 200 && status <= 203; }

/// Fields that say something of the very bytes that were sent (RFC 9530, RFC 1864), of a part of
/// them, or that they are coded already.
constexpr std::array<std::string_view, 6> kBytesFields = {
    "content-encoding", "content-range", "content-md5", "digest", "content-digest", "repr-digest"};

bool speaks_of_its_bytes(const http::ResponseHead& response, const char* base) noexcept {
  for (const http::Field& field : response.fields) {
    if (field.id != http::FieldId::kOther) continue;
    const std::string_view name = field.name.in(base);
    const auto is_it = [name](std::string_view other) { return equals_ignoring_case(name, other); };
    if (std::ranges::any_of(kBytesFields, is_it)) return true;
  }
  return false;
}

bool is_of_wanted_type(const config::Compression& settings, std::string_view type) noexcept {
  // Parts and messages that carry their own framing are nobody's text, whatever a wildcard says.
  constexpr std::string_view kMultipart = "multipart/";
  constexpr std::string_view kGrpc = "application/grpc";
  if (equals_ignoring_case(type.substr(0, kMultipart.size()), kMultipart)) return false;
  if (equals_ignoring_case(type.substr(0, kGrpc.size()), kGrpc)) return false;
  return std::ranges::any_of(settings.types, [type](const std::string& range) {
    return http::is_in_media_range(type, range);
  });
}

/// By its framing, or, to HEAD, by what the server announces of a body it does not send.
bool is_large_enough(const config::Compression& settings, const Messages& messages) noexcept {
  const http::ResponseHead& response = messages.response;
  std::optional<std::uint64_t> length = response.announced_length;
  if (response.framing.kind == http::BodyFraming::Kind::kLength) length = response.framing.length;
  if (length) return *length > 0 && *length >= settings.min_size;
  return response.framing.kind != http::BodyFraming::Kind::kNone ||
         messages.request.method == http::Method::kHead;
}

/// What does not depend on the client.
bool is_compressible(const config::Compression& settings, const Messages& messages) noexcept {
  const auto& [request, request_base, response, base] = messages;
  if (!is_status_with_content(response.status) || !is_large_enough(settings, messages))
    return false;
  const auto content_type = response.value_of(base, "content-type");
  return content_type && is_of_wanted_type(settings, http::media_type_of(*content_type)) &&
         !speaks_of_its_bytes(response, base) && tag_of(response, base).is_valid &&
         !http::lists(base, response.fields, "cache-control", "no-transform");
}

/// Whether the client asks by the weak form of `tag` and not by `tag` itself.
bool holds_weak_form(const Messages& messages, std::string_view tag) noexcept {
  bool holds_weak = false;
  for (const http::Field& field : messages.request.fields) {
    if (!equals_ignoring_case(field.name.in(messages.request_base), "if-none-match")) continue;
    const std::string_view value = field.value.in(messages.request_base);
    for (std::size_t at = value.find(tag); at != std::string_view::npos;
         at = value.find(tag, at + tag.size())) {
      if (!value.substr(0, at).ends_with("W/")) return false;
      holds_weak = true;
    }
  }
  return holds_weak;
}

Decision decide_not_modified(const Messages& messages) noexcept {
  const Tag tag = tag_of(messages.response, messages.response_base);
  const bool is_changed =
      tag.is_valid && is_strong_tag(tag.text) && holds_weak_form(messages, tag.text);
  return {.kind = is_changed ? Kind::kWeakTag : Kind::kUntouched};
}

}  // namespace

bool is_strong_tag(std::string_view text) noexcept { return is_opaque_tag(text); }

Decision decide(const config::Compression& settings, const Messages& messages) noexcept {
  constexpr int kNotModified = 304;
  constexpr std::uint8_t kChunksFrom = 11;
  if (!settings.is_on()) return {};
  if (messages.response.status == kNotModified) return decide_not_modified(messages);
  if (!is_compressible(settings, messages)) return {};
  const http::RequestHead& request = messages.request;
  // A length is not known before the end, and HTTP/1.0 has no other way to tell one from a loss.
  if (request.version < kChunksFrom ||
      http::lists(messages.request_base, request.fields, "cache-control", "no-transform"))
    return {.kind = Kind::kVary};
  const http::AcceptEncoding accept(messages.request_base, request.fields);
  const auto coding = accept.choose(settings.algorithms);
  if (!coding) return {.kind = Kind::kVary};
  return {.kind = Kind::kCompress, .coding = *coding};
}

}  // namespace tandem::lb::compression
