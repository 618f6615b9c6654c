// "certificates" and "ssl" of a bind: what they become, and what is said of them at which place.
#include "load_text.h"
#include "test/support/authority.h"

#include <catch2/catch.hpp>

#include <ctime>

namespace tandem::lb::config {
namespace {

using Texts = std::vector<std::string>;
using testing::Authority;

constexpr long kDay = 24 * 3600;

/// Files of certificates as a site has them; "t" is the configuration beside them.
class Site {
 public:
  const Authority root{"the root"};
  const Authority authority{"the CA", root};
  const Scratch scratch;

  /// PEM of a certificate that nothing is wrong with, its key behind it.
  [[nodiscard]] std::string good(const std::string& name) const {
    return with({.common_name = name, .alternative = "DNS:" + name, .valid_to = 90 * kDay});
  }
  [[nodiscard]] std::string with(const Authority::Wish& wish) const {
    const auto issued = authority.issue(wish);
    return issued.certificate + authority.pem() + issued.key;
  }

  /// A whole file around "certificates" and the body of "ssl".
  [[nodiscard]] LoadResult load(const std::string& certificates, const std::string& ssl) const {
    return load_text(scratch, R"({"certificates": {)" + certificates + R"(},
"frontends": {"www": {"bind": {"address": ":443", "ssl": {)" +
                                  ssl + R"(}}, "default_backend": "app"}},
"backends": {"app": {"servers": {"a": "10.0.0.1:1"}}}})");
  }
  /// The same with the one certificate that is right.
  [[nodiscard]] LoadResult load_ssl(const std::string& ssl) const {
    scratch.write("good.pem", good("www.example.org"));
    return load("", R"("crt": "good.pem", )" + ssl);
  }
  [[nodiscard]] Texts errors(const LoadResult& result) const {
    CHECK((result.snapshot == nullptr) == !result.errors.empty());
    return texts(result.errors, scratch);
  }
  [[nodiscard]] Texts warnings(const LoadResult& result) const {
    CHECK(errors(result) == Texts{});
    return texts(result.warnings, scratch);
  }
};

/// The only bind's.
const BindSsl& ssl_of(const LoadResult& result) {
  REQUIRE(result.snapshot != nullptr);
  const auto& ssl = result.snapshot->frontends.at(0).binds.at(0).ssl;
  REQUIRE(ssl);
  return *ssl;
}

TEST_CASE("A file named by a certificate is served with the defaults") {
  const Site site;
  const std::string pem = site.good("www.example.org");
  site.scratch.write("certs/site.pem", pem);
  const LoadResult result =
      site.load(R"("site": {"crt": "certs/site.pem"})", R"("certificates": "site")");
  CHECK(site.warnings(result) == Texts{});
  BindSsl expected;
  expected.certificates = {{site.scratch.path("certs/site.pem"), pem, "", ""}};
  CHECK(ssl_of(result) == expected);
  const auto& served = result.snapshot->certificates;
  REQUIRE(served.size() == 1);
  CHECK(served[0].path == site.scratch.path("certs/site.pem"));
  CHECK(served[0].names == Texts{"www.example.org"});
  CHECK(std::abs(served[0].expires_at - (std::time(nullptr) + 90 * kDay)) <= 60);
}

TEST_CASE("A folder is its PEM files in name order, and a file named before it the default") {
  const Site site;
  for (const char* name : {"b", "c", "a"})
    site.scratch.write("certs/" + std::string(name) + ".pem", site.good(name));
  site.scratch.write("certs/notes.txt", "hello");
  site.scratch.write("certs/.hidden.pem", "hello");
  const auto names = [&](const std::string& ssl) {
    const LoadResult result =
        site.load(R"("c": {"crt": "certs/c.pem"}, "all": {"crt": "certs/"})", ssl);
    Texts found;
    for (const auto& file : ssl_of(result).certificates)
      found.push_back(file.path.substr(site.scratch.path("certs/").size()));
    CHECK(result.snapshot->certificates.size() == found.size());
    return found;
  };
  CHECK(names(R"("certificates": ["c", "all"])") == Texts{"c.pem", "a.pem", "b.pem"});
  CHECK(names(R"("certificates": "all")") == Texts{"a.pem", "b.pem", "c.pem"});
  CHECK(names(R"("crt": ["certs/b.pem", "certs"])") == Texts{"b.pem", "a.pem", "c.pem"});
}

TEST_CASE("Key and OCSP response may stand beside the file") {
  const Site site;
  const auto issued =
      site.authority.issue({.common_name = "a", .alternative = "DNS:a", .valid_to = 90 * kDay});
  const std::string ocsp = site.authority.ocsp(issued.certificate, {});
  site.scratch.write("a.pem", issued.certificate + site.authority.pem(), 0644);
  site.scratch.write("a.pem.key", issued.key);
  site.scratch.write("a.pem.ocsp", ocsp);
  const LoadResult result = site.load("", R"("crt": "a.pem")");
  CHECK(site.warnings(result) == Texts{});
  CHECK(ssl_of(result).certificates.at(0).key == issued.key);
  CHECK(ssl_of(result).certificates.at(0).ocsp == ocsp);
}

TEST_CASE("Every key of ssl arrives") {
  const Site site;
  const std::string ca = Authority("the CA of clients").pem();
  const std::string crl = site.root.revocations({});
  site.scratch.write("clients.pem", ca);
  site.scratch.write("clients.crl", crl);
  site.scratch.write("tickets", std::string(106, 'A') + "A=\n");
  const LoadResult result = site.load_ssl(R"("strict-sni": true, "min-ver": "TLSv1.3",
    "max-ver": "TLSv1.3", "ciphers": "HIGH", "ciphersuites": "TLS_AES_256_GCM_SHA384",
    "curves": "P-256", "alpn": ["http/1.1"], "verify": "optional", "ca-file": "clients.pem",
    "crl-file": "clients.crl", "verify-depth": 2, "tls-ticket-keys": "tickets")");
  CHECK(site.warnings(result) == Texts{});
  const BindSsl& ssl = ssl_of(result);
  CHECK(ssl.strict_sni);
  CHECK(ssl.min_version == tls::Version::kTls13);
  CHECK(ssl.max_version == tls::Version::kTls13);
  CHECK(ssl.ciphers == "HIGH");
  CHECK(ssl.ciphersuites == "TLS_AES_256_GCM_SHA384");
  CHECK(ssl.curves == "P-256");
  CHECK(ssl.alpn == Texts{"http/1.1"});
  CHECK(ssl.verify == tls::Verify::kOptional);
  CHECK(ssl.verify_depth == 2);
  CHECK(ssl.client_authorities == ca);
  CHECK(ssl.client_revocations == crl);
  CHECK(ssl.ticket_keys.size() == 109);
}

TEST_CASE("What a TCP proxy carries agrees on its own protocol") {
  const Site site;
  site.scratch.write("good.pem", site.good("a"));
  const auto alpn = [&](const std::string& more) {
    const LoadResult result = load_text(site.scratch, R"({"defaults": {"mode": "tcp"},
      "frontends": {"pg": {"bind": {"address": ":443", "ssl": {"crt": "good.pem")" +
                                                          more + R"(}},
                           "default_backend": "app"}},
      "backends": {"app": {"servers": {"a": "10.0.0.1:1"}}}})");
    return ssl_of(result).alpn;
  };
  CHECK(alpn("").empty());
  CHECK(alpn(R"(, "alpn": "http/1.1")") == Texts{"http/1.1"});
}

TEST_CASE("A certificate that cannot be served is an error where it is named") {
  const Site site;
  const auto issued = site.authority.issue({.common_name = "a", .alternative = ""});
  site.scratch.write("empty.pem", "");
  site.scratch.write("text.pem", "hello\n");
  site.scratch.write("keyless.pem", issued.certificate);
  site.scratch.write("other.pem", issued.certificate + Authority::some_key());
  site.scratch.write("locked.pem", issued.certificate + Authority::under_passphrase(issued.key));
  site.scratch.write("beside.pem", issued.certificate);
  site.scratch.write("beside.pem.key", "hello\n");
  site.scratch.write("nothing/a.txt", "hello\n");
  struct Row {
    std::string crt;
    std::string error;
  };
  const Row row = GENERATE(
      Row{"missing.pem", "cannot read /missing.pem: No such file or directory"},
      Row{"empty.pem", "/empty.pem: is empty"},
      Row{"text.pem", "/text.pem: holds no certificate (PEM)"},
      Row{"keyless.pem", "/keyless.pem: holds no private key (PEM)"},
      Row{"other.pem", "/other.pem: the private key is not that of the first certificate"},
      Row{"locked.pem",
          "/locked.pem: the private key has a passphrase, which nobody could type at every start: "
          "store it without (openssl pkey)"},
      Row{"beside.pem",
          "/beside.pem: in the file beside it with \".key\": holds no private key (PEM)"},
      Row{"nothing/", "no \"*.pem\" is in the folder /nothing/"},
      Row{"nothing", "no \"*.pem\" is in the folder /nothing"});
  CHECK(site.errors(site.load(R"("a": {"crt": ")" + row.crt + "\"}", R"("certificates": "a")")) ==
        Texts{"/t:1:32: /certificates/a/crt: " + row.error});
  CHECK(site.errors(site.load("", R"("crt": [")" + row.crt + "\"]")) ==
        Texts{"/t:2:67: /frontends/www/bind/ssl/crt/0: " + row.error});
}

TEST_CASE("A key that OpenSSL finds too weak is an error of the bind") {
  const Site site;
  site.scratch.write("weak.pem", site.with({.common_name = "a",
                                            .alternative = "DNS:a",
                                            .valid_to = 90 * kDay,
                                            .key = Authority::Key::kWeakRsa}));
  CHECK(site.errors(site.load("", R"("crt": "weak.pem")")) ==
        Texts{"/t:2:58: /frontends/www/bind/ssl: /weak.pem: the certificate cannot be served: ee "
              "key too small"});
}

TEST_CASE("A certificate that clients will refuse is a warning where it is named") {
  const Site site;
  const auto lonely =
      site.authority.issue({.common_name = "a", .alternative = "DNS:a", .valid_to = 90 * kDay});
  const auto open = site.good("a");
  site.scratch.write("expired.pem", site.with({.common_name = "a",
                                               .alternative = "DNS:a",
                                               .valid_from = -9 * kDay,
                                               .valid_to = -3 * kDay - 60}));
  site.scratch.write("today.pem", site.with({.common_name = "a",
                                             .alternative = "DNS:a",
                                             .valid_from = -9 * kDay,
                                             .valid_to = -3 * 3600 - 60}));
  site.scratch.write(
      "soon.pem",
      site.with({.common_name = "a", .alternative = "DNS:a", .valid_to = 13 * kDay + 60}));
  site.scratch.write("early.pem", site.with({.common_name = "a",
                                             .alternative = "DNS:a",
                                             .valid_from = 5 * 60 + 30,
                                             .valid_to = 90 * kDay}));
  site.scratch.write("lonely.pem", lonely.text());
  site.scratch.write("open.pem", open, 0644);
  site.scratch.write("group.pem", lonely.certificate + site.authority.pem());
  site.scratch.write("group.pem.key", lonely.key, 0640);
  site.scratch.write("ocsp.pem", open);
  site.scratch.write("ocsp.pem.ocsp", "hello");
  site.scratch.write("stale.pem", open);
  site.scratch.write("stale.pem.ocsp", site.authority.ocsp(open, {.valid_from = -9 * kDay,
                                                                  .valid_to = -2 * kDay - 60}));
  site.scratch.write("revoked.pem", open);
  site.scratch.write("revoked.pem.ocsp", site.authority.ocsp(open, {.is_revoked = true}));
  struct Row {
    std::string crt;
    std::string warning;
  };
  const Row row = GENERATE(
      Row{"expired.pem", "/expired.pem: expired 3 days ago: clients will refuse it"},
      Row{"today.pem", "/today.pem: expired 3 hours ago: clients will refuse it"},
      Row{"soon.pem", "/soon.pem: expires in 13 days"},
      Row{"early.pem", "/early.pem: is not valid for another 5 minutes: clients will refuse it"},
      Row{"lonely.pem",
          "/lonely.pem: the certificate of its issuer, \"the CA\", is missing in it: clients that "
          "do not have that will refuse it"},
      Row{"open.pem", "others can read the key in /open.pem (mode 644): chmod 600"},
      Row{"group.pem", "others can read the key in /group.pem.key (mode 640): chmod 600"},
      Row{"ocsp.pem", "/ocsp.pem.ocsp: is no OCSP response (DER): it is not served"},
      Row{"stale.pem", "/stale.pem.ocsp: was good until 2 days ago: it is not served"},
      Row{"revoked.pem",
          "/revoked.pem.ocsp: says that the certificate is revoked: clients will refuse it"});
  CHECK(site.warnings(site.load(R"("a": {"crt": ")" + row.crt + "\"}", R"("certificates": "a")")) ==
        Texts{"/t:1:32: /certificates/a/crt: " + row.warning});
}

TEST_CASE("Of two certificates of one type for a name the first counts, with a warning") {
  const Site site;
  site.scratch.write("1.pem", site.good("a.example"));
  site.scratch.write("2.pem", site.good("a.example"));
  const Texts said = site.warnings(site.load("", R"("crt": ["1.pem", "2.pem"])"));
  CHECK(said == Texts{"/t:2:58: /frontends/www/bind/ssl: two ECDSA certificates are for a.example: "
                      "/1.pem counts, /2.pem does not"});
  site.scratch.write("2.pem", site.with({.common_name = "a",
                                         .alternative = "DNS:a.example",
                                         .valid_to = 90 * kDay,
                                         .key = Authority::Key::kRsa}));
  CHECK(site.warnings(site.load("", R"("crt": ["1.pem", "2.pem"])")) == Texts{});
}

TEST_CASE("Names of certificates are looked up, and those nobody uses are told") {
  const Site site;
  site.scratch.write("a.pem", site.good("a"));
  const std::string named = R"("site": {"crt": "a.pem"}, "spare": {"crt": "a.pem"})";
  CHECK(site.errors(site.load(named, R"("certificates": ["site", "sites", "x"])")) ==
        Texts{"/t:2:84: /frontends/www/bind/ssl/certificates/1: there are no certificates "
              "\"sites\"; did you mean \"site\"?",
              "/t:2:93: /frontends/www/bind/ssl/certificates/2: there are no certificates \"x\"; "
              "define them under \"certificates\""});
  CHECK(site.warnings(site.load(named, R"("certificates": "site")")) ==
        Texts{"/t:1:54: /certificates/spare: not used: no bind names it"});
  const std::string one =
      "/t:2:58: /frontends/www/bind/ssl: exactly one of \"certificates\", "
      "\"crt\" is expected, not ";
  CHECK(site.errors(site.load(named, R"("certificates": "site", "crt": "a.pem")")) ==
        Texts{one + "2"});
  CHECK(site.errors(site.load("", "")) == Texts{one + "0"});
}

TEST_CASE("What is wrong with the other keys of ssl is said at its place") {
  const Site site;
  site.scratch.write("text", "hello\n");
  site.scratch.write("ca.pem", site.authority.pem());
  struct Row {
    std::string ssl;
    std::string error;
  };
  const std::string at = "/frontends/www/bind/ssl/";
  const Row row = GENERATE_COPY(
      Row{R"("min-ver": "TLSv1.1")",
          "89: " + at +
              "min-ver: \"TLSv1.1\" is not one of TLSv1.2, TLSv1.3; did you mean "
              "\"TLSv1.2\"?"},
      Row{R"("min-ver": "TLSv1.3", "max-ver": "TLSv1.2")",
          "111: " + at + "max-ver: older than \"min-ver\": no version is left"},
      Row{R"("alpn": ["http/1.1", "h3"])",
          "99: " + at + "alpn/1: \"h3\" is not one of h2, http/1.1; did you mean \"h2\"?"},
      Row{R"("ciphers": "HIGH:NONSENSE")",
          "89: " + at + "ciphers: OpenSSL knows no cipher \"NONSENSE\""},
      Row{R"("ciphersuites": "TLS_NONSENSE")",
          "94: " + at + "ciphersuites: OpenSSL knows no cipher suite of TLS 1.3 \"TLS_NONSENSE\""},
      Row{R"("curves": "X25519:P-1")", "88: " + at + "curves: OpenSSL knows no curve \"P-1\""},
      Row{R"("verify": "required")",
          "88: " + at +
              "verify: \"ca-file\" is missing beside it: whose certificates are to be "
              "believed?"},
      Row{R"("verify": "required", "ca-file": "none")",
          "111: " + at + "ca-file: cannot read /none: No such file or directory"},
      Row{R"("verify": "required", "ca-file": "text")",
          "111: " + at + "ca-file: \"text\": holds no certificate (PEM)"},
      Row{R"("verify": "required", "ca-file": "ca.pem", "crl-file": "text")",
          "133: " + at + "crl-file: \"text\": holds no revocation list (PEM)"},
      Row{R"("tls-ticket-keys": "text")",
          "97: " + at + "tls-ticket-keys: \"text\": line 1 is not base64"},
      Row{R"("verify-depth": 101)", "94: " + at + "verify-depth: 101 is out of range: 0 to 100"});
  INFO(row.ssl);
  CHECK(site.errors(site.load_ssl(row.ssl)) == Texts{"/t:2:" + row.error});
}

TEST_CASE("Keys of ssl that do nothing, and lists that are over, are warnings") {
  const Site site;
  const Authority clients("the CA of clients");
  site.scratch.write("ca.pem", clients.pem());
  site.scratch.write("old.crl", clients.revocations({}, -60));
  site.scratch.write("keys", std::string(106, 'A') + "A=\n", 0644);
  const std::string at = "/frontends/www/bind/ssl/";
  CHECK(site.warnings(site.load_ssl(R"("ca-file": "ca.pem", "verify-depth": 3)")) ==
        Texts{"/t:2:89: " + at + "ca-file: means nothing while \"verify\" is \"none\"",
              "/t:2:115: " + at + "verify-depth: means nothing while \"verify\" is \"none\""});
  CHECK(site.warnings(
            site.load_ssl(R"("verify": "required", "ca-file": "ca.pem", "crl-file": "old.crl")")) ==
        Texts{"/t:2:133: " + at +
              "crl-file: \"old.crl\": a list in it is no longer in force: "
              "clients of its CA will be refused"});
  CHECK(site.warnings(site.load_ssl(R"("tls-ticket-keys": "keys")")) ==
        Texts{"/t:2:97: " + at + "tls-ticket-keys: others can read it (mode 644): chmod 600"});
}

TEST_CASE("No message shows a key") {
  const Site site;
  const auto issued = site.authority.issue({.common_name = "a", .alternative = ""});
  std::string damaged = issued.key;
  damaged.replace(damaged.find('\n') + 1, 4, "####");
  const std::string part = issued.key.substr(80, 40);
  site.scratch.write("a.pem", issued.certificate + damaged);
  site.scratch.write("keys", "c2VjcmV0IHRpY2tldCBrZXk=\n");
  const LoadResult result = site.load("", R"("crt": "a.pem", "tls-ticket-keys": "keys")");
  CHECK(result.errors.size() == 2);
  for (const Problem& problem : result.errors) {
    INFO(problem.text());
    CHECK(problem.text().find(part) == std::string::npos);
    CHECK(problem.text().find("c2Vj") == std::string::npos);
    CHECK(problem.text().find("secret") == std::string::npos);
  }
}

}  // namespace
}  // namespace tandem::lb::config
