// Vocabulary: whether OpenSSL knows the words of "ciphers", "ciphersuites" and "curves". It passes
// over what it does not know as long as something is left; a typing error would go unnoticed. Any
// thread. Errors name the word.
#pragma once

#include "common/result.h"

#include <string_view>

namespace tandem::lb::tls {

/// A cipher string as openssl-ciphers(1) has it, for TLS 1.2. What is only taken out ("!3DES") may
/// be unknown.
[[nodiscard]] Result<void> check_ciphers(std::string_view list);
/// Names of TLS 1.3, separated by colons.
[[nodiscard]] Result<void> check_ciphersuites(std::string_view list);
/// Names of groups, separated by colons.
[[nodiscard]] Result<void> check_curves(std::string_view list);

}  // namespace tandem::lb::tls
