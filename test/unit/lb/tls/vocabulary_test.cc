// What OpenSSL would pass over is named.
#include "lb/tls/vocabulary.h"

#include "lb/tls/openssl.h"
#include "lb/tls/server_options.h"

#include <catch2/catch.hpp>

#include <string>

namespace tandem::lb::tls {
namespace {

std::string text(const Result<void>& checked) {
  CHECK(ERR_peek_error() == 0);
  return checked ? std::string() : checked.error().message;
}

TEST_CASE("The defaults are known") {
  CHECK(text(check_ciphers(kDefaultCiphers)).empty());
  CHECK(text(check_ciphersuites(kDefaultCiphersuites)).empty());
  CHECK(text(check_curves(kDefaultCurves)).empty());
}

TEST_CASE("Ciphers may be written as OpenSSL has them, and a word it does not know is named") {
  CHECK(text(check_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20,HIGH !aNULL:!MD5:!3DES:-SHA1:@STRENGTH"))
            .empty());
  CHECK(text(check_ciphers("ALL:+SHA1:@SECLEVEL=2")).empty());
  CHECK(text(check_ciphers("ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA265")) ==
        "OpenSSL knows no cipher \"ECDHE-RSA-AES128-GCM-SHA265\"");
  CHECK(text(check_ciphers("HIGH:+SHAL")) == "OpenSSL knows no cipher \"SHAL\"");
  CHECK(text(check_ciphers("!ALL")) == "no cipher is left of it");
}

TEST_CASE("Cipher suites are those of TLS 1.3") {
  CHECK(text(check_ciphersuites("TLS_AES_128_CCM_SHA256")).empty());
  CHECK(text(check_ciphersuites("TLS_AES_128_GCM_SHA256:TLS_AES_128_GCM_SHA1")) ==
        "OpenSSL knows no cipher suite of TLS 1.3 \"TLS_AES_128_GCM_SHA1\"");
  CHECK(text(check_ciphersuites("ECDHE-RSA-AES128-GCM-SHA256")) ==
        "OpenSSL knows no cipher suite of TLS 1.3 \"ECDHE-RSA-AES128-GCM-SHA256\"");
  CHECK(text(check_ciphersuites("")) == "OpenSSL knows no cipher suite of TLS 1.3 \"\"");
}

TEST_CASE("Curves are named as OpenSSL or NIST names them") {
  CHECK(text(check_curves("X25519:P-256:secp384r1:prime256v1:X448")).empty());
  CHECK(text(check_curves("X25519:P-257")) == "OpenSSL knows no curve \"P-257\"");
  CHECK(text(check_curves("X25519:")) == "OpenSSL knows no curve \"\"");
}

}  // namespace
}  // namespace tandem::lb::tls
