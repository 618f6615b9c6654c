#include "lb/tls/vocabulary.h"

#include "common/check.h"
#include "common/text.h"
#include "lb/tls/openssl.h"

#include <fmt/format.h>

#include <string>
#include <vector>

namespace tandem::lb::tls {
namespace {

SslContextPointer scratch_context() {
  SslContextPointer context(SSL_CTX_new(TLS_server_method()));
  TANDEM_CHECK(context != nullptr);
  return context;
}

/// OpenSSL takes commas and blanks for colons in a cipher string.
std::vector<std::string> words_of(std::string_view list) {
  std::string text(list);
  for (char& c : text)
    if (c == ',' || c == ' ' || c == ';') c = ':';
  std::vector<std::string> words;
  for (const std::string_view word : split(text, ':'))
    if (!word.empty()) words.emplace_back(word);
  return words;
}

bool has_cipher(SSL_CTX* context, std::string_view name) {
  const STACK_OF(SSL_CIPHER)* ciphers = SSL_CTX_get_ciphers(context);
  for (int i = 0; i < sk_SSL_CIPHER_num(ciphers); ++i)
    if (SSL_CIPHER_get_name(sk_SSL_CIPHER_value(ciphers, i)) == name) return true;
  return false;
}

/// Empties OpenSSL's queue of errors.
Result<void> unknown(std::string_view what, std::string_view word) {
  ERR_clear_error();
  return fail(fmt::format("OpenSSL knows no {} \"{}\"", what, word));
}

int number_of(Version version) {
  return version == Version::kTls12 ? TLS1_2_VERSION : TLS1_3_VERSION;
}

}  // namespace

Result<void> check_ciphers(std::string_view list) {
  const SslContextPointer context = scratch_context();
  for (std::string_view word : words_of(list)) {
    if (word.starts_with('!') || word.starts_with('-') || word.starts_with('@')) continue;
    if (word.starts_with('+')) word.remove_prefix(1);
    if (SSL_CTX_set_cipher_list(context.get(), std::string(word).c_str()) != 1)
      return unknown("cipher", word);
  }
  const bool is_good = SSL_CTX_set_cipher_list(context.get(), std::string(list).c_str()) == 1;
  ERR_clear_error();
  if (!is_good) return fail("no cipher is left of it");
  return {};
}

Result<void> check_ciphersuites(std::string_view list) {
  const SslContextPointer context = scratch_context();
  for (const std::string_view word : split(list, ':')) {
    const std::string name(word);
    if (!word.starts_with("TLS_") || SSL_CTX_set_ciphersuites(context.get(), name.c_str()) != 1 ||
        !has_cipher(context.get(), name))
      return unknown("cipher suite of TLS 1.3", word);
  }
  return {};
}

Result<void> check_curves(std::string_view list) {
  const SslContextPointer context = scratch_context();
  for (const std::string_view word : split(list, ':'))
    if (word.empty() || SSL_CTX_set1_groups_list(context.get(), std::string(word).c_str()) != 1)
      return unknown("curve", word);
  return {};
}

Result<void> check(const ProtocolOptions& options) {
  if (options.max_version < options.min_version) return fail("no version of TLS is left");
  if (auto good = check_ciphers(options.ciphers); !good) return good;
  if (auto good = check_ciphersuites(options.ciphersuites); !good) return good;
  return check_curves(options.curves);
}

void use_in(SSL_CTX* context, const ProtocolOptions& options) {
  SSL_CTX_set_security_level(context, 2);
  TANDEM_CHECK(SSL_CTX_set_min_proto_version(context, number_of(options.min_version)) == 1);
  TANDEM_CHECK(SSL_CTX_set_max_proto_version(context, number_of(options.max_version)) == 1);
  TANDEM_CHECK(SSL_CTX_set_cipher_list(context, options.ciphers.c_str()) == 1);
  TANDEM_CHECK(SSL_CTX_set_ciphersuites(context, options.ciphersuites.c_str()) == 1);
  TANDEM_CHECK(SSL_CTX_set1_groups_list(context, options.curves.c_str()) == 1);
}

}  // namespace tandem::lb::tls
