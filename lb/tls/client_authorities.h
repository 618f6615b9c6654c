// ClientAuthorities: whose certificates clients may show, and which of them are revoked. Immutable
// once read; any thread.
#pragma once

#include "common/result.h"
#include "lb/tls/openssl.h"

#include <cstdint>
#include <string_view>
#include <vector>

namespace tandem::lb::tls {

class ClientAuthorities {
 public:
  /// PEM. Errors: no certificate in it, or one that cannot be read.
  [[nodiscard]] static Result<ClientAuthorities> read(std::string_view pem);
  /// Revocation lists in PEM, once. From now on every CA between a client and its root must have
  /// one that is in force. Errors: none in it, or one that cannot be read.
  [[nodiscard]] Result<void> revoke(std::string_view pem);

  /// Unix seconds: when the first of the lists is no longer in force, and with it nobody is let in;
  /// the most there is if there are none, or they do not say.
  [[nodiscard]] std::int64_t revocations_until() const noexcept { return revocations_until_; }
  /// Has `context` believe them and name them to clients.
  void use_in(SSL_CTX* context) const;

 private:
  using StorePointer = std::unique_ptr<X509_STORE, FreeBy<X509_STORE_free>>;

  ClientAuthorities();

  std::vector<CertificatePointer> authorities_;
  StorePointer store_;
  std::int64_t revocations_until_;
};

}  // namespace tandem::lb::tls
