// What single field values mean to a proxy: lengths, codings, authorities, Connection options.
// Pure functions over text whose bytes the scanner has already allowed.
#pragma once

#include "http/message.h"

#include <cstdint>
#include <optional>
#include <string_view>

namespace tandem::http {

/// One run of 1 to 19 digits below 2^63 and nothing else (RFC 9110 §8.6); nullopt: refuse.
[[nodiscard]] std::optional<std::uint64_t> content_length(std::string_view value) noexcept;

enum class Coding : std::uint8_t {
  kChunked,  // exactly "chunked" in any case
  kUnknown,  // a list of tokens with another coding among them: 501 (RFC 9112 §6.1)
  kInvalid,  // empty members, "chunked" twice, parameters, no tokens: 400
};
[[nodiscard]] Coding transfer_coding(std::string_view value) noexcept;

/// uri-host [ ":" port ] (RFC 9110 §7.2): a non-empty name or an address, a port of digits up to
/// 65535. Userinfo, escapes, commas, zone ids and an empty port are refused.
[[nodiscard]] bool is_valid_authority(std::string_view text) noexcept;

/// Same host in any case and same port, where a missing one is `default_port`. Both valid.
[[nodiscard]] bool same_authority(std::string_view a, std::string_view b,
                                  std::uint32_t default_port) noexcept;

/// Whether a Connection option names a field that ends at this hop and is not left out anyway.
/// Fields meant for everyone on the way (Content-*, Authorization, Host, Cookie, X-Forwarded-* and
/// their like) cannot be named away, as RFC 9110 §7.6.1 forbids senders to try: a client must not
/// be able to strip what a trusted proxy before us has added.
[[nodiscard]] bool names_a_field(std::string_view option) noexcept;

/// Sets named_by_connection on each field that an option of Connection names.
void mark_nominated_fields(const char* base, FieldList& fields) noexcept;

/// Whether the Upgrade fields name only protocols that may be tunnelled after 101, and at least
/// one. Not HTTP itself (h2c) and not TLS: requests inside such a tunnel would go round every rule.
[[nodiscard]] bool upgrade_may_pass(const char* base, const FieldList& fields) noexcept;

/// Fields a sender must not put into trailers and which a peer that merges trailers into the head
/// would be misled by: framing, routing, authority, connection (RFC 9110 §6.5.1).
[[nodiscard]] bool is_forbidden_trailer(std::string_view name) noexcept;

}  // namespace tandem::http
