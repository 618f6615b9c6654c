// Content codings: what a client's Accept-Encoding asks for, and the few things about media types
// and lists that a compressing proxy has to know. Pure; keeps no reference. Thread: any.
#pragma once

#include "http/message.h"

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace tandem::http {

/// Those that tandem can apply (RFC 9110 section 8.4.1.3, RFC 7932).
enum class ContentCoding : std::uint8_t { kGzip, kBrotli };
inline constexpr std::size_t kContentCodings = 2;

/// As in Content-Encoding: "gzip", "br".
[[nodiscard]] std::string_view name_of(ContentCoding coding) noexcept;

/// What a client takes (RFC 9110 section 12.5.3).
class AcceptEncoding {
 public:
  AcceptEncoding() noexcept { qualities_.fill(kUnsaid); }
  /// All fields of that name in `fields`, which count as one list.
  AcceptEncoding(const char* base, const FieldList& fields) noexcept;

  /// Takes in one field. A member that is malformed, or that is there twice, counts for the worse:
  /// an answer without a coding is always understood.
  void add(std::string_view value) noexcept;

  /// The coding of `offered` that the client likes best; of equals the first. nullopt: the answer
  /// is to have no coding, because there was no field, it names none of these, or it likes
  /// "identity" better.
  [[nodiscard]] std::optional<ContentCoding> choose(
      std::span<const ContentCoding> offered) const noexcept;

 private:
  static constexpr int kUnsaid = -1;
  enum Slot : std::size_t { kIdentity = kContentCodings, kAny, kSlots };

  /// 0 to 1000.
  [[nodiscard]] int quality_of(ContentCoding coding) const noexcept;

  std::array<int, kSlots> qualities_;  // codings in their order, then identity and "*"
};

/// "text/html", "text/*" or "application/*+json" without parameters (RFC 9110 section 8.3.1).
[[nodiscard]] bool is_media_range(std::string_view text) noexcept;

/// The media type of a Content-Type, without its parameters.
[[nodiscard]] std::string_view media_type_of(std::string_view content_type) noexcept;

/// Whether a media type (in any case) is one of a media range in lower case.
[[nodiscard]] bool is_in_media_range(std::string_view type, std::string_view range) noexcept;

/// Whether a field of that name lists `member`, which is in lower case; both in any case.
[[nodiscard]] bool lists(const char* base, const FieldList& fields, std::string_view name,
                         std::string_view member) noexcept;

}  // namespace tandem::http
