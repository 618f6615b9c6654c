// "mode": what a TCP proxy takes over, what it refuses, and who may name whom.
#include "load_text.h"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

namespace tandem::lb::config {
namespace {

using Texts = std::vector<std::string>;

std::string file(std::string_view defaults, std::string_view frontend, std::string_view backend) {
  return "{\"defaults\": {" + std::string(defaults) + "},\n\"frontends\": {\"pg\": {" +
         std::string(frontend) +
         "\"bind\": \":5432\", \"default_backend\": \"db\"}},\n\"backends\": {\"db\": {" +
         std::string(backend) + "\"servers\": {\"d1\": \"10.0.0.1:5432\"}}}}";
}

Texts errors_of(std::string_view text) {
  const Scratch scratch;
  return texts(load_text(scratch, text).errors, scratch);
}

std::shared_ptr<const Snapshot> loaded(std::string_view text) {
  const Scratch scratch;
  const LoadResult result = load_text(scratch, text);
  CHECK(texts(result.errors, scratch) == Texts{});
  REQUIRE(result.snapshot != nullptr);
  return result.snapshot;
}

constexpr std::string_view kTcp = R"("mode": "tcp", )";

TEST_CASE("A TCP proxy waits long for silent ends, unless it is told, and accepts at once") {
  const auto plain = loaded(file("", kTcp, kTcp));
  CHECK(plain->frontends[0].mode == Mode::kTcp);
  CHECK(plain->backends[0].mode == Mode::kTcp);
  CHECK(plain->frontends[0].timeouts.client == Milliseconds(3'600'000));
  CHECK(plain->backends[0].timeouts.server == Milliseconds(3'600'000));
  CHECK_FALSE(plain->backends[0].timeouts.tunnel_written);
  CHECK_FALSE(plain->frontends[0].binds[0].defer_accept);

  const auto told = loaded(file(
      R"("mode": "tcp", "timeout": {"client": "20s", "server": "30s", "tunnel": "2h"})", "", ""));
  CHECK(told->frontends[0].mode == Mode::kTcp);
  CHECK(told->frontends[0].timeouts.client == Milliseconds(20'000));
  CHECK(told->backends[0].timeouts.server == Milliseconds(30'000));
  CHECK(told->backends[0].timeouts.tunnel == Milliseconds(7'200'000));
  CHECK(told->backends[0].timeouts.tunnel_written);

  const auto http = loaded(file("", "", ""));
  CHECK(http->frontends[0].mode == Mode::kHttp);
  CHECK(http->frontends[0].timeouts.client == Milliseconds(50'000));
  CHECK(http->frontends[0].binds[0].defer_accept);
}

TEST_CASE("A TCP proxy refuses what means nothing to it, and passes over what \"defaults\" say") {
  const std::string nothing =
      " has no meaning in mode \"tcp\": leave it out, or write it in \"defaults\" for the others";
  struct Row {
    std::string_view key;
    std::string_view value;
    bool in_frontend;
  };
  const Row row =
      GENERATE(Row{"monitor-uri", R"("/up")", true}, Row{"forwardfor", "true", true},
               Row{"unique-id-header", R"("X-Id")", true}, Row{"http-reuse", R"("always")", false},
               Row{"pool-max-conn", "7", false}, Row{"pool-purge-delay", R"("7s")", false});
  CAPTURE(row.key);
  const std::string said =
      "\"" + std::string(row.key) + "\": " + std::string(row.value) + std::string(", ");
  const std::string own = std::string(kTcp) + said;
  const Texts errors = errors_of(row.in_frontend ? file("", own, kTcp) : file("", kTcp, own));
  REQUIRE(errors.size() == 1);
  CHECK(errors[0].ends_with("\"" + std::string(row.key) + "\"" + nothing));
  loaded(file(said + R"("mode": "tcp")", "", ""));
}

TEST_CASE("A TCP proxy refuses what looks at requests and answers") {
  struct Row {
    std::string frontend;
    std::string backend;
    std::string_view error;
  };
  const Row row = GENERATE(
      Row{R"("timeout": {"http-request": "1s"}, )", "",
          "/frontends/pg/timeout/http-request: \"http-request\" has no meaning in mode \"tcp\": "
          "leave it out, or write it in \"defaults\" for the others"},
      Row{R"("rules": [{"redirect": {"scheme": "https"}}], )", "",
          "/frontends/pg/rules/0/redirect: \"redirect\" needs a request, and there is none in mode "
          "\"tcp\": only \"use_backend\" does"},
      Row{R"("rules": [{"if": {"path": "/a"}, "use_backend": "db"}], )", "",
          "/frontends/pg/rules/0/if/path: \"path\" looks at a request, and there is none in mode "
          "\"tcp\""},
      Row{R"("rules": [{"if": {"not": {"host": "a"}}, "use_backend": "db"}], )", "",
          "/frontends/pg/rules/0/if/not/host: \"host\" looks at a request, and there is none in "
          "mode \"tcp\""},
      Row{"", R"("balance": "uri", )",
          "/backends/db/balance: it looks at a request, and there is none in mode \"tcp\": "
          "\"source\", or \"hash\" by \"src\", look at the client's address"},
      Row{"", R"j("balance": "hash", "hash": "hdr(X-User)", )j",
          "/backends/db/hash: it looks at a request, and there is none in mode \"tcp\": "
          "\"source\", or \"hash\" by \"src\", look at the client's address"},
      Row{"", R"("retry-on": ["conn-failure", "response-timeout"], )",
          "/backends/db/retry-on/1: \"response-timeout\" looks at an answer, and there is none in "
          "mode \"tcp\": \"none\" and \"conn-failure\" are left"},
      Row{"", R"("default-server": {"proto": "h2"}, )",
          "/backends/db/default-server/proto: \"proto\" is of mode \"http\": in mode \"tcp\" bytes "
          "pass as they come"},
      Row{"", R"("default-server": {"observe": "layer7"}, )",
          "/backends/db/default-server/observe: \"layer7\" looks at answers, and there are none in "
          "mode \"tcp\": write \"layer4\""});
  const Texts errors =
      errors_of(file("", std::string(kTcp) + row.frontend, std::string(kTcp) + row.backend));
  REQUIRE(errors.size() == 1);
  CAPTURE(errors[0]);
  CHECK(errors[0].ends_with(row.error));
}

TEST_CASE("A TCP backend may hash clients' addresses, and not what \"defaults\" hash") {
  const auto source =
      loaded(file("", kTcp, R"("mode": "tcp", "balance": "hash", "hash": "src", )"));
  CHECK(source->backends[0].balance.policy == "hash");
  CHECK(source->backends[0].balance.key == Balance::Key::kSource);
  const auto passed = loaded(file(R"("mode": "tcp", "balance": "uri")", "", ""));
  CHECK(passed->backends[0].balance.policy == "roundrobin");
}

TEST_CASE("A frontend and the backends it names have the same mode") {
  CHECK(errors_of(file("", kTcp, "")) ==
        Texts{"/t:2:73: /frontends/pg/default_backend: backend \"db\" has mode \"http\", and "
              "frontend \"pg\" has mode \"tcp\": write the same \"mode\" in both, or name another "
              "backend"});
  CHECK(errors_of(file("", "", kTcp)).size() == 1);
  const Texts rules = errors_of(R"({"frontends": {"www": {"bind": ":80", "rules": [
 {"if": {"path_beg": "/a"}, "use_backend": "db"}, {"use_backend": "app"}]}},
 "backends": {"app": {"servers": {"a": "10.0.0.1:1"}},
              "db": {"mode": "tcp", "servers": {"a": "10.0.0.1:1"}}}})");
  REQUIRE(rules.size() == 1);
  CHECK(rules[0].find("/frontends/www/rules/0/use_backend: backend \"db\" has mode \"tcp\"") !=
        std::string::npos);
}

}  // namespace
}  // namespace tandem::lb::config
