// "ssl" of a server: what it becomes, and what is said of it at which place.
#include "load_text.h"
#include "test/support/authority.h"

#include <catch2/catch.hpp>

namespace tandem::lb::config {
namespace {

using Texts = std::vector<std::string>;
using testing::Authority;

struct Site {
  const Authority authority{"the CA"};
  const Scratch scratch;

  Site() { scratch.write("ca.pem", authority.pem()); }

  /// One server at `address` with this "ssl", and what else stands beside it.
  [[nodiscard]] LoadResult load(const std::string& address, const std::string& ssl,
                                const std::string& beside = "") const {
    return load_text(scratch, R"({"frontends": {"www": {"bind": ":80", "default_backend": "app"}},
"backends": {"app": {"servers": {"a": {"address": ")" +
                                  address + R"(", "ssl": )" + ssl + beside + "}}}}}");
  }
  [[nodiscard]] Texts errors(const std::string& ssl) const {
    const LoadResult result = load("10.0.0.1:443", ssl);
    CHECK(result.snapshot == nullptr);
    return texts(result.errors, scratch);
  }
  [[nodiscard]] Texts warnings(const std::string& ssl, const std::string& beside = "") const {
    const LoadResult result = load("10.0.0.1:443", ssl, beside);
    CHECK(texts(result.errors, scratch) == Texts{});
    return texts(result.warnings, scratch);
  }
};

const Server& server_of(const LoadResult& result) {
  REQUIRE(result.snapshot != nullptr);
  return result.snapshot->backends.at(0).servers.at(0);
}

TEST_CASE("A server is asked for by the host in its address, unless it is said otherwise") {
  const Site site;
  const auto names = [&](const std::string& address, const std::string& ssl) {
    const LoadResult result = site.load(address, ssl);
    CHECK(texts(result.errors, site.scratch) == Texts{});
    const auto& made = server_of(result).ssl;
    REQUIRE(made);
    CHECK(made->context != nullptr);
    CHECK(made->options.verify);
    return Texts{made->options.sni, made->options.verify_name};
  };
  CHECK(names("app.example:443", "true") == Texts{"app.example", "app.example"});
  CHECK(names("10.0.0.1:443", "{}") == Texts{"", "10.0.0.1"});
  CHECK(names("[2001:db8::1]:443", "{}") == Texts{"", "2001:db8::1"});
  CHECK(names("10.0.0.1:443", R"({"sni": "app.internal"})") ==
        Texts{"app.internal", "app.internal"});
  CHECK(names("10.0.0.1:443", R"({"verifyhost": "app.internal"})") == Texts{"", "app.internal"});
  CHECK(names("app.example:443", R"({"sni": "", "verifyhost": ""})") == Texts{"", ""});
  CHECK(names("unix:/run/app.sock", "true") == Texts{"", ""});
}

TEST_CASE("No TLS where it is not asked for") {
  const Site site;
  CHECK_FALSE(server_of(site.load("10.0.0.1:443", "false")).ssl);
}

TEST_CASE("What a server's ssl names is read") {
  const Site site;
  site.scratch.write("own.pem", site.authority.node("lb.internal"));
  const LoadResult result =
      site.load("10.0.0.1:443", R"({"ca-file": "ca.pem", "crt": "own.pem", "min-ver": "TLSv1.3"})");
  const Server& server = server_of(result);
  REQUIRE(server.ssl);
  CHECK(server.ssl->options.authorities == site.authority.pem());
  REQUIRE(server.ssl->options.certificate);
  CHECK(server.ssl->options.certificate->path == site.scratch.path("own.pem"));
  CHECK(server.ssl->options.min_version == tls::Version::kTls13);
}

TEST_CASE("What a server's ssl cannot be is said at its place") {
  const Site site;
  site.scratch.write("none.pem", "hello\n");
  CHECK(site.errors(R"({"ca-file": "none.pem"})").at(0).find("/ssl/ca-file") != std::string::npos);
  CHECK(site.errors(R"({"ca-file": "gone.pem"})").at(0).find("/ssl/ca-file") != std::string::npos);
  CHECK(site.errors(R"({"crt": "none.pem"})").at(0).find("/ssl/crt") != std::string::npos);
  CHECK(site.errors(R"({"crl-file": "ca.pem"})") ==
        Texts{"/t:2:87: /backends/app/servers/a/ssl/crl-file: \"ca-file\" is missing beside it: "
              "whose revocations are these?"});
  CHECK(site.errors(R"({"min-ver": "TLSv1.3", "max-ver": "TLSv1.2"})") ==
        Texts{"/t:2:108: /backends/app/servers/a/ssl/max-ver: older than \"min-ver\": no version "
              "is left"});
  CHECK(site.errors(R"({"ciphers": "ROT13"})").at(0).find("ROT13") != std::string::npos);
  CHECK(site.errors(R"({"sni": "a\nb"})").at(0).find("line break") != std::string::npos);
}

TEST_CASE("What a server's ssl does not protect is warned of") {
  const Site site;
  const Texts open = site.warnings(R"({"verify": "none", "ca-file": "ca.pem"})");
  REQUIRE(open.size() == 2);
  CHECK(open[0].find("anybody on the way to the server can read and change what is sent") !=
        std::string::npos);
  CHECK(open[1].find("means nothing while \"verify\" is \"none\"") != std::string::npos);
  CHECK(site.warnings("false", R"(, "check-ssl": true)").at(0).find("no effect without \"ssl\"") !=
        std::string::npos);
}

}  // namespace
}  // namespace tandem::lb::config
