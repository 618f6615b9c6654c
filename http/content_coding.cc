#include "http/content_coding.h"

#include "common/text.h"
#include "http/scan.h"

#include <algorithm>

namespace tandem::http {
namespace {

constexpr int kQualityMax = 1000;

bool is_word(std::string_view text) noexcept {
  return !text.empty() &&
         std::ranges::all_of(text, [](char c) { return scan::is(c, scan::kTokenByte); });
}

/// qvalue = ( "0" [ "." 0*3DIGIT ] ) / ( "1" [ "." 0*3("0") ] ), in thousandths.
std::optional<int> read_quality(std::string_view text) noexcept {
  constexpr std::size_t kDigitsFrom = 2;
  constexpr std::size_t kBytesMax = 5;
  if (text.empty() || text.size() > kBytesMax || (text[0] != '0' && text[0] != '1'))
    return std::nullopt;
  if (text.size() > 1 && text[1] != '.') return std::nullopt;
  int quality = (text[0] - '0') * kQualityMax;
  int place = kQualityMax / 10;
  for (const char c : text.substr(std::min(kDigitsFrom, text.size()))) {
    if (c < '0' || c > '9') return std::nullopt;
    quality += (c - '0') * place;
    place /= 10;
  }
  if (quality > kQualityMax) return std::nullopt;
  return quality;
}

/// weight = OWS ";" OWS "q=" qvalue, behind the name; 0 for what is none.
int read_weight(std::string_view text) noexcept {
  text = trim(text);
  if (text.size() < 2 || to_lower(text[0]) != 'q' || text[1] != '=') return 0;
  return read_quality(text.substr(2)).value_or(0);
}

}  // namespace

std::string_view name_of(ContentCoding coding) noexcept {
  return coding == ContentCoding::kBrotli ? "br" : "gzip";
}

AcceptEncoding::AcceptEncoding(const char* base, const FieldList& fields) noexcept
    : AcceptEncoding() {
  for (const Field& field : fields)
    if (equals_ignoring_case(field.name.in(base), "accept-encoding")) add(field.value.in(base));
}

void AcceptEncoding::add(std::string_view value) noexcept {
  while (!value.empty()) {
    const std::string_view member = scan::next_member(value);
    const std::size_t semicolon = member.find(';');
    const std::string_view name = trim(member.substr(0, semicolon));
    std::size_t slot = kSlots;
    // "x-gzip" is gzip under its oldest name (RFC 9110 section 8.4.1.3).
    if (equals_ignoring_case(name, "gzip") || equals_ignoring_case(name, "x-gzip"))
      slot = static_cast<std::size_t>(ContentCoding::kGzip);
    else if (equals_ignoring_case(name, "br"))
      slot = static_cast<std::size_t>(ContentCoding::kBrotli);
    else if (equals_ignoring_case(name, "identity"))
      slot = kIdentity;
    else if (name == "*")
      slot = kAny;
    if (slot == kSlots) continue;
    const int quality = semicolon == std::string_view::npos
                            ? kQualityMax
                            : read_weight(member.substr(semicolon + 1));
    int& known = qualities_[slot];
    known = known == kUnsaid ? quality : std::min(known, quality);
  }
}

int AcceptEncoding::quality_of(ContentCoding coding) const noexcept {
  const int own = qualities_[static_cast<std::size_t>(coding)];
  return std::max(own != kUnsaid ? own : qualities_[kAny], 0);
}

std::optional<ContentCoding> AcceptEncoding::choose(
    std::span<const ContentCoding> offered) const noexcept {
  // Identity that is not named is good enough, and nothing more.
  int best = std::max(qualities_[kIdentity] - 1, 0);
  std::optional<ContentCoding> chosen;
  for (const ContentCoding coding : offered) {
    if (quality_of(coding) <= best) continue;
    best = quality_of(coding);
    chosen = coding;
  }
  return chosen;
}

bool is_media_range(std::string_view text) noexcept {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return false;
  const std::string_view kind = text.substr(0, slash);
  std::string_view subtype = text.substr(slash + 1);
  if (!is_word(kind) || kind.find('*') != std::string_view::npos) return false;
  if (subtype == "*") return true;
  if (subtype.starts_with("*+")) subtype.remove_prefix(2);
  return is_word(subtype) && subtype.find('*') == std::string_view::npos;
}

std::string_view media_type_of(std::string_view content_type) noexcept {
  return trim(content_type.substr(0, content_type.find(';')));
}

bool is_in_media_range(std::string_view type, std::string_view range) noexcept {
  const std::size_t star = range.find('*');
  if (star == std::string_view::npos) return equals_ignoring_case(type, range);
  const std::string_view before = range.substr(0, star);
  const std::string_view after = range.substr(star + 1);
  return type.size() > before.size() + after.size() &&
         equals_ignoring_case(type.substr(0, before.size()), before) &&
         equals_ignoring_case(type.substr(type.size() - after.size()), after);
}

bool lists(const char* base, const FieldList& fields, std::string_view name,
           std::string_view member) noexcept {
  for (const Field& field : fields) {
    if (!equals_ignoring_case(field.name.in(base), name)) continue;
    std::string_view list = field.value.in(base);
    while (!list.empty())
      if (equals_ignoring_case(scan::next_member(list), member)) return true;
  }
  return false;
}

}  // namespace tandem::http
