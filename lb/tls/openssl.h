// What OpenSSL gives out, owned; and what it says when something goes wrong.
#pragma once

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

namespace tandem::lb::tls {

template <auto Function>
struct FreeBy {
  template <typename T>
  void operator()(T* pointer) const noexcept {
    Function(pointer);
  }
};

using SslPointer = std::unique_ptr<SSL, FreeBy<SSL_free>>;
using SslContextPointer = std::unique_ptr<SSL_CTX, FreeBy<SSL_CTX_free>>;
using BioPointer = std::unique_ptr<BIO, FreeBy<BIO_free_all>>;
using CertificatePointer = std::unique_ptr<X509, FreeBy<X509_free>>;
using KeyPointer = std::unique_ptr<EVP_PKEY, FreeBy<EVP_PKEY_free>>;

/// The first error in this thread's queue, in OpenSSL's words, without numbers; empty: none is
/// there. Empties the queue.
[[nodiscard]] std::string error_text();

}  // namespace tandem::lb::tls
