// What TLS towards clients of one bind is made of: plain values that can be compared, with what the
// files held in place of their names. No OpenSSL here.
#pragma once

#include "lb/tls/protocol_options.h"

#include <cstdint>
#include <string>
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

/// Whether clients must show a certificate.
enum class Verify : std::uint8_t { kNone, kOptional, kRequired };

struct ServerOptions : ProtocolOptions {
  std::vector<CertificateFile> certificates;  // at least one; the first is the default
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
