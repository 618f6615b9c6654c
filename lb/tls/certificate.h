// Certificate: one PEM file understood: whom the certificate is for, how long, with which key, and
// what leads from it to its CA. Whether clients trust it is theirs to say. Immutable; any thread.
#pragma once

#include "common/result.h"
#include "lb/tls/openssl.h"
#include "lb/tls/server_options.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::lb::tls {

/// What a client must be able to verify. Of each type one certificate can be served for a name.
enum class KeyType : std::uint8_t { kRsa, kRsaPss, kEcdsa, kEd25519, kEd448 };
[[nodiscard]] std::string_view word_of(KeyType type) noexcept;  // "RSA", "ECDSA" …

class Certificate {
 public:
  /// Errors, without the path: no certificate, no key, a key with a passphrase, one of another
  /// certificate, what OpenSSL cannot read or finds too weak to serve.
  [[nodiscard]] static Result<Certificate> read(const CertificateFile& file);

  /// In lower case: exact ones and "*.example.org"; of the subject alternative name, or the common
  /// name where there is no alternative (RFC 9525 would drop that, tools that make certificates for
  /// tests have not). May be empty.
  [[nodiscard]] const std::vector<std::string>& names() const noexcept { return names_; }
  [[nodiscard]] KeyType key_type() const noexcept { return key_type_; }
  /// Unix seconds.
  [[nodiscard]] std::int64_t valid_from() const noexcept { return valid_from_; }
  [[nodiscard]] std::int64_t expires_at() const noexcept { return expires_at_; }
  /// Who signed it, as far as a common name says.
  [[nodiscard]] std::string issuer_name() const;
  /// Nobody in the file has signed it, itself included: clients must have the issuer already.
  [[nodiscard]] bool lacks_issuer() const noexcept;
  /// The certificate of its issuer out of the file; nullptr: it is not there.
  [[nodiscard]] X509* issuer() const noexcept { return issuer_; }

  [[nodiscard]] X509* leaf() const noexcept { return chain_.front().get(); }
  /// Serves it beside what `context` has of other types. Errors: OpenSSL does not take it.
  [[nodiscard]] Result<void> use_in(SSL_CTX* context) const;

 private:
  Certificate() = default;

  std::vector<CertificatePointer> chain_;  // its own first
  KeyPointer key_;
  std::vector<std::string> names_;
  KeyType key_type_ = KeyType::kRsa;
  std::int64_t valid_from_ = 0;
  std::int64_t expires_at_ = 0;
  X509* issuer_ = nullptr;  // in chain_
};

/// Unix seconds of a time in a certificate, a CRL or an OCSP response; the least there is if it
/// cannot be read, so that what hangs on it is over.
[[nodiscard]] std::int64_t unix_seconds(const ASN1_TIME* time) noexcept;

}  // namespace tandem::lb::tls
