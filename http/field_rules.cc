#include "http/field_rules.h"

#include "common/text.h"
#include "http/scan.h"

#include <algorithm>
#include <array>

namespace tandem::http {
namespace {

constexpr std::size_t kLengthDigitsMax = 19;
constexpr std::size_t kPortDigitsMax = 5;
constexpr std::uint32_t kPortMax = 65'535;
constexpr std::size_t kAddressTextMax = 45;  // longest IPv6 text form

bool is_token_text(std::string_view text) noexcept {
  return !text.empty() &&
         std::ranges::all_of(text, [](char c) { return scan::is(c, scan::kTokenByte); });
}

bool starts_with_ignoring_case(std::string_view text, std::string_view prefix) noexcept {
  return equals_ignoring_case(text.substr(0, prefix.size()), prefix);
}

/// "[" IPv6address "]", loosely: servers resolve nothing from it.
std::size_t address_literal_end(std::string_view text) noexcept {
  const std::size_t close = text.find(']');
  if (close == std::string_view::npos || close < 3 || close > kAddressTextMax + 1) return 0;
  const std::string_view inside = text.substr(1, close - 1);
  const bool allowed = std::ranges::all_of(
      inside, [](char c) { return scan::is(c, scan::kHexByte) || c == ':' || c == '.'; });
  return allowed && inside.contains(':') ? close + 1 : 0;
}

std::size_t host_end(std::string_view text) noexcept {
  if (text.starts_with('[')) return address_literal_end(text);
  return scan::word_end(text.data(), 0, static_cast<std::uint32_t>(text.size()), scan::kHostByte);
}

struct Authority {
  std::string_view host;
  std::uint64_t port;
};
Authority split_authority(std::string_view text, std::uint32_t default_port) noexcept {
  const std::size_t end = host_end(text);
  if (end == text.size()) return {text, default_port};
  return {text.substr(0, end), parse_decimal(text.substr(end + 1)).value_or(default_port)};
}

/// End-to-end fields that have no FieldId.
bool is_for_everyone(std::string_view name) noexcept {
  constexpr std::array<std::string_view, 6> kNames = {
      "authorization", "cache-control", "forwarded", "origin", "via", "x-real-ip"};
  return starts_with_ignoring_case(name, "content-") ||
         starts_with_ignoring_case(name, "x-forwarded-") ||
         std::ranges::any_of(
             kNames, [name](std::string_view known) { return equals_ignoring_case(name, known); });
}

void mark_named(const char* base, std::string_view option, FieldList& fields) noexcept {
  for (Field& field : fields)
    if (field.name.length == option.size() && equals_ignoring_case(field.name.in(base), option))
      fields.set_named_by_connection(field);
}

}  // namespace

std::optional<std::uint64_t> content_length(std::string_view value) noexcept {
  if (value.empty() || value.size() > kLengthDigitsMax) return std::nullopt;
  std::uint64_t length = 0;
  for (const char c : value) {
    if (c < '0' || c > '9') return std::nullopt;
    length = length * 10 + static_cast<std::uint64_t>(c - '0');  // 19 digits cannot overflow
  }
  if (length > INT64_MAX) return std::nullopt;
  return length;
}

Coding transfer_coding(std::string_view value) noexcept {
  if (scan::is_token(value, "chunked")) return Coding::kChunked;
  if (value.empty() || value.ends_with(',')) return Coding::kInvalid;
  bool has_unknown = false;
  while (!value.empty()) {
    const std::string_view member = scan::next_member(value);
    if (!is_token_text(member)) return Coding::kInvalid;
    has_unknown |= !scan::is_token(member, "chunked");
  }
  return has_unknown ? Coding::kUnknown : Coding::kInvalid;
}

bool is_valid_authority(std::string_view text) noexcept {
  const std::size_t end = host_end(text);
  if (end == 0) return false;
  if (end == text.size()) return true;
  const std::string_view port = text.substr(end + 1);
  if (text[end] != ':' || port.empty() || port.size() > kPortDigitsMax) return false;
  std::uint32_t number = 0;
  for (const char c : port) {
    if (c < '0' || c > '9') return false;
    number = number * 10 + static_cast<std::uint32_t>(c - '0');
  }
  return number <= kPortMax;
}

bool same_authority(std::string_view a, std::string_view b, std::uint32_t default_port) noexcept {
  const Authority x = split_authority(a, default_port);
  const Authority y = split_authority(b, default_port);
  return x.port == y.port && equals_ignoring_case(x.host, y.host);
}

bool names_a_field(std::string_view option) noexcept {
  return is_token_text(option) && field_id(option) == FieldId::kOther && !is_for_everyone(option);
}

void mark_nominated_fields(const char* base, FieldList& fields) noexcept {
  for (const Field& field : fields) {
    if (field.id != FieldId::kConnection) continue;
    std::string_view list = field.value.in(base);
    while (!list.empty()) {
      const std::string_view option = scan::next_member(list);
      if (names_a_field(option)) mark_named(base, option, fields);
    }
  }
}

bool upgrade_may_pass(const char* base, const FieldList& fields) noexcept {
  bool any = false;
  for (const Field& field : fields) {
    if (field.id != FieldId::kUpgrade) continue;
    std::string_view list = field.value.in(base);
    while (!list.empty()) {
      const std::string_view protocol = scan::next_member(list);
      if (starts_with_ignoring_case(protocol, "h2") ||
          starts_with_ignoring_case(protocol, "http") || starts_with_ignoring_case(protocol, "tls"))
        return false;
      any |= !protocol.empty();
    }
  }
  return any;
}

bool is_forbidden_trailer(std::string_view name) noexcept {
  constexpr std::array<std::string_view, 12> kNames = {
      "authorization", "cache-control", "content-encoding",   "content-range",
      "content-type",  "location",      "max-forwards",       "proxy-authorization",
      "range",         "set-cookie",    "proxy-authenticate", "www-authenticate"};
  // Every field with an id frames, routes, ends at this hop or carries a session.
  return field_id(name) != FieldId::kOther ||
         std::ranges::any_of(kNames, [name](std::string_view forbidden) {
           return equals_ignoring_case(name, forbidden);
         });
}

}  // namespace tandem::http
