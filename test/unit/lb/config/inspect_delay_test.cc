// Rules that look at a client's TLS hello, and "inspect-delay".
#include "load_text.h"
#include "test/support/authority.h"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

namespace tandem::lb::config {
namespace {

using Texts = std::vector<std::string>;

/// A frontend with the rule {"if": `conditions`} and `more` keys.
std::string file(std::string_view conditions, std::string_view more = "",
                 std::string_view defaults = R"("mode": "tcp")") {
  return "{\"defaults\": {" + std::string(defaults) + "},\n\"frontends\": {\"tls\": {" +
         std::string(more) +
         "\"bind\": \":443\", \"default_backend\": \"a\",\n\"rules\": [{\"if\": {" +
         std::string(conditions) +
         "}, \"use_backend\": \"b\"}]}},\n\"backends\": {\"a\": {\"servers\": {\"s\": "
         "\"10.0.0.1:443\"}}, \"b\": {\"servers\": {\"s\": \"10.0.0.2:443\"}}}}";
}

Texts errors_of(std::string_view text) {
  const Scratch scratch;
  return texts(load_text(scratch, text).errors, scratch);
}

std::shared_ptr<const Snapshot> loaded(std::string_view text, const Texts& warnings = {}) {
  const Scratch scratch;
  const LoadResult result = load_text(scratch, text);
  CHECK(texts(result.errors, scratch) == Texts{});
  CHECK(texts(result.warnings, scratch) == warnings);
  REQUIRE(result.snapshot != nullptr);
  return result.snapshot;
}

TEST_CASE("Names and protocols of a hello are taken over, names in lower case") {
  const auto snapshot = loaded(file(
      R"("req.ssl_sni": ["WWW.a.org", "*.B.org"], "req.ssl_sni_end": ".C.org",
         "not": {"req.ssl_alpn": ["acme-tls/1", "H2"], "req.ssl_sni": "x.b.org"})"));
  const Rule& rule = snapshot->frontends[0].rules.at(0);
  CHECK(rule.conditions.ssl_sni == Texts{"www.a.org", "*.b.org"});
  CHECK(rule.conditions.ssl_sni_end == Texts{".c.org"});
  CHECK(rule.conditions.ssl_alpn == Texts{});
  CHECK(rule.negated.ssl_alpn == Texts{"acme-tls/1", "H2"});
  CHECK(rule.negated.ssl_sni == Texts{"x.b.org"});
  CHECK(snapshot->frontends[0].inspect_delay == Milliseconds(5'000));
}

TEST_CASE("A hello is waited for only where a rule looks at it, and as long as is said") {
  for (const char* conditions : {R"("req.ssl_sni": "a.org")", R"("req.ssl_sni_end": "a.org")",
                                 R"("req.ssl_alpn": "h2")", R"("not": {"req.ssl_sni": "a.org"})"}) {
    CAPTURE(conditions);
    CHECK(loaded(file(conditions))->frontends[0].inspect_delay == Milliseconds(5'000));
    CHECK(loaded(file(conditions, R"("inspect-delay": "250ms", )"))->frontends[0].inspect_delay ==
          Milliseconds(250));
    CHECK(loaded(file(conditions, "", R"("mode": "tcp", "inspect-delay": "1s")"))
              ->frontends[0]
              .inspect_delay == Milliseconds(1'000));
  }
  CHECK_FALSE(loaded(file(R"("ssl_fc": false)"))->frontends[0].inspect_delay);
  CHECK_FALSE(loaded(file(R"("ssl_fc": false)", "", R"("mode": "tcp", "inspect-delay": "1s")"))
                  ->frontends[0]
                  .inspect_delay);
  CHECK_FALSE(
      loaded(file(R"("path": "/")", "", R"("inspect-delay": "1s")"))->frontends[0].inspect_delay);
  const std::string_view in_vain =
      "/t:2:40: /frontends/tls/inspect-delay: means nothing: no rule looks at a client's hello "
      "(\"req.ssl_sni\")";
  loaded(file(R"("path": "/")", R"("inspect-delay": "1s", )", ""), {std::string(in_vain)});
  loaded(file(R"("ssl_fc": false)", R"("inspect-delay": "1s", )"), {std::string(in_vain)});
}

TEST_CASE("What can never match, or has no hello to look at, is refused at its place") {
  struct Row {
    std::string text;
    std::string_view error;
  };
  const Row row = GENERATE(
      Row{file(R"("req.ssl_sni": ["a.org", "*b.org"])"),
          "/t:3:44: /frontends/tls/rules/0/if/req.ssl_sni/1: \"*b.org\": \"*\" stands only in "
          "front: \"*.example.org\""},
      Row{file(R"("req.ssl_sni": "a.org:443")"),
          "/t:3:34: /frontends/tls/rules/0/if/req.ssl_sni: \"a.org:443\": a host name alone is "
          "expected, without port and path"},
      Row{file(R"("req.ssl_sni_end": "*.a.org")"),
          "/t:3:38: /frontends/tls/rules/0/if/req.ssl_sni_end: \"*.a.org\": how a host name ends "
          "is expected, such as \".example.org\""},
      Row{file(R"("req.ssl_sni": "a.org")", "", ""),
          "/t:3:34: /frontends/tls/rules/0/if/req.ssl_sni: it looks at TLS that is passed on, as "
          "mode \"tcp\" does; in mode \"http\" the name a client asks for is that of \"host\""},
      Row{file(R"("req.ssl_sni": "a.org")", R"("inspect-delay": "0s", )"),
          "/t:2:40: /frontends/tls/inspect-delay: \"0s\" is out of range: 1ms to 24d"});
  const Texts errors = errors_of(row.text);
  REQUIRE(errors.size() == 1);
  CHECK(errors[0] == row.error);
}

TEST_CASE("Where TLS ends there is no hello to pass on") {
  const Scratch scratch;
  scratch.write("a.pem", tandem::testing::Authority::self_signed({.common_name = "a.org",
                                                                  .alternative = "DNS:a.org",
                                                                  .valid_to = 90L * 24 * 3600}));
  const LoadResult result = load_text(scratch, R"({"defaults": {"mode": "tcp"}, "frontends": {"f": {
    "bind": [":1", {"address": ":443", "ssl": {"crt": "a.pem"}}], "default_backend": "a",
    "rules": [{"if": {"req.ssl_sni": "a.org"}, "use_backend": "a"}]}},
    "backends": {"a": {"servers": {"s": "10.0.0.1:443"}}}})");
  CHECK(texts(result.errors, scratch) ==
        Texts{"/t:3:38: /frontends/f/rules/0/if/req.ssl_sni: it looks at TLS that is passed on, "
              "and at \":443\" TLS ends: give that bind a frontend of its own, or take its "
              "\"ssl\" away"});
}

}  // namespace
}  // namespace tandem::lb::config
