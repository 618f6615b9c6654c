// Heads back into bytes: every forwarded head is built anew from parsed parts, as HTTP/1.1, with
// the fields that end at this hop left out (RFC 9110 §7.6.1) and framing written from `framing`
// alone. Pure: it writes into the caller's buffer and allocates nothing. Thread: any.
#pragma once

#include "http/message.h"

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

namespace tandem::http {

/// A field to write as it stands. Name and value come from the configuration or from ourselves and
/// are trusted to hold no CR, LF or NUL.
struct AddedField {
  std::string_view name;
  std::string_view value;
};

struct RequestEdits {
  /// Client address for a new X-Forwarded-For field behind all others, as HAProxy's option
  /// forwardfor adds it; empty: none.
  std::string_view forwarded_for = {};
  /// Host to write in place of the request's own; empty: the request's.
  std::string_view authority = {};
  /// Host for a request that has none (HTTP/1.0), since HTTP/1.1 demands one. Empty: an empty Host.
  std::string_view missing_host = {};
  std::span<const AddedField> added = {};          // written behind its own, in order
  std::span<const std::string_view> removed = {};  // names in any case; not Host, not framing
  bool drop_expect = false;                        // we answered or will answer 100 ourselves
  bool keep_upgrade = false;                       // with head.upgrade: tunnel may follow
  bool close = false;                              // Connection: close towards the server
};

struct ResponseEdits {
  /// What the client is told about its connection. HTTP/1.1 clients need no word for kKeepAlive,
  /// HTTP/1.0 clients do.
  enum class Connection : std::uint8_t { kSilent, kKeepAlive, kClose };
  Connection connection = Connection::kSilent;
  /// Framing towards the client; see framing_for_client().
  BodyFraming framing = {};
  std::span<const AddedField> added = {};
  std::span<const std::string_view> removed = {};
  bool keep_upgrade = false;  // a 101 that opens a tunnel
};

/// How a response body goes to a client: as it came, but an HTTP/1.0 client gets no chunks and what
/// ends with the server's close becomes chunked for an HTTP/1.1 client, so that its connection may
/// stay and a truncation shows. kUntilClose back means: say Connection: close.
[[nodiscard]] BodyFraming framing_for_client(const ResponseHead& head,
                                             std::uint8_t client_version) noexcept;

/// Enough room for encode_request() with these edits.
[[nodiscard]] std::size_t request_bytes_bound(const RequestHead& head,
                                              const RequestEdits& edits) noexcept;
/// Writes the head for a server: origin-form, HTTP/1.1. `base` is where the decoded message stands.
/// @return bytes written; nullopt: `out` is smaller than request_bytes_bound().
[[nodiscard]] std::optional<std::size_t> encode_request(std::span<char> out, const char* base,
                                                        const RequestHead& head,
                                                        const RequestEdits& edits) noexcept;

/// Enough room for encode_response() with these edits.
[[nodiscard]] std::size_t response_bytes_bound(const ResponseHead& head,
                                               const ResponseEdits& edits) noexcept;
/// Writes the head for a client, always as HTTP/1.1 (RFC 9110 §2.5).
/// @return bytes written; nullopt: `out` is smaller than response_bytes_bound().
[[nodiscard]] std::optional<std::size_t> encode_response(std::span<char> out, const char* base,
                                                         const ResponseHead& head,
                                                         const ResponseEdits& edits) noexcept;

}  // namespace tandem::http
