// Vocabulary: whether OpenSSL knows the words of "ciphers", "ciphersuites" and "curves". It passes
// over what it does not know as long as something is left; a typing error would go unnoticed. And
// how they come into a context. Any thread. Errors name the word.
#pragma once

#include "common/result.h"
#include "lb/tls/openssl.h"
#include "lb/tls/protocol_options.h"

#include <string_view>

namespace tandem::lb::tls {

/// A cipher string as openssl-ciphers(1) has it, for TLS 1.2. What is only taken out ("!3DES") may
/// be unknown.
[[nodiscard]] Result<void> check_ciphers(std::string_view list);
/// Names of TLS 1.3, separated by colons.
[[nodiscard]] Result<void> check_ciphersuites(std::string_view list);
/// Names of groups, separated by colons.
[[nodiscard]] Result<void> check_curves(std::string_view list);

/// All of these, and that a version is left.
[[nodiscard]] Result<void> check(const ProtocolOptions& options);
/// What check() has let through; whatever the machine's openssl.cnf says, at least 112 bits and no
/// SHA-1.
void use_in(SSL_CTX* context, const ProtocolOptions& options);

}  // namespace tandem::lb::tls
