// What stands in a PEM file (RFC 7468), taken out by kind; text around it and other kinds are
// passed over. Pure; any thread. Errors are words for a person and show nothing of a key.
#pragma once

#include "common/result.h"
#include "lb/tls/openssl.h"

#include <string_view>
#include <vector>

namespace tandem::lb::tls {

using RevocationsPointer = std::unique_ptr<X509_CRL, FreeBy<X509_CRL_free>>;

/// In the order of the file; may be none. Errors: one of them cannot be read.
[[nodiscard]] Result<std::vector<CertificatePointer>> certificates_in(std::string_view pem);
[[nodiscard]] Result<std::vector<RevocationsPointer>> revocations_in(std::string_view pem);

[[nodiscard]] bool has_key(std::string_view pem);
/// The first private key. Errors: there is none, it has a passphrase, it cannot be read.
[[nodiscard]] Result<KeyPointer> key_in(std::string_view pem);

}  // namespace tandem::lb::tls
