// What good configurations become, and how files, folders and includes are put together.
#include "lb/config/load.h"

#include "load_text.h"

#include <catch2/catch.hpp>

namespace tandem::lb::config {
namespace {

using Texts = std::vector<std::string>;

constexpr std::string_view kSmallest = R"({
  "frontends": { "www": { "bind": ":80", "default_backend": "app" } },
  "backends":  { "app": { "servers": { "web1": "10.0.0.21:8000", "web2": "10.0.0.22:8000" } } }
})";

/// A whole file around the body of backend "app".
std::string with_backend(std::string_view body) {
  return R"({"frontends": {"www": {"bind": ":80", "default_backend": "app"}}, "backends": {"app": {)" +
         std::string(body) + "}}}";
}

/// A whole file around the body of frontend "www".
std::string with_frontend(std::string_view body) {
  return R"({"frontends": {"www": {"bind": ":80", )" + std::string(body) +
         R"(}}, "backends": {"app": {"servers": {"a": "10.0.0.1:1"}}}})";
}

std::shared_ptr<const Snapshot> good(const Scratch& scratch, std::string_view text,
                                     const Environment& environment = test_environment()) {
  const LoadResult result = load_text(scratch, text, environment);
  INFO(text);
  REQUIRE(texts(result.errors, scratch) == Texts{});
  return result.snapshot;
}

TEST_CASE("The smallest file loads without a word") {
  const Scratch scratch;
  const LoadResult result = load_text(scratch, kSmallest);
  REQUIRE(result.snapshot);
  CHECK(result.warnings.empty());
  CHECK_FALSE(result.missing_file);
  const Snapshot& snapshot = *result.snapshot;
  REQUIRE(snapshot.frontends.size() == 1);
  CHECK(snapshot.frontends[0].name == "www");
  CHECK(snapshot.frontends[0].id == 1);
  CHECK(snapshot.frontends[0].binds.at(0).address.text() == "[::]:80");
  CHECK(snapshot.frontends[0].binds.at(0).text == ":80");
  CHECK(snapshot.frontends[0].default_backend == 0);
  REQUIRE(snapshot.backends.size() == 1);
  CHECK(snapshot.backends[0].id == 2);
  CHECK(snapshot.backends[0].fullconn == 2'000);
  REQUIRE(snapshot.backends[0].servers.size() == 2);
  CHECK(snapshot.backends[0].servers[1].name == "web2");
  CHECK(snapshot.backends[0].servers[1].id == 2);
  CHECK(snapshot.backends[0].servers[1].address.text() == "10.0.0.22:8000");
  CHECK_FALSE(snapshot.backends[0].servers[0].check);
  CHECK(snapshot.global.nbthread == 2);
  CHECK(snapshot.global.node == "lb1");
  CHECK(snapshot.runtime.empty());
  CHECK_FALSE(snapshot.admin.bind);
  CHECK(snapshot.access_log.target == AccessLog::Target::kNone);
}

TEST_CASE("Who may send a PROXY header is told by networks, or is everybody") {
  const Scratch scratch;
  const auto snapshot = good(scratch, R"({ "frontends": { "www": { "bind": [
      ":80",
      { "address": ":81", "accept-proxy": ["10.0.0.0/8", "2001:db8::/32", "192.0.2.9"] },
      { "address": ":82", "accept-proxy": "10.1.0.0/16" },
      { "address": ":83", "accept-proxy": false } ], "rules": [{ "return": {} }] } } })");
  const std::vector<Bind>& binds = snapshot->frontends.at(0).binds;
  REQUIRE(binds.size() == 4);
  CHECK(binds[0].accept_proxy.is_off());
  CHECK(binds[1].accept_proxy ==
        AcceptProxy{.networks = {*IpPrefix::parse("10.0.0.0/8"), *IpPrefix::parse("2001:db8::/32"),
                                 *IpPrefix::parse("192.0.2.9/32")}});
  CHECK(binds[2].accept_proxy == AcceptProxy{.networks = {*IpPrefix::parse("10.1.0.0/16")}});
  CHECK(binds[3].accept_proxy.is_off());
}

TEST_CASE("Everybody may send one where only neighbours come, without a word") {
  const Scratch scratch;
  for (const std::string_view address :
       {"127.0.0.1:80", "[::1]:80", "unix:/run/a", "10.0.0.1:80", "172.31.0.1:80", "192.168.1.1:80",
        "[fd00::1]:80", "[fe80::1]:80"}) {
    INFO(address);
    const LoadResult result = load_text(
        scratch, R"({ "frontends": { "www": { "bind": { "address": ")" + std::string(address) +
                     R"(", "accept-proxy": true }, "rules": [{ "return": {} }] } } })");
    REQUIRE(result.snapshot);
    CHECK(result.warnings.empty());
    CHECK(result.snapshot->frontends.at(0).binds.at(0).accept_proxy.from_everybody);
  }
}

TEST_CASE("Servers are told clients by the version they ask for") {
  const Scratch scratch;
  const auto snapshot = good(scratch, with_backend(R"("check": true,
      "default-server": { "send-proxy": "v2", "check-send-proxy": false },
      "servers": { "a": "10.0.0.1:1",
                   "b": { "address": "10.0.0.2:1", "send-proxy": "v1", "check-send-proxy": true },
                   "c": { "address": "10.0.0.3:1", "send-proxy": "none" } })"));
  const std::vector<Server>& servers = snapshot->backends.at(0).servers;
  REQUIRE(servers.size() == 3);
  CHECK(servers[0].send_proxy == SendProxy::kV2);
  CHECK(servers[0].check_send_proxy == false);
  CHECK(servers[1].send_proxy == SendProxy::kV1);
  CHECK(servers[1].check_send_proxy == true);
  CHECK(servers[2].send_proxy == SendProxy::kNone);
  const auto plain = good(scratch, with_backend(R"("servers": { "a": "10.0.0.1:1" })"));
  CHECK(plain->backends.at(0).servers.at(0).send_proxy == SendProxy::kNone);
  CHECK_FALSE(plain->backends[0].servers[0].check_send_proxy.has_value());
}

TEST_CASE("The same without a file") {
  const LoadResult result =
      load_from_to(":80,127.0.0.1:81", "10.0.0.21:8000,10.0.0.22:8000", test_environment());
  REQUIRE(result.snapshot);
  CHECK(result.warnings.empty());
  CHECK(result.snapshot->frontends.at(0).name == "www");
  CHECK(result.snapshot->frontends[0].binds.at(1).address.text() == "127.0.0.1:81");
  REQUIRE(result.snapshot->backends.at(0).servers.size() == 2);
  CHECK(result.snapshot->backends[0].servers[0].name == "web1");
  CHECK(result.snapshot->backends[0].servers[1].name == "web2");
}

TEST_CASE("What is wrong with --from and --to is said at its place") {
  const Scratch scratch;
  const LoadResult result = load_from_to("80", "10.0.0.1:1,,nobody:1", test_environment());
  CHECK_FALSE(result.snapshot);
  CHECK(texts(result.errors, scratch) ==
        Texts{"--from:1:1: /frontends/www/bind/0: \"80\": a port is missing (\"host:port\")",
              "--to:1:12: /backends/app/servers/web2: must not be empty",
              "--to:1:13: /backends/app/servers/web3: \"nobody:1\": cannot resolve the name: "
              "unknown"});
}

TEST_CASE("Settings of defaults reach every proxy that has none of its own") {
  const Scratch scratch;
  const auto snapshot = good(scratch, R"({
    "defaults": { "mode": "http", "retries": 7, "redispatch": false, "forwardfor": true, "maxconn": 9,
                  "balance": "leastconn", "http-reuse": "never", "check": { "type": "http" },
                  "timeout": { "connect": "1s", "client": "2s" },
                  "default-server": { "inter": "9s", "rise": 5, "weight": 3 } },
    "frontends": { "a": { "bind": ":1", "default_backend": "x" },
                   "b": { "bind": ":2", "default_backend": "y", "forwardfor": false,
                          "timeout": { "client": "3s" } } },
    "backends": { "x": { "servers": { "s": "10.0.0.1:1" } },
                  "y": { "retries": 1, "balance": "first", "check": false,
                         "default-server": { "rise": 6, "maxconn": 10 },
                         "servers": { "s": { "address": "10.0.0.1:1", "weight": 4 } } } } })");
  CHECK(snapshot->frontends[0].forwardfor);
  CHECK_FALSE(snapshot->frontends[1].forwardfor);
  CHECK(snapshot->frontends[1].maxconn == 9);
  CHECK(snapshot->frontends[0].timeouts.client == Milliseconds(2'000));
  CHECK(snapshot->frontends[1].timeouts.client == Milliseconds(3'000));
  CHECK(snapshot->backends[1].timeouts.connect == Milliseconds(1'000));
  CHECK(snapshot->backends[0].retries == 7);
  CHECK(snapshot->backends[1].retries == 1);
  CHECK_FALSE(snapshot->backends[0].redispatch);
  CHECK(snapshot->backends[0].balance.policy == "leastconn");
  CHECK(snapshot->backends[1].balance.policy == "first");
  CHECK(snapshot->backends[1].http_reuse == HttpReuse::kNever);
  CHECK(snapshot->backends[0].servers[0].check);
  CHECK_FALSE(snapshot->backends[1].servers[0].check);
  const Server& server = snapshot->backends[1].servers[0];
  CHECK(server.weight == 4);
  CHECK(server.rise == 6);
  CHECK(server.maxconn == 10);
  CHECK(server.inter == Milliseconds(9'000));
  CHECK(server.fastinter == Milliseconds(9'000));
}

TEST_CASE("Every key of a server arrives") {
  const Scratch scratch;
  const auto snapshot =
      good(scratch, with_backend(R"("servers": { "a": { "address": "app.example:80",
    "weight": 0, "maxconn": 5, "maxqueue": 6, "backup": true, "check": true, "inter": "1s",
    "fastinter": "2s", "downinter": "3s", "rise": 4, "fall": 5, "slowstart": "6s",
    "check-addr": "2001:db8::1", "check-port": 81, "observe": "layer7", "error-limit": 7,
    "on-error": "mark-down", "on-marked-down": "shutdown-sessions", "state": "drain" } })"));
  const Server& server = snapshot->backends[0].servers.at(0);
  CHECK(server.address.text() == "192.0.2.7:80");
  CHECK(server.address_text == "app.example:80");
  CHECK(server.weight == 0);
  CHECK(server.maxconn == 5);
  CHECK(server.maxqueue == 6);
  CHECK(server.backup);
  CHECK(server.check);
  CHECK(server.inter == Milliseconds(1'000));
  CHECK(server.fastinter == Milliseconds(2'000));
  CHECK(server.downinter == Milliseconds(3'000));
  CHECK(server.rise == 4);
  CHECK(server.fall == 5);
  CHECK(server.slowstart == Milliseconds(6'000));
  CHECK(server.check_address->host() == "2001:db8::1");
  CHECK(server.check_port == 81);
  CHECK(server.observe == Observe::kLayer7);
  CHECK(server.error_limit == 7);
  CHECK(server.on_error == OnError::kMarkDown);
  CHECK(server.on_marked_down == OnMarkedDown::kShutdownSessions);
  CHECK(server.state == InitialState::kDrain);
}

TEST_CASE("An agent arrives, and is not asked unless that is said") {
  const Scratch scratch;
  const auto snapshot =
      good(scratch, with_backend(R"("default-server": { "agent-port": 8700, "agent-send": "x\n" },
    "servers": { "a": { "address": "10.0.0.1:80", "agent-check": true, "agent-addr": "2001:db8::1",
                        "agent-inter": "5s" },
                 "b": { "address": "10.0.0.1:80", "agent-check": true },
                 "c": { "address": "unix:/run/app.sock", "agent-check": true, "agent-addr": "10.0.0.9" },
                 "d": "10.0.0.2:80" })"));
  const std::vector<Server>& servers = snapshot->backends[0].servers;
  REQUIRE(servers[0].agent.has_value());
  CHECK(servers[0].agent->port == 8700);
  CHECK(servers[0].agent->send == "x\n");
  CHECK(servers[0].agent->inter == Milliseconds(5'000));
  CHECK(servers[0].agent->address->host() == "2001:db8::1");
  REQUIRE(servers[1].agent.has_value());
  CHECK_FALSE(servers[1].agent->address);
  CHECK(servers[1].agent->inter == Milliseconds(2'000));
  CHECK(servers[2].agent->address->host() == "10.0.0.9");
  CHECK_FALSE(servers[3].agent);
  CHECK_FALSE(servers[1].check);
}

TEST_CASE("A check port alone goes with the server's own address") {
  const Scratch scratch;
  const auto snapshot = good(
      scratch, with_backend(R"("servers": { "a": { "address": "10.0.0.1:80", "check-port": 81 },
                                            "b": { "address": "10.0.0.1:80", "check-addr": "10.0.0.2" } })"));
  CHECK_FALSE(snapshot->backends[0].servers[0].check_address);
  CHECK(snapshot->backends[0].servers[0].check_port == 81);
  CHECK(snapshot->backends[0].servers[1].check_address->host() == "10.0.0.2");
  CHECK_FALSE(snapshot->backends[0].servers[1].check_port);
}

TEST_CASE("Every key of a backend arrives") {
  const Scratch scratch;
  scratch.write("503.http", "HTTP/1.1 503 No\nContent-Length: 2\n\nhi");
  const auto snapshot =
      good(scratch, with_backend(R"("mode": "http", "retries": 0, "redispatch": false,
    "retry-on": ["conn-failure", "empty-response"], "http-reuse": "always", "pool-max-conn": 0,
    "pool-purge-delay": "1500us", "allbackups": true, "fullconn": 9, "errorfiles": { "503": "503.http" },
    "timeout": { "connect": "1s", "server": "2s", "queue": "3s", "tunnel": "4s", "check": "5s" },
    "check": { "type": "http", "method": "HEAD", "uri": "/x", "host": "a.example",
               "expect": { "status": [200, "300-399"], "string": "ok" } },
    "servers": { "a": "unix:/run/a" })"));
  const Backend& backend = snapshot->backends[0];
  CHECK(backend.retries == 0);
  CHECK_FALSE(backend.redispatch);
  CHECK(backend.retry_idempotent);
  CHECK(backend.http_reuse == HttpReuse::kAlways);
  CHECK(backend.pool_max == 0);
  CHECK(backend.pool_idle == Milliseconds(2));
  CHECK(backend.allbackups);
  CHECK(backend.fullconn == 9);
  CHECK(backend.errorfiles.at(503) == "HTTP/1.1 503 No\r\nContent-Length: 2\r\n\r\nhi");
  CHECK(backend.timeouts.connect == Milliseconds(1'000));
  CHECK(backend.timeouts.server == Milliseconds(2'000));
  CHECK(backend.timeouts.queue == Milliseconds(3'000));
  CHECK(backend.timeouts.tunnel == Milliseconds(4'000));
  CHECK(backend.timeouts.check == Milliseconds(5'000));
  CHECK(backend.check.type == Check::Type::kHttp);
  CHECK(backend.check.method == "HEAD");
  CHECK(backend.check.uri == "/x");
  CHECK(backend.check.host == "a.example");
  CHECK(backend.check.expect_status == std::vector<std::pair<int, int>>{{200, 200}, {300, 399}});
  CHECK(backend.check.expect_body == "ok");
  CHECK(backend.servers[0].check);
  CHECK(backend.servers[0].address.is_unix());
}

TEST_CASE("A check on the backend can be switched off for one server") {
  const Scratch scratch;
  const auto snapshot = good(scratch, with_backend(R"("check": true, "servers": { "a": "10.0.0.1:1",
    "b": { "address": "10.0.0.2:1", "check": false } })"));
  CHECK(snapshot->backends[0].check.type == Check::Type::kTcp);
  CHECK(snapshot->backends[0].servers[0].check);
  CHECK_FALSE(snapshot->backends[0].servers[1].check);
}

TEST_CASE("Balance is spelled as HAProxy spells it") {
  struct Row {
    std::string_view text;
    Balance expected;
  };
  using Key = Balance::Key;
  const Row row = GENERATE(
      Row{R"("balance": "static-rr")", {.policy = "static-rr", .key_name = {}}},
      Row{R"("balance": "random")", {.policy = "random", .key_name = {}}},
      Row{R"x("balance": "random(3)")x", {.policy = "random", .random_draws = 3, .key_name = {}}},
      Row{R"("balance": "source")", {.policy = "source", .key = Key::kSource, .key_name = {}}},
      Row{R"("balance": "uri")", {.policy = "uri", .key = Key::kUri, .key_name = {}}},
      Row{R"("balance": "uri whole", "hash-balance-factor": 150)",
          {.policy = "uri",
           .key = Key::kUri,
           .key_name = {},
           .uri_whole = true,
           .hash_balance_factor = 150}},
      Row{R"x("balance": "hash", "hash": "hdr(X-User)")x",
          {.policy = "hash", .key = Key::kHeader, .key_name = "x-user"}},
      Row{R"x("balance": "hash", "hash": "cookie(SRV)")x",
          {.policy = "hash", .key = Key::kCookie, .key_name = "SRV"}},
      Row{R"x("balance": "hash", "hash": "url_param(id)")x",
          {.policy = "hash", .key = Key::kQuery, .key_name = "id"}},
      Row{R"("balance": "hash", "hash": "src")",
          {.policy = "hash", .key = Key::kSource, .key_name = {}}},
      Row{R"("balance": "hash", "hash": "pathq")",
          {.policy = "hash", .key = Key::kUri, .key_name = {}, .uri_whole = true}});
  const Scratch scratch;
  const auto snapshot =
      good(scratch, with_backend(std::string(row.text) + R"(, "servers": { "a": "10.0.0.1:1" })"));
  CHECK(snapshot->backends[0].balance == row.expected);
}

TEST_CASE("Rules that edit headers stand beside those that decide") {
  const Scratch scratch;
  const auto snapshot = good(scratch, with_frontend(R"("rules": [
    { "if": { "path": "/a", "not": { "method": "PUT" } }, "set-header": { "X-A": "1", "X-B": "%[src]-100%%" } },
    { "if": { "path": "/b" }, "use_backend": "app" },
    { "add-header": { "X-C": "%[ssl_c_s_dn(CN)]" } },
    { "del-header": ["X-D", "X-E"] } ])"));
  CHECK(snapshot->frontends[0].rules.size() == 1);
  const auto& headers = snapshot->frontends[0].header_rules;
  REQUIRE(headers.size() == 3);
  CHECK(headers[0].conditions.path == Texts{"/a"});
  CHECK(headers[0].negated.method == Texts{"PUT"});
  CHECK(headers[0].rules_before == 0);
  CHECK(headers[0].edits ==
        std::vector<HeaderEdit>{
            {HeaderEdit::Kind::kSet, "X-A", {{.sample = Sample::kText, .text = "1"}}},
            {HeaderEdit::Kind::kSet,
             "X-B",
             {{.sample = Sample::kSrc, .text = {}}, {.sample = Sample::kText, .text = "-100%"}}}});
  CHECK(headers[1].rules_before == 1);
  REQUIRE(headers[1].edits.size() == 1);
  CHECK(headers[1].edits[0].kind == HeaderEdit::Kind::kAdd);
  CHECK(headers[1].edits[0].value.at(0).sample == Sample::kSslCSubjectEntry);
  CHECK(headers[1].edits[0].value.at(0).entry != 0);
  REQUIRE(headers[2].edits.size() == 2);
  CHECK(headers[2].edits[1] == HeaderEdit{HeaderEdit::Kind::kDelete, "X-E", {}});
}

TEST_CASE("A rule that names no header is warned of and left out") {
  const Scratch scratch;
  const LoadResult result = load_text(scratch, with_frontend(R"("rules": [{ "set-header": {} }])"));
  REQUIRE(result.snapshot != nullptr);
  CHECK(texts(result.warnings, scratch) ==
        Texts{"/t:1:65: /frontends/www/rules/0/set-header: names no header: nothing is changed",
              "/t:1:94: /backends/app: not used: no frontend names it"});
  CHECK(result.snapshot->frontends[0].header_rules.empty());
}

TEST_CASE("Rules become conditions and actions in order") {
  const Scratch scratch;
  scratch.write("page.html", "<p>");
  const auto snapshot = good(scratch, with_frontend(R"("rules": [
    { "if": { "host": ["API.example.org", "*.Example.net"], "path_beg": "/v2/", "method": "POST",
              "not": { "path_end": [".png", ".css"], "path": "/v2/x" } }, "use_backend": "app" },
    { "if": { "path": "/a" }, "redirect": { "scheme": "https", "code": 301 } },
    { "if": { "path": "/b" }, "redirect": { "prefix": "https://x.example", "drop-query": true } },
    { "if": { "path": "/c" }, "redirect": { "location": "/d" } },
    { "if": { "path": "/e" }, "return": { "status": 404, "content-type": "text/html", "file": "page.html",
                "hdr": { "Cache-Control": "no-store" } } },
    { "return": { "string": "a\nb" } } ])"));
  const auto& rules = snapshot->frontends[0].rules;
  REQUIRE(rules.size() == 6);
  CHECK(rules[0].conditions.host == Texts{"api.example.org", "*.example.net"});
  CHECK(rules[0].conditions.path_beg == Texts{"/v2/"});
  CHECK(rules[0].conditions.method == Texts{"POST"});
  CHECK(rules[0].negated.path_end == Texts{".png", ".css"});
  CHECK(rules[0].negated.path == Texts{"/v2/x"});
  CHECK(std::get<UseBackend>(rules[0].action).backend == 0);
  const auto& scheme = std::get<Redirect>(rules[1].action);
  CHECK(scheme.kind == Redirect::Kind::kScheme);
  CHECK(scheme.value == "https");
  CHECK(scheme.code == 301);
  CHECK(std::get<Redirect>(rules[2].action).kind == Redirect::Kind::kPrefix);
  CHECK(std::get<Redirect>(rules[2].action).drop_query);
  CHECK(std::get<Redirect>(rules[3].action).kind == Redirect::Kind::kLocation);
  CHECK(std::get<Redirect>(rules[3].action).code == 302);
  const auto& page = std::get<Return>(rules[4].action);
  CHECK(page.status == 404);
  CHECK(page.content_type == "text/html");
  CHECK(page.body == "<p>");
  CHECK(page.headers ==
        std::vector<std::pair<std::string, std::string>>{{"Cache-Control", "no-store"}});
  CHECK(std::get<Return>(rules[5].action).body == "a\nb");
}

TEST_CASE("Every key of a frontend arrives") {
  const Scratch scratch;
  scratch.write("e/408.http", "HTTP/1.1 408 Slow\r\n\r\n");
  const auto snapshot = good(scratch, R"({ "frontends": { "www": {
    "bind": [":80", { "address": "unix:/run/x", "backlog": 7, "defer-accept": false }],
    "mode": "http", "maxconn": 100, "monitor-uri": "/up", "forwardfor": true, "unique-id-header": "X-Id",
    "log": false, "errorfiles": { "408": "e/408.http" }, "default_backend": "app",
    "timeout": { "client": "1s", "http-request": "2s", "http-keep-alive": "3s" } } },
    "backends": { "app": { "servers": { "a": "10.0.0.1:1" } } } })");
  const Frontend& frontend = snapshot->frontends[0];
  REQUIRE(frontend.binds.size() == 2);
  CHECK(frontend.binds[0].backlog == 4096);
  CHECK(frontend.binds[0].defer_accept);
  CHECK(frontend.binds[1].backlog == 7);
  CHECK_FALSE(frontend.binds[1].defer_accept);
  CHECK(frontend.binds[1].text == "unix:/run/x");
  CHECK(frontend.maxconn == 100);
  CHECK(frontend.monitor_uri == "/up");
  CHECK(frontend.forwardfor);
  CHECK(frontend.unique_id_header == "X-Id");
  CHECK_FALSE(frontend.access_log);
  CHECK(frontend.errorfiles.at(408) == "HTTP/1.1 408 Slow\r\n\r\n");
  CHECK(frontend.timeouts.client == Milliseconds(1'000));
  CHECK(frontend.timeouts.http_request == Milliseconds(2'000));
  CHECK(frontend.timeouts.http_keep_alive == Milliseconds(3'000));
  CHECK(snapshot->backends[0].fullconn == 10);
}

TEST_CASE("Error pages of defaults do not come before the frontend's own") {
  const Scratch scratch;
  scratch.write("a", "HTTP/1.1 503 A\r\n\r\n");
  scratch.write("b", "HTTP/1.1 503 B\r\n\r\n");
  const auto snapshot = good(scratch, R"({ "defaults": { "errorfiles": { "503": "a", "504": "a" } },
    "frontends": { "www": { "bind": ":80", "errorfiles": { "503": "b" }, "default_backend": "app" } },
    "backends": { "app": { "servers": { "a": "10.0.0.1:1" } } } })");
  CHECK(snapshot->frontends[0].errorfiles.at(503) == "HTTP/1.1 503 B\r\n\r\n");
  CHECK(snapshot->frontends[0].errorfiles.at(504) == "HTTP/1.1 503 A\r\n\r\n");
  CHECK(snapshot->backends[0].errorfiles.empty());
}

/// A whole file with more at its root.
std::string with_root(std::string_view more) {
  return "{" + std::string(more) + ", " + std::string(kSmallest.substr(1));
}

TEST_CASE("Every key of the process arrives") {
  const Scratch scratch;
  scratch.write("pass", "s3cret\n");
  const auto snapshot = good(scratch, with_root(R"("$schema": "x", "runtime-compat": false,
    "global": { "nbthread": 3, "maxconn": 5000, "grace": "0s", "hard-stop-after": "9s", "user": "u",
                "group": "g", "node": "n", "description": "d" },
    "runtime": [ { "bind": "unix:/run/a", "mode": "660", "level": "admin" }, { "bind": "127.0.0.1:1" } ],
    "admin": { "bind": "127.0.0.1:8404", "stats-uri": "/s", "metrics-uri": "/m",
               "auth": { "ops": "${file:pass}" } },
    "metrics": { "compat": false },
    "log": { "level": "warning", "target": "stderr",
             "access": { "format": "clf", "target": "file:access.log", "tag": "t", "facility": "local7" } })"));
  CHECK(snapshot->global.nbthread == 3);
  CHECK(snapshot->global.maxconn == 5'000);
  CHECK(snapshot->global.grace == Milliseconds(0));
  CHECK(snapshot->global.hard_stop_after == Milliseconds(9'000));
  CHECK(snapshot->global.user == "u");
  CHECK(snapshot->global.group == "g");
  CHECK(snapshot->global.node == "n");
  CHECK(snapshot->global.description == "d");
  REQUIRE(snapshot->runtime.size() == 2);
  CHECK(snapshot->runtime[0].mode == 0660);
  CHECK(snapshot->runtime[0].level == Level::kAdmin);
  CHECK(snapshot->runtime[0].text == "unix:/run/a");
  CHECK(snapshot->runtime[1].level == Level::kOperator);
  CHECK_FALSE(snapshot->runtime_compat);
  CHECK_FALSE(snapshot->metrics_compat);
  CHECK(snapshot->admin.bind->text() == "127.0.0.1:8404");
  CHECK(snapshot->admin.stats_uri == "/s");
  CHECK(snapshot->admin.metrics_uri == "/m");
  CHECK(snapshot->admin.auth.at("ops") == "s3cret");
  CHECK(snapshot->log_level == log::Level::kWarning);
  CHECK(snapshot->access_log.format == AccessLog::Format::kClf);
  CHECK(snapshot->access_log.target == AccessLog::Target::kFile);
  CHECK(snapshot->access_log.path == scratch.path("access.log"));
  CHECK(snapshot->access_log.tag == "t");
  CHECK(snapshot->access_log.facility == 23);
}

TEST_CASE("Targets of the access log are told apart") {
  struct Row {
    std::string_view text;
    AccessLog::Target target;
    std::string_view path;
  };
  using enum AccessLog::Target;
  const Row row = GENERATE(Row{R"({})", kStdout, ""}, Row{R"({"target": "stderr"})", kStderr, ""},
                           Row{R"({"target": "file:/var/log/a"})", kFile, "/var/log/a"},
                           Row{R"({"target": "syslog:/dev/log"})", kSyslog, "/dev/log"},
                           Row{R"({"target": "syslog:unix:/dev/log"})", kSyslog, "/dev/log"},
                           Row{R"({"target": "syslog:127.0.0.1:514"})", kSyslog, "127.0.0.1:514"});
  const Scratch scratch;
  const auto snapshot =
      good(scratch, with_root(R"("log": {"access": )" + std::string(row.text) + "}"));
  CHECK(snapshot->access_log.target == row.target);
  CHECK(snapshot->access_log.path == row.path);
}

TEST_CASE("The admin listener without an address is on the loopback") {
  const Scratch scratch;
  const auto snapshot = good(scratch, with_root(R"("admin": {})"));
  REQUIRE(snapshot->admin.bind);
  CHECK(snapshot->admin.bind->text() == "127.0.0.1:8404");
  CHECK(snapshot->admin.bind_text == "127.0.0.1:8404");
}

TEST_CASE("Names are accepted unlooked-at where there is no resolver") {
  const Scratch scratch;
  Environment environment = test_environment();
  environment.resolve = nullptr;
  const auto snapshot =
      good(scratch, with_backend(R"("servers": { "a": "eu.example.org:443" })"), environment);
  CHECK(snapshot->backends[0].servers[0].address.text() == "0.0.0.0:443");
  CHECK(snapshot->backends[0].servers[0].address_text == "eu.example.org:443");
}

// ---- files -------------------------------------------------------------------------------------

TEST_CASE("Included files are merged in name order, relative to the file that includes") {
  const Scratch scratch;
  const std::string main =
      scratch.write("tandem.jsonc",
                    R"({ "include": ["conf.d/*.jsonc", "none/*.jsonc"], "global": { "node": "n" },
           "frontends": { "www": { "bind": ":80", "default_backend": "b" } } })");
  scratch.write("conf.d/20.jsonc",
                R"({ "backends": { "c": { "servers": { "s": "10.0.0.3:1" } } } })");
  scratch.write("conf.d/10.jsonc", R"({ "include": "../more.jsonc", "global": { "maxconn": 50 },
    "frontends": { "api": { "bind": ":81", "default_backend": "c" } },
    "backends": { "b": { "servers": { "s": "10.0.0.2:1" } } } })");
  scratch.write("more.jsonc",
                R"({ "frontends": { "x": { "bind": ":82", "default_backend": "b" } } })");
  scratch.write("conf.d/ignored.txt", "not JSON");
  const LoadResult result = load({main}, test_environment());
  CHECK(texts(result.errors, scratch) == Texts{});
  REQUIRE(result.snapshot);
  REQUIRE(result.snapshot->frontends.size() == 3);
  CHECK(result.snapshot->frontends[0].name == "www");
  CHECK(result.snapshot->frontends[1].name == "api");
  CHECK(result.snapshot->frontends[2].name == "x");
  CHECK(result.snapshot->backends[0].name == "b");
  CHECK(result.snapshot->backends[1].name == "c");
  CHECK(result.snapshot->global.node == "n");
  CHECK(result.snapshot->global.maxconn == 50);
}

TEST_CASE("A folder is its jsonc files in name order, and paths add up") {
  const Scratch scratch;
  scratch.write("d/2.jsonc", R"({ "backends": { "app": { "servers": { "a": "10.0.0.1:1" } } } })");
  scratch.write("d/1.jsonc",
                R"({ "frontends": { "www": { "bind": ":80", "default_backend": "app" } } })");
  scratch.write("d/3.json", "nothing");
  const std::string more = scratch.write(
      "more.jsonc", R"({ "frontends": { "x": { "bind": ":81", "default_backend": "app" } } })");
  const LoadResult result = load({scratch.path("d"), more}, test_environment());
  CHECK(texts(result.errors, scratch) == Texts{});
  REQUIRE(result.snapshot);
  CHECK(result.snapshot->frontends.at(0).name == "www");
  CHECK(result.snapshot->frontends.at(1).name == "x");
}

TEST_CASE("A name defined twice is an error that names both places") {
  const Scratch scratch;
  const std::string a = scratch.write("a.jsonc", std::string(kSmallest));
  const std::string b = scratch.write("b.jsonc", R"({ "backends": { "app": {} }, "runtime": [],
    "global": { "node": "x" } })");
  const std::string c = scratch.write("c.jsonc", R"({ "runtime": [], "global": { "node": "y" } })");
  const LoadResult result = load({a, b, c}, test_environment());
  CHECK_FALSE(result.snapshot);
  CHECK(texts(result.errors, scratch) ==
        Texts{"/b.jsonc:1:17: /backends/app: \"app\" is defined twice; the first is at "
              "/a.jsonc:3:25",
              "/c.jsonc:1:3: /runtime: \"runtime\" is defined twice; the first is at "
              "/b.jsonc:1:41",
              "/c.jsonc:1:30: /global/node: \"node\" is defined twice; the first is at "
              "/b.jsonc:2:25"});
}

TEST_CASE("A file is read once, and a circle is an error") {
  const Scratch scratch;
  const std::string a = scratch.write("a.jsonc", R"({ "include": "b.jsonc" })");
  scratch.write("b.jsonc", R"({ "include": ["./a.jsonc"] })");
  const LoadResult result = load({a}, test_environment());
  CHECK(texts(result.errors, scratch) ==
        Texts{"/b.jsonc:1:15: /include/0: /./a.jsonc is read already: name it once"});
}

TEST_CASE("A path that does not exist is told apart from one that is wrong") {
  const Scratch scratch;
  const LoadResult missing = load({scratch.path("none.jsonc")}, test_environment());
  CHECK(missing.missing_file);
  CHECK_FALSE(missing.snapshot);
  CHECK(texts(missing.errors, scratch) ==
        Texts{"/none.jsonc:1:1: /: cannot read /none.jsonc: No such file or directory"});

  const LoadResult included =
      load({scratch.write("a.jsonc", R"({ "include": "none.jsonc" })")}, test_environment());
  CHECK_FALSE(included.missing_file);
  CHECK(texts(included.errors, scratch) ==
        Texts{"/a.jsonc:1:14: /include: cannot read /none.jsonc: No such file or directory"});

  scratch.write("empty/readme", "");
  const LoadResult empty = load({scratch.path("empty")}, test_environment());
  CHECK_FALSE(empty.missing_file);
  CHECK(texts(empty.errors, scratch) == Texts{"/empty:1:1: /: no *.jsonc file in this folder"});
}

TEST_CASE("The hash is of the files' texts, wherever they lie") {
  const Scratch here;
  const Scratch there;
  const std::string hash = load_text(here, kSmallest).hash;
  CHECK(hash.size() == 16);
  CHECK(load_text(there, kSmallest).hash == hash);
  CHECK(load_text(there, std::string(kSmallest) + "\n").hash != hash);
}

TEST_CASE("A file that breaks the grammar hides no problem of the others") {
  const Scratch scratch;
  const std::string a = scratch.write("a.jsonc", "{");
  const std::string b = scratch.write("b.jsonc", R"({ "x": 1 })");
  const LoadResult result = load({a, b}, test_environment());
  CHECK(result.errors.size() == 2);
  CHECK(result.errors[0].message == "a key in double quotes is expected, but the file ends here");
  CHECK(result.errors[1].pointer == "/x");
}

}  // namespace
}  // namespace tandem::lb::config
