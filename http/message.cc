#include "http/message.h"

#include "common/text.h"
#include "http/scan.h"

#include <algorithm>

namespace tandem::http {

Method method_from(std::string_view name) noexcept {
  switch (name.size()) {
    case 3:
      if (name == "GET") return Method::kGet;
      if (name == "PUT") return Method::kPut;
      break;
    case 4:
      if (name == "POST") return Method::kPost;
      if (name == "HEAD") return Method::kHead;
      break;
    case 5:
      if (name == "PATCH") return Method::kPatch;
      if (name == "TRACE") return Method::kTrace;
      break;
    case 6:
      if (name == "DELETE") return Method::kDelete;
      break;
    case 7:
      if (name == "OPTIONS") return Method::kOptions;
      if (name == "CONNECT") return Method::kConnect;
      break;
    default:
      break;
  }
  return Method::kOther;
}

bool is_safe(Method method) noexcept {
  return method == Method::kGet || method == Method::kHead || method == Method::kOptions ||
         method == Method::kTrace;
}

bool is_idempotent(Method method) noexcept {
  return is_safe(method) || method == Method::kPut || method == Method::kDelete;
}

FieldId field_id_of_known_length(std::string_view name) noexcept {
  using scan::same_token;
  const char* p = name.data();
  switch (name.size()) {
    case 2:
      return same_token(p, "te") ? FieldId::kTe : FieldId::kOther;
    case 4:
      if (same_token(p, "host")) return FieldId::kHost;
      return same_token(p, "date") ? FieldId::kDate : FieldId::kOther;
    case 6:
      if (same_token(p, "cookie")) return FieldId::kCookie;
      return same_token(p, "expect") ? FieldId::kExpect : FieldId::kOther;
    case 7:
      if (same_token(p, "upgrade")) return FieldId::kUpgrade;
      return same_token(p, "trailer") ? FieldId::kTrailer : FieldId::kOther;
    case 10:
      if (same_token(p, "connection")) return FieldId::kConnection;
      if (same_token(p, "set-cookie")) return FieldId::kSetCookie;
      return same_token(p, "keep-alive") ? FieldId::kKeepAlive : FieldId::kOther;
    case 14:
      if (same_token(p, "content-length")) return FieldId::kContentLength;
      return same_token(p, "http2-settings") ? FieldId::kHttp2Settings : FieldId::kOther;
    case 15:
      return same_token(p, "x-forwarded-for") ? FieldId::kXForwardedFor : FieldId::kOther;
    case 16:
      return same_token(p, "proxy-connection") ? FieldId::kProxyConnection : FieldId::kOther;
    case 17:
      return same_token(p, "transfer-encoding") ? FieldId::kTransferEncoding : FieldId::kOther;
    default:
      return FieldId::kOther;
  }
}

FieldList& FieldList::operator=(const FieldList& other) noexcept {
  count_ = other.count_;
  seen_ = other.seen_;
  plain_ = other.plain_;
  if (this != &other) std::copy_n(other.fields_.begin(), other.count_, fields_.begin());
  return *this;
}

const Field* MessageHead::find(const char* base, std::string_view name) const noexcept {
  for (const Field& field : fields)
    if (field.name.length == name.size() && equals_ignoring_case(field.name.in(base), name))
      return &field;
  return nullptr;
}

const Field* MessageHead::find(FieldId id) const noexcept {
  if (!fields.has(id)) return nullptr;
  return std::ranges::find(fields, id, &Field::id);
}

std::optional<std::string_view> MessageHead::value_of(const char* base,
                                                      std::string_view name) const noexcept {
  const Field* field = find(base, name);
  if (field == nullptr) return std::nullopt;
  return field->value.in(base);
}

std::string_view RequestHead::path_and_query(const char* base) const noexcept {
  if (form == TargetForm::kAsterisk) return "*";
  return path.empty() ? "/" : path.in(base);
}

std::string_view RequestHead::path_only(const char* base) const noexcept {
  const std::string_view all = path_and_query(base);
  const std::string_view before = all.substr(0, all.find('?'));
  return before.empty() ? "/" : before;
}

std::string_view RequestHead::query(const char* base) const noexcept {
  const std::string_view all = path_and_query(base);
  const std::size_t mark = all.find('?');
  return mark == std::string_view::npos ? std::string_view{} : all.substr(mark + 1);
}

std::string_view RequestHead::host(const char* base) const noexcept {
  const std::string_view all = authority.in(base);
  // The decoder let through one colon outside of brackets at most: the port's.
  const std::size_t bracket = all.find(']');
  return all.substr(0, all.find(':', bracket == std::string_view::npos ? 0 : bracket));
}

std::optional<std::string_view> RequestHead::query_parameter(const char* base,
                                                             std::string_view name) const noexcept {
  std::string_view rest = query(base);
  while (!rest.empty()) {
    const std::size_t end = rest.find('&');
    const std::string_view pair = rest.substr(0, end);
    const std::size_t equals = pair.find('=');
    if (pair.substr(0, equals) == name)
      return equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1);
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
  }
  return std::nullopt;
}

namespace {

/// Looks `name` up in one Cookie value, "a=1; b=2" (RFC 6265 §4.2.1).
std::optional<std::string_view> cookie_in(std::string_view pairs, std::string_view name) noexcept {
  while (!pairs.empty()) {
    const std::size_t end = pairs.find(';');
    const std::string_view pair = trim(pairs.substr(0, end));
    const std::size_t equals = pair.find('=');
    if (equals != std::string_view::npos && trim(pair.substr(0, equals)) == name)
      return trim(pair.substr(equals + 1));
    pairs = end == std::string_view::npos ? std::string_view{} : pairs.substr(end + 1);
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string_view> RequestHead::cookie(const char* base,
                                                    std::string_view name) const noexcept {
  if (!fields.has(FieldId::kCookie)) return std::nullopt;
  for (const Field& field : fields) {
    if (field.id != FieldId::kCookie) continue;
    if (const auto value = cookie_in(field.value.in(base), name)) return value;
  }
  return std::nullopt;
}

void MessageHead::clear_shared() noexcept {
  fields.clear();
  framing = BodyFraming{};
  head_bytes = 0;
  version = 11;
  keep_alive = false;
  length_as_is = false;
  upgrade = false;
}

void RequestHead::clear() noexcept {
  clear_shared();
  method = Method::kOther;
  form = TargetForm::kOrigin;
  expect_continue = false;
  method_name = target = authority = path = Slice{};
}

void ResponseHead::clear() noexcept {
  clear_shared();
  status = 0;
  interim = false;
  announced_length.reset();
  reason = Slice{};
}

}  // namespace tandem::http
