// What TLS towards clients of one bind is made of: plain values that can be compared, with what the
// files held in place of their names. No OpenSSL here.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::lb::tls {

/// A PEM file and what stands beside it, as read; certificate.h understands it.
struct CertificateFile {
  std::string path;  // for messages
  std::string
      pem;  // the certificate, what leads from it to its CA, and the key unless `key` has it
  std::string key;   // text of "PATH.key"; empty: there is none, or the key stands in `pem`
  std::string ocsp;  // bytes of "PATH.ocsp": an OCSP response in DER; empty: there is none
  friend bool operator==(const CertificateFile&, const CertificateFile&) = default;
};

enum class Version : std::uint8_t { kTls12, kTls13 };

/// Whether clients must show a certificate.
enum class Verify : std::uint8_t { kNone, kOptional, kRequired };

// Mozilla's "intermediate" (guidelines 5.7) without DHE: every client of the last ten years has
// elliptic curves, and their handshake costs a tenth.
inline constexpr std::string_view kDefaultCiphers =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
inline constexpr std::string_view kDefaultCiphersuites =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
inline constexpr std::string_view kDefaultCurves = "X25519:P-256:P-384";

struct ServerOptions {
  std::vector<CertificateFile> certificates;  // at least one; the first is the default
  Version min_version = Version::kTls12;
  Version max_version = Version::kTls13;
  std::string ciphers{kDefaultCiphers};            // of TLS 1.2, as openssl-ciphers(1) has it
  std::string ciphersuites{kDefaultCiphersuites};  // of TLS 1.3
  std::string curves{kDefaultCurves};
  std::vector<std::string> alpn = {"h2",
                                   "http/1.1"};  // best first; empty: the extension is passed over
  bool strict_sni = false;  // no certificate for a name, or no name: the handshake ends
  Verify verify = Verify::kNone;
  std::uint32_t verify_depth = 9;  // certificates between a client's and its CA's
  std::string client_authorities;  // PEM; empty only with Verify::kNone
  std::string client_revocations;  // CRLs in PEM; empty: none is asked
  std::string ticket_keys;         // see ticket_keys.h; empty: random ones, of this context alone
  friend bool operator==(const ServerOptions&, const ServerOptions&) = default;
};

}  // namespace tandem::lb::tls
