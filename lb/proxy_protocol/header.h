// The PROXY protocol (HAProxy's proxy-protocol.txt, revision of 2020/03/05): a header in front of
// the first byte of a connection that tells whose connection it really is. Decoder and encoder of
// both versions; no socket, no clock. Thread: any.
//
//   version 1   "PROXY " ("TCP4" | "TCP6") " " source " " destination " " port " " port CRLF
//               "PROXY UNKNOWN" [" " anything] CRLF
//   version 2   signature, 12 bytes | version, command | family, transport | length, 2 bytes
//               source and destination address, then their ports; 12, 36 or 216 bytes
//               TLVs: type, length of 2 bytes, value
#pragma once

#include "common/address.h"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string_view>

namespace tandem::lb::proxy_protocol {

/// Longest line of version 1, CRLF included (section 2.1).
inline constexpr std::size_t kV1BytesMax = 107;
/// Longest header of version 2 that is taken. The protocol allows 16 + 65,535 bytes; addresses and
/// what is said of TLS take some hundred.
inline constexpr std::size_t kV2BytesMax = 4096;
inline constexpr std::size_t kHeaderBytesMax = kV2BytesMax;
/// Longest id in a PP2_TYPE_UNIQUE_ID (section 2.2.5).
inline constexpr std::size_t kUniqueIdBytesMax = 128;

enum class Version : std::uint8_t { kV1 = 1, kV2 = 2 };

/// PP2_TYPE_SSL (section 2.2.6): how the client was encrypted towards whoever sends the header.
struct Tls {
  bool is_encrypted = true;                   // PP2_CLIENT_SSL
  bool has_certificate_here = false;          // PP2_CLIENT_CERT_CONN: shown on this connection
  bool has_certificate = false;               // PP2_CLIENT_CERT_SESS: shown in this session
  std::uint32_t verify = 1;                   // 0: there is a certificate, and it is good
  std::string_view version = {};              // "TLSv1.3"
  std::string_view common_name = {};          // of the client's certificate
  std::string_view cipher = {};               // "TLS_AES_128_GCM_SHA256"
  std::string_view signature_algorithm = {};  // of the certificate presented by the frontend
  std::string_view key_algorithm = {};
  friend bool operator==(const Tls&, const Tls&) = default;
};

/// What only version 2 can say; an empty text is not sent. Other TLVs are passed over.
struct Extras {
  std::string_view alpn = {};       // protocol chosen with the client, such as "h2"
  std::string_view authority = {};  // host name the client asked for in TLS, UTF-8
  std::string_view unique_id = {};  // at most kUniqueIdBytesMax
  std::optional<Tls> tls = std::nullopt;
  bool is_sealed = false;  // with a CRC32C over the header
  friend bool operator==(const Extras&, const Extras&) = default;
};

struct Header {
  Version version = Version::kV2;
  /// It says nothing of addresses (LOCAL, UNKNOWN, or a family without any): those of the
  /// connection count. Then the two below are empty, and so are the extras of one that was decoded.
  bool is_local = true;
  SocketAddress source = {};  // the client
  SocketAddress destination = {};
  /// Views into the bytes that were decoded.
  Extras extras = {};
  /// Of the whole header, when it was decoded.
  std::size_t bytes = 0;
};

enum class Refusal : std::uint8_t {
  kMissing,      // the first bytes are no PROXY header
  kMalformed,    // it breaks the rules of its version
  kUnsupported,  // a version, command or family that does not exist
  kTooLong,      // over kV1BytesMax or kV2BytesMax
  kChecksum,     // its CRC32C is wrong
  kCount,
};

struct Fault {
  Refusal refusal;
  std::string_view words;  // for a person; constant
};

/// Reads the header at the beginning of `bytes`; what follows it does not matter.
///
/// nullopt: it is not whole yet. A header is refused as early as it can be and at the latest with
/// kHeaderBytesMax bytes. The verdict does not change when more bytes come.
[[nodiscard]] std::expected<std::optional<Header>, Fault> decode(std::string_view bytes);

/// Writes `header`; its `bytes` does not matter, and neither do the extras in version 1.
///
/// An IPv4 address beside an IPv6 one is written as a v4-mapped one; two v4-mapped ones as IPv4.
/// Two Unix addresses are UNKNOWN in version 1. Any other pair says nothing of addresses.
/// @return bytes written, at most kHeaderBytesMax; nullopt: more than that or than `out`, or a
/// unique id over kUniqueIdBytesMax.
[[nodiscard]] std::optional<std::size_t> encode(std::span<char> out, const Header& header) noexcept;

/// Room for every header without extras.
inline constexpr std::size_t kPlainBytesMax = 256;

}  // namespace tandem::lb::proxy_protocol
