// Certificates that are replaced over the control socket, in HAProxy's words.
#include "control_harness.h"
#include "test/support/authority.h"
#include "test/unit/lb/tls/handshake.h"

#include <catch2/catch.hpp>

namespace tandem::lb::control {
namespace {

using tandem::testing::Authority;
using tls::Handshake;

const Authority& authority() {
  static const Authority one("the CA");
  return one;
}

/// A certificate that calls itself `common_name`, for "a.example".
std::string pem_of(const std::string& common_name) {
  return authority().certificate({.common_name = common_name, .alternative = "DNS:a.example"});
}

config::BindSsl ssl_with(std::vector<tls::CertificateFile> files) {
  config::BindSsl ssl;
  ssl.certificates = std::move(files);
  return ssl;
}

/// Frontend "www" with three addresses: a plain one, one with a.pem and b.pem, one with a.pem.
config::Snapshot with_certificates() {
  config::Snapshot snapshot = make_config();
  config::Bind plain{.address = *SocketAddress::parse("127.0.0.1:80")};
  config::Bind both = plain;
  config::Bind one = plain;
  const tls::CertificateFile a = tls::file_of("/certs/a.pem", pem_of("first"));
  both.ssl = ssl_with({a, tls::file_of("/certs/b.pem", authority().node("b.example"))});
  one.ssl = ssl_with({a});
  snapshot.frontends[0].binds = {plain, both, one};
  snapshot.certificates = {{"/certs/a.pem", {"a.example"}, 1}, {"/certs/b.pem", {"b.example"}, 2}};
  return snapshot;
}

std::string set(ControlHarness& harness, const std::string& path, const std::string& pem) {
  return harness.ask("set ssl cert " + path + " <<\n" + pem);
}

/// Whom a client is shown when it asks for "a.example".
std::string shown_by(const CertificateStore::Context& context) {
  return Handshake(*context, {.server_name = "a.example"}).shown();
}

TEST_CASE("A new certificate is held back until it is committed, then every address serves it") {
  ControlHarness harness(with_certificates());
  CHECK(harness.ask("show ssl cert") == "# filename\n/certs/a.pem\n/certs/b.pem\n\n");
  CHECK(set(harness, "/certs/a.pem", pem_of("second")) ==
        "Transaction created for certificate /certs/a.pem!\n\n");
  CHECK(harness.ask("show ssl cert") ==
        "# transaction\n*/certs/a.pem\n# filename\n/certs/a.pem\n/certs/b.pem\n\n");
  CHECK(set(harness, "/certs/a.pem", pem_of("third")) ==
        "Transaction updated for certificate /certs/a.pem!\n\n");
  CHECK(harness.served.empty());
  CHECK(harness.ask("commit ssl cert /certs/a.pem") == "Committing /certs/a.pem..\nSuccess!\n\n");
  REQUIRE(harness.served.size() == 2);
  CHECK(harness.served[0].first.bind == 1);
  CHECK(harness.served[1].first.bind == 2);
  for (const auto& [place, context] : harness.served) CHECK(shown_by(context) == "third");
  CHECK(harness.ask("show ssl cert") == "# filename\n/certs/a.pem\n/certs/b.pem\n\n");
  // The other certificate of the address is still there.
  CHECK(Handshake(*harness.served[0].second, {.server_name = "b.example"}).shown() == "b.example");
  CHECK(harness.certificates.served()[0].expires_at > 1'000'000'000);
  CHECK(harness.certificates.served()[1].expires_at == 2);
}

TEST_CASE("A transaction may be aborted, and there is one at a time") {
  ControlHarness harness(with_certificates());
  CHECK(harness.ask("abort ssl cert /certs/a.pem") == "No ongoing transaction!\n\n");
  CHECK(harness.ask("commit ssl cert /certs/a.pem") ==
        "No ongoing transaction!\nCan't commit /certs/a.pem!\n\n");
  set(harness, "/certs/a.pem", pem_of("second"));
  CHECK(set(harness, "/certs/b.pem", pem_of("second")) ==
        "The ongoing transaction is about '/certs/a.pem' but you are trying to set "
        "'/certs/b.pem'\nCan't update /certs/b.pem!\n\n");
  CHECK(harness.ask("commit ssl cert /certs/b.pem") ==
        "The ongoing transaction is about '/certs/a.pem' but you are trying to commit "
        "'/certs/b.pem'\nCan't commit /certs/b.pem!\n\n");
  CHECK(harness.ask("abort ssl cert /certs/a.pem") ==
        "Transaction aborted for certificate '/certs/a.pem'!\n\n");
  CHECK(harness.ask("commit ssl cert /certs/a.pem").starts_with("No ongoing transaction!"));
  CHECK(harness.served.empty());
}

TEST_CASE("What cannot be served is refused when it is set, or changes nothing") {
  ControlHarness harness(with_certificates());
  CHECK(set(harness, "/certs/c.pem", pem_of("x")) ==
        "Can't replace a certificate which is not referenced by the configuration!\nCan't update "
        "/certs/c.pem!\n\n");
  CHECK(set(harness, "/certs/a.pem", "hello\n") ==
        "/certs/a.pem: holds no certificate (PEM)\nCan't update /certs/a.pem!\n\n");
  CHECK(set(harness, "/certs/a.pem", authority().pem()) ==
        "/certs/a.pem: holds no private key (PEM)\nCan't update /certs/a.pem!\n\n");
  CHECK(harness.ask("set ssl cert /certs/a.pem") ==
        "'set ssl cert expects a filename and a certificate as a payload\n\n");
  CHECK(harness.ask("commit ssl cert") == "'commit ssl cert' expects a filename\n\n");
  // The key is OpenSSL's to judge, when it is to be served.
  set(harness, "/certs/a.pem",
      authority().certificate({.common_name = "weak",
                               .alternative = "DNS:a.example",
                               .key = Authority::Key::kWeakRsa}));
  CHECK(harness.ask("commit ssl cert /certs/a.pem") ==
        "/certs/a.pem: the certificate cannot be served: ee key too small\nCan't commit "
        "/certs/a.pem!\n\n");
  CHECK(harness.served.empty());
  CHECK(harness.certificates.pending() != nullptr);
}

TEST_CASE("Tickets outlive the certificate under which they were given") {
  ControlHarness harness(with_certificates());
  const auto first = tls::context_of(*harness.fleet.snapshot->frontends[0].binds[2].ssl);
  harness.certificates.began({0, 2}, first);
  set(harness, "/certs/a.pem", pem_of("second"));
  CHECK(harness.ask("commit ssl cert /certs/a.pem").find("Success!") != std::string::npos);
  REQUIRE(harness.served.size() == 2);
  const Handshake before(*first, {.server_name = "a.example"});
  const Handshake after(*harness.served[1].second,
                        {.server_name = "a.example", .session = before.session()});
  CHECK(after.is_resumed());
}

TEST_CASE("Certificates that nobody serves may be made and deleted") {
  ControlHarness harness(with_certificates());
  CHECK(harness.ask("new ssl cert /certs/new.pem") ==
        "New empty certificate store '/certs/new.pem'!\n\n");
  CHECK(harness.ask("new ssl cert /certs/new.pem") ==
        "Certificate '/certs/new.pem' already exists!\n\n");
  CHECK(harness.ask("show ssl cert /certs/new.pem") ==
        "Filename: /certs/new.pem\nStatus: Empty\n\n");
  set(harness, "/certs/new.pem", pem_of("new"));
  CHECK(harness.ask("commit ssl cert /certs/new.pem") == "Committing /certs/new.pem\nSuccess!\n\n");
  CHECK(harness.ask("show ssl cert /certs/new.pem").find("\nStatus: Unused\n") !=
        std::string::npos);
  CHECK(harness.ask("del ssl cert /certs/new.pem") == "Certificate '/certs/new.pem' deleted!\n\n");
  CHECK(harness.ask("del ssl cert /certs/new.pem") ==
        "Can't remove the certificate: certificate '/certs/new.pem' doesn't exist!\n\n");
  CHECK(harness.ask("del ssl cert /certs/a.pem") ==
        "Can't remove the certificate: certificate '/certs/a.pem' in use, can't be deleted!\n\n");
}

TEST_CASE("A certificate is shown with whom it is for, until when, and by whom") {
  ControlHarness harness(with_certificates());
  const std::string text = harness.ask("show ssl cert /certs/a.pem");
  for (const std::string line :
       {"Filename: /certs/a.pem", "Status: Used", "Subject Alternative Name: DNS:a.example",
        "Algorithm: EC256", "Subject: /CN=first", "Issuer: /CN=the CA"})
    CHECK(("\n" + text).find("\n" + line + "\n") != std::string::npos);
  for (const std::string key : {"Serial: ", "notBefore: ", "notAfter: ", "SHA1 FingerPrint: "})
    CHECK(text.find("\n" + key) != std::string::npos);
  CHECK(text.find(" GMT\n") != std::string::npos);
  CHECK(text.find("PRIVATE") == std::string::npos);
  set(harness, "/certs/a.pem", pem_of("second"));
  CHECK(harness.ask("show ssl cert */certs/a.pem").find("Subject: /CN=second") !=
        std::string::npos);
  CHECK(harness.ask("show ssl cert */certs/b.pem") ==
        "Can't display the certificate: Not found or the certificate is a bundle!\n\n");
  CHECK(harness.ask("show ssl cert nope") ==
        "Can't display the certificate: Not found or the certificate is a bundle!\n\n");
}

TEST_CASE("Only an administrator replaces certificates") {
  ControlHarness harness(with_certificates());
  using command::Level;
  for (const std::string line : {"new ssl cert x", "set ssl cert x", "commit ssl cert x",
                                 "abort ssl cert x", "del ssl cert x"})
    CHECK(harness.ask(line, Level::kOperator) == "Permission denied\n\n");
  CHECK(harness.ask("show ssl cert", Level::kUser) == "Permission denied\n\n");
  CHECK(harness.ask("show ssl cert", Level::kOperator) ==
        "# filename\n/certs/a.pem\n/certs/b.pem\n\n");
}

}  // namespace
}  // namespace tandem::lb::control
