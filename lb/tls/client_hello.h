// ClientHello: what a TLS client says before anything is encrypted, read from the first bytes of a
// connection whose TLS ends elsewhere. It only reads: nothing is decrypted, answered or taken away.
// No socket, no clock, no OpenSSL. Thread: any.
//
//   record        22 | version 3.x | length, 2 bytes | fragment       (RFC 8446 section 5.1)
//   message       1 | length, 3 bytes | hello, in as many records as it takes  (section 4)
//   hello         version | random, 32 bytes | session id | ciphers | compression |
//                 extensions: type, 2 bytes | length, 2 bytes | data  (section 4.1.2)
//   server_name   list of one: 0 | length, 2 bytes | name             (RFC 6066 section 3)
//   ALPN          list of: length, 1 byte | name                      (RFC 7301 section 3.1)
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::lb::tls {

/// Longest hello that is read, heads of records included. Those of browsers take up to 2 KiB.
inline constexpr std::size_t kClientHelloBytesMax = 16'384;
/// Longest name in one, as in OpenSSL (TLSEXT_MAXLEN_host_name).
inline constexpr std::size_t kServerNameBytesMax = 255;

/// Nothing in it is proven: whoever connects can write what he likes.
struct ClientHello {
  std::string server_name;             // as it was written, no zero byte in it; empty: none
  std::vector<std::string> protocols;  // offered by ALPN, in the client's order
  friend bool operator==(const ClientHello&, const ClientHello&) = default;
};

enum class NoHello : std::uint8_t {
  kNotWhole,  // further bytes may make it one
  kTooLong,   // it would take more than kClientHelloBytesMax
  kNotTls,    // something else, a hello of SSL 2.0, or one that breaks its own rules
};

/// Reads the hello at the beginning of `bytes`; what follows it does not matter.
///
/// Anything but kNotWhole is said as early as it can be, and stays what it is when more bytes come.
/// A server that is OpenSSL sees the same name and protocols in it.
[[nodiscard]] std::expected<ClientHello, NoHello> read_client_hello(std::string_view bytes);

}  // namespace tandem::lb::tls
