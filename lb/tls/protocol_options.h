// Which versions and algorithms of TLS are spoken, on either side: plain values that can be
// compared. No OpenSSL here.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tandem::lb::tls {

enum class Version : std::uint8_t { kTls12, kTls13 };

// Mozilla's "intermediate" (guidelines 5.7) without DHE: every client of the last ten years has
// elliptic curves, and their handshake costs a tenth.
inline constexpr std::string_view kDefaultCiphers =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
inline constexpr std::string_view kDefaultCiphersuites =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
inline constexpr std::string_view kDefaultCurves = "X25519:P-256:P-384";

struct ProtocolOptions {
  Version min_version = Version::kTls12;
  Version max_version = Version::kTls13;
  std::string ciphers{kDefaultCiphers};            // of TLS 1.2, as openssl-ciphers(1) has it
  std::string ciphersuites{kDefaultCiphersuites};  // of TLS 1.3
  std::string curves{kDefaultCurves};
  friend bool operator==(const ProtocolOptions&, const ProtocolOptions&) = default;
};

}  // namespace tandem::lb::tls
