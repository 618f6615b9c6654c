// What clients are offered, shown and refused.
#include "lb/tls/server_context.h"

#include "test/support/authority.h"
#include "test/unit/lb/tls/handshake.h"

#include <catch2/catch.hpp>

namespace tandem::lb::tls {
namespace {

using testing::Authority;
using Key = Authority::Key;

constexpr std::string_view kHttp1 = "\x08http/1.1";
constexpr std::string_view kHttp2 = "\x02h2";

/// Served for `names` ("DNS:a.example,DNS:*.a.example"), called by the first letter of its CN.
CertificateFile site(const Authority& authority, const std::string& common_name,
                     const std::string& names, Key key = Key::kEcdsa) {
  return file_of(
      common_name + ".pem",
      authority.certificate({.common_name = common_name, .alternative = names, .key = key}));
}

TEST_CASE("The name asked for decides which certificate is shown") {
  const Authority authority("the CA");
  ServerOptions options;
  options.certificates = {site(authority, "first", "DNS:first.example"),
                          site(authority, "wild", "DNS:*.example.org"),
                          site(authority, "exact", "DNS:www.example.org")};
  const auto context = context_of(options);
  const auto shown = [&](const std::string& name, int version) {
    const Handshake handshake(*context, {.server_name = name, .version = version});
    CHECK(handshake.client_error() == "");
    return handshake.shown();
  };
  const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  CHECK(shown("www.example.org", version) == "exact");
  CHECK(shown("WWW.EXAMPLE.ORG", version) == "exact");
  CHECK(shown("api.example.org", version) == "wild");
  CHECK(shown("first.example", version) == "first");
  CHECK(shown("unknown.example", version) == "first");
  CHECK(shown("", version) == "first");
}

TEST_CASE("Strict about names, the handshake of who asks for another one ends with the alert") {
  const Authority authority("the CA");
  ServerOptions options;
  options.certificates = {site(authority, "first", "DNS:first.example")};
  options.strict_sni = true;
  const auto context = context_of(options);
  CHECK(Handshake(*context, {.server_name = "first.example"}).is_good());
  const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  for (const std::string name : {"other.example", ""}) {
    const Handshake handshake(*context, {.server_name = name, .version = version});
    CHECK_FALSE(handshake.is_good());
    CHECK(handshake.client_error() == "tlsv1 unrecognized name");
  }
}

TEST_CASE("RSA and ECDSA stand side by side, and the client's abilities decide") {
  const Authority authority("the CA");
  ServerOptions options;
  options.certificates = {site(authority, "default", "DNS:default.example"),
                          site(authority, "rsa", "DNS:a.example", Key::kRsa),
                          site(authority, "ecdsa", "DNS:a.example")};
  const auto context = context_of(options);
  const auto shown = [&](const ClientWish& wish) {
    const Handshake handshake(*context, wish);
    CHECK(handshake.client_error() == "");
    return handshake.shown();
  };
  const std::string name = "a.example";
  CHECK(shown({.server_name = name, .version = TLS1_3_VERSION}) == "ecdsa");
  CHECK(shown({.server_name = name,
               .version = TLS1_3_VERSION,
               .signatures = "rsa_pss_rsae_sha256"}) == "rsa");
  CHECK(shown({.server_name = name,
               .version = TLS1_3_VERSION,
               .signatures = "ecdsa_secp256r1_sha256"}) == "ecdsa");
  CHECK(shown({.server_name = name,
               .version = TLS1_2_VERSION,
               .ciphers = "ECDHE-RSA-AES128-GCM-SHA256"}) == "rsa");
  CHECK(shown({.server_name = name,
               .version = TLS1_2_VERSION,
               .ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256"}) == "ecdsa");
}

TEST_CASE("The chain of each certificate is its own") {
  const Authority root("the root");
  const Authority one("one", root);
  const Authority other("other", root);
  const auto chained = [](const Authority& by, const std::string& name, Key key) {
    const auto issued = by.issue({.common_name = name, .alternative = "DNS:a", .key = key});
    return file_of(name, issued.certificate + by.pem() + issued.key);
  };
  ServerOptions options;
  options.certificates = {chained(one, "rsa", Key::kRsa), chained(other, "ecdsa", Key::kEcdsa)};
  const auto context = context_of(options);
  const auto issuer = [&](const std::string& ciphers) {
    const Handshake handshake(*context,
                              {.server_name = "a", .version = TLS1_2_VERSION, .ciphers = ciphers});
    STACK_OF(X509)* chain = SSL_get_peer_cert_chain(handshake.client());
    REQUIRE(sk_X509_num(chain) == 2);
    char name[64];
    X509_NAME_get_text_by_NID(X509_get_subject_name(sk_X509_value(chain, 1)), NID_commonName, name,
                              sizeof name);
    return std::string(name);
  };
  CHECK(issuer("ECDHE-RSA-AES128-GCM-SHA256") == "one");
  CHECK(issuer("ECDHE-ECDSA-AES128-GCM-SHA256") == "other");
}

TEST_CASE("Versions are 1.2 and 1.3 unless told otherwise") {
  const Authority authority("the CA");
  ServerOptions options;
  options.certificates = {site(authority, "a", "DNS:a")};
  const auto outcome = [&](int version) {
    const auto context = context_of(options);
    const Handshake handshake(*context, {.version = version});
    return handshake.is_good() ? std::string(SSL_get_version(handshake.client()))
                               : handshake.client_error();
  };
  CHECK(outcome(0) == "TLSv1.3");
  CHECK(outcome(TLS1_2_VERSION) == "TLSv1.2");
  CHECK(outcome(TLS1_1_VERSION) == "tlsv1 alert protocol version");
  CHECK(outcome(TLS1_VERSION) == "tlsv1 alert protocol version");
  options.min_version = Version::kTls13;
  CHECK(outcome(TLS1_2_VERSION) == "tlsv1 alert protocol version");
  options.min_version = Version::kTls12;
  options.max_version = Version::kTls12;
  CHECK(outcome(0) == "TLSv1.2");
  CHECK(outcome(TLS1_3_VERSION) == "tlsv1 alert protocol version");
}

TEST_CASE("Without forward secrecy nothing is spoken") {
  const Authority authority("the CA");
  ServerOptions options;
  options.certificates = {site(authority, "a", "DNS:a", Key::kRsa)};
  const auto context = context_of(options);
  for (const char* cipher : {"AES128-GCM-SHA256", "AES256-SHA", "ECDHE-RSA-AES128-SHA256",
                             "DHE-RSA-AES128-GCM-SHA256"}) {
    const Handshake handshake(*context, {.version = TLS1_2_VERSION, .ciphers = cipher});
    INFO(cipher);
    CHECK(handshake.client_error() == "sslv3 alert handshake failure");
    CHECK(handshake.server_error() == "no shared cipher");
  }
}

TEST_CASE("The client's order of ciphers counts") {
  const Authority authority("the CA");
  ServerOptions options;
  options.certificates = {site(authority, "a", "DNS:a")};
  const auto context = context_of(options);
  const Handshake handshake(
      *context, {.version = TLS1_2_VERSION,
                 .ciphers = "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256"});
  CHECK(SSL_get_cipher_name(handshake.client()) == std::string("ECDHE-ECDSA-CHACHA20-POLY1305"));
}

TEST_CASE("A client that wants to negotiate anew is told no") {
  const Authority authority("the CA");
  ServerOptions options;
  options.certificates = {site(authority, "a", "DNS:a")};
  const auto context = context_of(options);
  const Handshake handshake(*context, {.version = TLS1_2_VERSION});
  REQUIRE(handshake.is_good());
  CHECK(SSL_get_options(handshake.server()) & SSL_OP_NO_RENEGOTIATION);
  REQUIRE(SSL_renegotiate(handshake.client()) == 1);
  static_cast<void>(SSL_do_handshake(handshake.client()));
  char byte;
  CHECK(SSL_read(handshake.server(), &byte, 1) < 0);
  CHECK(SSL_read(handshake.client(), &byte, 1) <= 0);
  CHECK(error_text() == "no renegotiation");
}

TEST_CASE("A protocol is agreed on, and a client that speaks none of ours is refused") {
  const Authority authority("the CA");
  ServerOptions options;
  options.certificates = {site(authority, "a", "DNS:a"), site(authority, "b", "DNS:b")};
  const auto context = context_of(options);
  const std::string name = GENERATE("a", "b");
  const auto ask = [&](std::string_view alpn) {
    return Handshake(*context, {.server_name = name, .alpn = std::string(alpn)});
  };
  CHECK(ask("").is_good());
  CHECK(ask("").protocol().empty());
  CHECK(ask(kHttp1).protocol() == "http/1.1");
  CHECK(ask(std::string(kHttp1) + std::string(kHttp2)).protocol() == "h2");
  CHECK(ask("\x02h3").client_error() == "tlsv1 alert no application protocol");
  options.alpn = {"http/1.1"};
  const auto without = context_of(options);
  CHECK(Handshake(*without, {.alpn = std::string(kHttp2) + std::string(kHttp1)}).protocol() ==
        "http/1.1");
  options.alpn.clear();
  const auto silent = context_of(options);
  CHECK(Handshake(*silent, {.alpn = std::string(kHttp2)}).is_good());
}

TEST_CASE("An answer of OCSP that is in force goes to clients that ask for it") {
  const Authority authority("the CA");
  const auto with = [&](const std::string& name, Authority::Statement says) {
    CertificateFile file = site(authority, name, "DNS:" + name);
    file.ocsp = authority.ocsp(file.pem, says);
    return file;
  };
  ServerOptions options;
  options.certificates = {with("good", {}), with("old", {.valid_from = -100, .valid_to = -50}),
                          with("early", {.valid_from = 100, .valid_to = 200}),
                          site(authority, "none", "DNS:none")};
  options.certificates.push_back(site(authority, "wrong", "DNS:wrong"));
  options.certificates.back().ocsp = options.certificates.front().ocsp;
  const auto context = context_of(options);
  const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  const auto stapled = [&](const std::string& name, bool asks) {
    const Handshake handshake(*context,
                              {.server_name = name, .version = version, .asks_for_ocsp = asks});
    CHECK(handshake.is_good());
    CHECK(handshake.shown() == name);
    return handshake.stapled();
  };
  CHECK(stapled("good", true) == options.certificates.front().ocsp);
  CHECK(stapled("good", false).empty());
  for (const char* name : {"old", "early", "none", "wrong"}) CHECK(stapled(name, true).empty());
}

TEST_CASE("Connections live longer than the context they began with") {
  const Authority authority("the CA");
  ServerOptions options;
  options.certificates = {site(authority, "a", "DNS:a"), site(authority, "b", "DNS:b")};
  auto context = context_of(options);
  SslPointer begun = context->begin();
  const Handshake handshake(*context, {.server_name = "b"});
  context.reset();
  CHECK(handshake.is_good());
  CHECK(SSL_new_session_ticket(handshake.server()) == 1);
  char byte = 'x';
  CHECK(SSL_write(handshake.server(), &byte, 1) == 1);  // with a ticket in front
  CHECK(SSL_read(handshake.client(), &byte, 1) == 1);
  CHECK(handshake.tickets() == 2);
}

TEST_CASE("What cannot be served is refused in words that name the file") {
  const Authority authority("the CA");
  ServerOptions options;
  CHECK(refusal(options) == "a certificate is missing");
  options.certificates = {file_of("/certs/a.pem", authority.pem())};
  CHECK(refusal(options) == "/certs/a.pem: holds no private key (PEM)");
  options.certificates = {site(authority, "weak", "DNS:a", Key::kWeakRsa)};
  CHECK(refusal(options) == "weak.pem: the certificate cannot be served: ee key too small");
  options.certificates = {site(authority, "a", "DNS:a")};
  CHECK(refusal(options) == "");
  options.ciphers = "nonsense";
  CHECK(refusal(options) == "OpenSSL knows no cipher \"nonsense\"");
  options.ciphers = kDefaultCiphers;
  options.alpn = {""};
  CHECK(refusal(options) == "the name of a protocol has 1 to 255 bytes");
  options.alpn.clear();
  options.ticket_keys = "?";
  CHECK(refusal(options) == "ticket keys: line 1 is not base64");
  options.ticket_keys.clear();
  options.verify = Verify::kRequired;
  CHECK(refusal(options) == "CA of clients: holds no certificate (PEM)");
  options.client_authorities = authority.pem();
  options.client_revocations = "nothing";
  CHECK(refusal(options) == "revocations: holds no revocation list (PEM)");
  options.client_revocations.clear();
  options.min_version = Version::kTls13;
  options.max_version = Version::kTls12;
  CHECK(refusal(options) == "no version of TLS is left");
  CHECK(ERR_peek_error() == 0);
}

}  // namespace
}  // namespace tandem::lb::tls
