// The inner loops of the HTTP/1 parser: where a run of allowed bytes ends. Sixteen bytes a step
// with SSE2, which every x86-64 has, one byte a step elsewhere and at the end of a buffer; the
// answers are the same. They never read outside [p, end). Internal to http.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace tandem::http::scan {

/// What a byte may stand for, one bit each.
enum ByteClass : std::uint8_t {
  kTokenByte = 1,   // tchar (RFC 9110 §5.6.2)
  kTargetByte = 2,  // printable ASCII without "#": fragments never travel
  kValueByte = 4,   // field-vchar, SP, HTAB (RFC 9110 §5.5)
  kHostByte = 8,    // reg-name without pct-encoded and ","
  kHexByte = 16,
};

consteval std::array<std::uint8_t, 256> make_byte_classes() {
  std::array<std::uint8_t, 256> classes{};
  const auto mark = [&classes](std::string_view bytes, ByteClass kind) {
    for (const char c : bytes)
      classes[static_cast<unsigned char>(c)] =
          static_cast<std::uint8_t>(classes[static_cast<unsigned char>(c)] | kind);
  };
  constexpr std::string_view kAlnum =
      "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  mark(kAlnum, kTokenByte);
  mark("!#$%&'*+-.^_`|~", kTokenByte);
  mark(kAlnum, kHostByte);
  // A comma in a host is how two Host fields look once something has merged them, and an escape
  // is a second spelling of a name that rules would not recognise.
  mark("-._~!$&'()*+;=", kHostByte);
  mark("0123456789abcdefABCDEF", kHexByte);
  for (unsigned c = 0; c < 256; ++c) {
    const bool is_value = (c >= 0x20 && c != 0x7F) || c == '\t';
    const bool is_target = c > 0x20 && c < 0x7F && c != '#';
    classes[c] = static_cast<std::uint8_t>(classes[c] | (is_value ? kValueByte : 0) |
                                           (is_target ? kTargetByte : 0));
  }
  return classes;
}
inline constexpr std::array<std::uint8_t, 256> kByteClasses = make_byte_classes();

[[nodiscard]] inline bool is(char c, ByteClass kind) noexcept {
  return (kByteClasses[static_cast<unsigned char>(c)] & kind) != 0;
}

[[nodiscard]] inline const char* run_end_bytewise(const char* p, const char* end,
                                                  ByteClass kind) noexcept {
  while (p < end && is(*p, kind)) ++p;
  return p;
}

#if defined(__SSE2__)
namespace sse2 {
inline constexpr std::ptrdiff_t kStep = 16;

[[nodiscard]] inline __m128i load(const char* p) noexcept {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
}
[[nodiscard]] inline __m128i all(unsigned byte) noexcept {
  return _mm_set1_epi8(static_cast<char>(byte));
}
/// Lanes of `x` in [low, low + span], unsigned.
[[nodiscard]] inline __m128i in_range(__m128i x, unsigned low, unsigned span) noexcept {
  const __m128i shifted = _mm_sub_epi8(x, all(low));
  return _mm_cmpeq_epi8(_mm_min_epu8(shifted, all(span)), shifted);
}
[[nodiscard]] inline unsigned mask_of(__m128i lanes) noexcept {
  return static_cast<unsigned>(_mm_movemask_epi8(lanes));
}
/// Bits of the lanes that are not letters, digits, "-", "." or "_": what names and hosts are made
/// of in practice. Other bytes are looked up.
[[nodiscard]] inline unsigned uncommon(__m128i x) noexcept {
  const __m128i letters = in_range(_mm_or_si128(x, all(0x20)), 'a', 'z' - 'a');
  const __m128i digits_and_marks = _mm_or_si128(in_range(x, '0', 9), in_range(x, '-', '.' - '-'));
  const __m128i common =
      _mm_or_si128(_mm_or_si128(letters, digits_and_marks), _mm_cmpeq_epi8(x, all('_')));
  return mask_of(common) ^ 0xFFFFU;
}
/// The same for field names, in which digits are rare too.
[[nodiscard]] inline unsigned uncommon_in_name(__m128i x) noexcept {
  const __m128i letters = in_range(_mm_or_si128(x, all(0x20)), 'a', 'z' - 'a');
  return mask_of(_mm_or_si128(letters, _mm_cmpeq_epi8(x, all('-')))) ^ 0xFFFFU;
}
[[nodiscard]] inline unsigned not_value(__m128i x) noexcept {
  const __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(x, all(0x1F)), x);
  const __m128i control_but_tab = _mm_andnot_si128(_mm_cmpeq_epi8(x, all('\t')), control);
  return mask_of(_mm_or_si128(control_but_tab, _mm_cmpeq_epi8(x, all(0x7F))));
}
[[nodiscard]] inline unsigned not_target(__m128i x) noexcept {
  const __m128i printable = in_range(x, 0x21, 0x7E - 0x21);
  return mask_of(_mm_andnot_si128(_mm_cmpeq_epi8(x, all('#')), printable)) ^ 0xFFFFU;
}
[[nodiscard]] inline int first(unsigned mask) noexcept { return std::countr_zero(mask); }
}  // namespace sse2
#endif

/// First byte at or behind `p` that is not of `kind` (kTokenByte or kHostByte).
[[nodiscard]] inline const char* word_end(const char* p, const char* end, ByteClass kind) noexcept {
#if defined(__SSE2__)
  while (end - p >= sse2::kStep) {
    const unsigned stops = sse2::uncommon(sse2::load(p));
    if (stops == 0) {
      p += sse2::kStep;
      continue;
    }
    p += sse2::first(stops);
    if (!is(*p, kind)) return p;
    break;
  }
#endif
  return run_end_bytewise(p, end, kind);
}

/// First byte that no field name may hold.
[[nodiscard]] inline const char* name_end(const char* p, const char* end) noexcept {
#if defined(__SSE2__)
  while (end - p >= sse2::kStep) {
    const unsigned stops = sse2::uncommon_in_name(sse2::load(p));
    if (stops == 0) {
      p += sse2::kStep;
      continue;
    }
    p += sse2::first(stops);
    if (!is(*p, kTokenByte)) return p;
    ++p;
  }
#endif
  return run_end_bytewise(p, end, kTokenByte);
}

/// First byte that no field value or reason phrase may hold.
[[nodiscard]] inline const char* value_end(const char* p, const char* end) noexcept {
#if defined(__SSE2__)
  for (; end - p >= sse2::kStep; p += sse2::kStep)
    if (const unsigned stops = sse2::not_value(sse2::load(p)); stops != 0)
      return p + sse2::first(stops);
#endif
  return run_end_bytewise(p, end, kValueByte);
}

/// First byte that no request target may hold.
[[nodiscard]] inline const char* target_end(const char* p, const char* end) noexcept {
#if defined(__SSE2__)
  for (; end - p >= sse2::kStep; p += sse2::kStep)
    if (const unsigned stops = sse2::not_target(sse2::load(p)); stops != 0)
      return p + sse2::first(stops);
#endif
  return run_end_bytewise(p, end, kTargetByte);
}

/// The same with offsets from `base`.
[[nodiscard]] inline std::uint32_t word_end(const char* base, std::uint32_t p, std::uint32_t end,
                                            ByteClass kind) noexcept {
  return static_cast<std::uint32_t>(word_end(base + p, base + end, kind) - base);
}
[[nodiscard]] inline std::uint32_t value_end(const char* base, std::uint32_t p,
                                             std::uint32_t end) noexcept {
  return static_cast<std::uint32_t>(value_end(base + p, base + end) - base);
}
[[nodiscard]] inline std::uint32_t target_end(const char* base, std::uint32_t p,
                                              std::uint32_t end) noexcept {
  return static_cast<std::uint32_t>(target_end(base + p, base + end) - base);
}

template <class Word>
[[nodiscard]] inline Word load(const char* p) noexcept {
  Word word;
  std::memcpy(&word, p, sizeof(word));
  return word;
}

template <class Word>
[[nodiscard]] inline bool same_words(const char* p, const char* lower,
                                     std::size_t length) noexcept {
  constexpr Word kCaseBits = static_cast<Word>(0x2020202020202020ULL);
  const Word head = static_cast<Word>(load<Word>(p) | kCaseBits);
  const std::size_t last = length - sizeof(Word);
  const Word tail = static_cast<Word>(load<Word>(p + last) | kCaseBits);
  return head == load<Word>(lower) && tail == load<Word>(lower + last);
}

/// Whether the token at `p` is `lower` (2 to 16 lower-case letters, digits and "-") in any case.
/// Setting 0x20 folds exactly the case of letters here, since tokens hold no control bytes.
template <std::size_t N>
[[nodiscard]] inline bool same_token(const char* p, const char (&lower)[N]) noexcept {
  constexpr std::size_t kLength = N - 1;
  static_assert(kLength >= 2 && kLength <= 17);
  if constexpr (kLength == 17)
    return same_words<std::uint64_t>(p, lower, 16) && (p[16] | 0x20) == lower[16];
  else if constexpr (kLength >= 8)
    return same_words<std::uint64_t>(p, lower, kLength);
  else if constexpr (kLength >= 4)
    return same_words<std::uint32_t>(p, lower, kLength);
  else
    return same_words<std::uint16_t>(p, lower, kLength);
}

/// The same for text of unknown length.
template <std::size_t N>
[[nodiscard]] inline bool is_token(std::string_view text, const char (&lower)[N]) noexcept {
  return text.size() == N - 1 && same_token(text.data(), lower);
}

[[nodiscard]] inline bool is_blank(char c) noexcept { return c == ' ' || c == '\t'; }

/// Takes the next member of a comma list off `list`, without whitespace around it (RFC 9110
/// §5.6.1). Empty members are given like others; the caller decides.
[[nodiscard]] inline std::string_view next_member(std::string_view& list) noexcept {
  const std::size_t comma = list.find(',');
  std::string_view member = list.substr(0, comma);
  list = comma == std::string_view::npos ? std::string_view{} : list.substr(comma + 1);
  while (!member.empty() && is_blank(member.front())) member.remove_prefix(1);
  while (!member.empty() && is_blank(member.back())) member.remove_suffix(1);
  return member;
}

}  // namespace tandem::http::scan
