// The fields that end at this hop, whatever version of HTTP is spoken on either side of it
// (RFC 9110 section 7.6.1, RFC 9113 section 8.2.2).
#pragma once

#include "http/message.h"

#include <cstdint>

namespace tandem::http {

/// A set of FieldId, one bit for each: what FieldList::has_any() takes.
using FieldMask = std::uint32_t;

[[nodiscard]] constexpr FieldMask mask(FieldId id) noexcept {
  return FieldMask{1} << static_cast<unsigned>(id);
}

/// Never copied: they end at this hop. TE too: of it only "trailers" is a promise that holds for
/// us as well.
inline constexpr FieldMask kHopFields =
    mask(FieldId::kConnection) | mask(FieldId::kHttp2Settings) | mask(FieldId::kKeepAlive) |
    mask(FieldId::kProxyConnection) | mask(FieldId::kTe) | mask(FieldId::kTransferEncoding);

/// TE promises that trailers will be read.
[[nodiscard]] bool accepts_trailers(const char* base, const RequestHead& head) noexcept;

}  // namespace tandem::http
