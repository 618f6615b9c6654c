#include "lb/tls/client_authorities.h"

#include "common/check.h"
#include "lb/tls/certificate.h"
#include "lb/tls/pem.h"

#include <openssl/x509_vfy.h>

#include <algorithm>
#include <limits>
#include <utility>

namespace tandem::lb::tls {

ClientAuthorities::ClientAuthorities()
    : store_(X509_STORE_new()), revocations_until_(std::numeric_limits<std::int64_t>::max()) {
  TANDEM_CHECK(store_ != nullptr);
}

Result<ClientAuthorities> ClientAuthorities::read(std::string_view pem) {
  auto authorities = certificates_in(pem);
  if (!authorities) return std::unexpected(authorities.error());
  if (authorities->empty()) return fail("holds no certificate (PEM)");
  ClientAuthorities made;
  made.authorities_ = std::move(*authorities);
  for (const CertificatePointer& one : made.authorities_)
    TANDEM_CHECK(X509_STORE_add_cert(made.store_.get(), one.get()) == 1);
  return made;
}

Result<void> ClientAuthorities::revoke(std::string_view pem) {
  const auto lists = revocations_in(pem);
  if (!lists) return std::unexpected(lists.error());
  if (lists->empty()) return fail("holds no revocation list (PEM)");
  for (const RevocationsPointer& list : *lists) {
    TANDEM_CHECK(X509_STORE_add_crl(store_.get(), list.get()) == 1);
    if (const ASN1_TIME* until = X509_CRL_get0_nextUpdate(list.get()))
      revocations_until_ = std::min(revocations_until_, unix_seconds(until));
  }
  X509_STORE_set_flags(store_.get(), X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
  return {};
}

void ClientAuthorities::use_in(SSL_CTX* context) const {
  TANDEM_CHECK(SSL_CTX_set1_verify_cert_store(context, store_.get()) == 1);
  for (const CertificatePointer& one : authorities_)
    TANDEM_CHECK(SSL_CTX_add1_to_CA_list(context, one.get()) == 1);
}

}  // namespace tandem::lb::tls
