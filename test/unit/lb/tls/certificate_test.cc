// What is read out of a PEM file, and the words with which one is refused.
#include "lb/tls/certificate.h"

#include "test/support/authority.h"

#include <catch2/catch.hpp>

#include <ctime>

namespace tandem::lb::tls {
namespace {

using testing::Authority;
using Names = std::vector<std::string>;

Result<Certificate> read(std::string pem, std::string key = {}) {
  return Certificate::read(
      {.path = "site.pem", .pem = std::move(pem), .key = std::move(key), .ocsp = {}});
}

std::string error_of(std::string pem, std::string key = {}) {
  const auto certificate = read(std::move(pem), std::move(key));
  return certificate ? std::string("accepted") : certificate.error().message;
}

TEST_CASE("Names are those of the alternative name, in lower case and each once") {
  const Authority authority("the CA");
  const auto names = [&](const std::string& common, const std::string& alternative) {
    return read(authority.certificate({.common_name = common, .alternative = alternative}))
        ->names();
  };
  CHECK(names("other.example", "DNS:WWW.Example.org,DNS:*.example.org,DNS:www.example.org") ==
        Names{"www.example.org", "*.example.org"});
  CHECK(names("other.example", "IP:192.0.2.1,email:a@example.org").empty());
  CHECK(names("Common.example", "") == Names{"common.example"});
  CHECK(names("My Own Certificate", "").empty());
  CHECK(names("x", "DNS:w*.example.org,DNS:*,DNS:.example.org").empty());
  CHECK(names(std::string("*.example.org"), "") == Names{"*.example.org"});
}

TEST_CASE("The type of the key and the time are those of the certificate") {
  const Authority authority("the CA");
  const auto rsa = read(authority.certificate({.common_name = "a",
                                               .alternative = "",
                                               .valid_from = -100,
                                               .valid_to = 200,
                                               .key = Authority::Key::kRsa}));
  REQUIRE(rsa);
  CHECK(rsa->key_type() == KeyType::kRsa);
  CHECK(word_of(rsa->key_type()) == "RSA");
  const std::int64_t now = std::time(nullptr);
  CHECK(std::abs(rsa->valid_from() - (now - 100)) <= 2);
  CHECK(std::abs(rsa->expires_at() - (now + 200)) <= 2);
  CHECK(read(authority.node("a"))->key_type() == KeyType::kEcdsa);
}

TEST_CASE("Certificate, chain and key may stand in any order, or the key in a file of its own") {
  const Authority root("the root");
  const Authority middle("the middle", root);
  const auto own = middle.issue({.common_name = "a", .alternative = "DNS:a"});
  CHECK_FALSE(read(own.certificate + middle.pem() + own.key)->lacks_issuer());
  CHECK_FALSE(read(own.key + own.certificate + middle.pem())->lacks_issuer());
  CHECK_FALSE(read(own.certificate + root.pem() + middle.pem(), own.key)->lacks_issuer());
  const auto alone = read("some text\n" + own.certificate, own.key);
  REQUIRE(alone);
  CHECK(alone->lacks_issuer());
  CHECK(alone->issuer_name() == "the middle");
  CHECK(alone->issuer() == nullptr);
}

TEST_CASE("A key in the file itself counts, whatever stands beside it") {
  const Authority authority("the CA");
  CHECK(read(authority.node("a"), Authority::some_key()));
}

TEST_CASE("Who has signed itself lacks nobody") {
  const auto own = read(Authority::self_signed({.common_name = "a", .alternative = "DNS:a"}));
  REQUIRE(own);
  CHECK_FALSE(own->lacks_issuer());
  CHECK(own->issuer() == nullptr);
}

TEST_CASE("Parameters of a curve may stand in front of its key, as openssl ecparam writes them") {
  const Authority authority("the CA");
  const auto own = authority.issue({.common_name = "a", .alternative = ""});
  const std::string parameters =
      "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
  CHECK(read(own.certificate + parameters + own.key));
  CHECK(read(parameters + own.key + own.certificate));
}

TEST_CASE("What cannot be served is refused in words") {
  const Authority authority("the CA");
  const auto own = authority.issue({.common_name = "a", .alternative = ""});
  CHECK(error_of("") == "holds no certificate (PEM)");
  CHECK(error_of("hello\n") == "holds no certificate (PEM)");
  CHECK(error_of(own.key) == "holds no certificate (PEM)");
  CHECK(error_of(own.certificate) == "holds no private key (PEM)");
  CHECK(error_of(own.certificate, "hello") ==
        "in the file beside it with \".key\": holds no private key (PEM)");
  CHECK(error_of(own.certificate + Authority::some_key()) ==
        "the private key is not that of the first certificate");
  CHECK(error_of(authority.pem() + own.certificate + own.key) ==
        "the private key is not that of the first certificate");
  const std::string locked = Authority::under_passphrase(own.key);
  const std::string words =
      "the private key has a passphrase, which nobody could type at every start: store it without "
      "(openssl pkey)";
  CHECK(error_of(own.certificate + locked) == words);
  CHECK(error_of(own.certificate, locked) == "in the file beside it with \".key\": " + words);
}

TEST_CASE("A damaged certificate or key is told from one that is missing") {
  const Authority authority("the CA");
  const auto own = authority.issue({.common_name = "a", .alternative = ""});
  const auto begins = [](const std::string& pem, const std::string& words) {
    CHECK(error_of(pem).substr(0, words.size()) == words);
  };
  std::string damaged = own.certificate;
  damaged.replace(damaged.find('\n') + 1, 8, "########");
  begins(own.certificate + damaged + own.key, "certificate 2 cannot be read: ");
  begins(own.certificate.substr(0, 200), "certificate 1 cannot be read: ");
  damaged = own.key;
  damaged.replace(damaged.find('\n') + 1, 8, "########");
  begins(own.certificate + damaged, "the private key cannot be read: ");
  CHECK(ERR_peek_error() == 0);
}

}  // namespace
}  // namespace tandem::lb::tls
