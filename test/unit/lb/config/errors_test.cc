// What is wrong with a configuration is said in exact words at its exact place.
#include "load_text.h"

#include <catch2/catch.hpp>

namespace tandem::lb::config {
namespace {

using Texts = std::vector<std::string>;

struct Row {
  std::string text;
  std::string_view error;  // the only one
};

/// The only error of the file `text`, which calls itself "t"; or how many there are.
std::string only_error(std::string_view text) {
  const Scratch scratch;
  const LoadResult result = load_text(scratch, text);
  const Texts errors = texts(result.errors, scratch);
  CHECK(result.snapshot == nullptr);
  std::string all;
  for (const std::string& error : errors) all += (all.empty() ? "" : "\n") + error.substr(1);
  return all;
}

/// `body` inside one of the places of a file that is good without it; each begins at line 1.
std::string in_root(std::string_view body) {
  return R"({)" + std::string(body) +
         R"(, "frontends": {"www": {"bind": ":80", "default_backend": "app"}},
 "backends": {"app": {"servers": {"a": "10.0.0.1:1"}}}})";
}
std::string in_frontend(std::string_view body) {
  return R"({"frontends": {"www": {)" + std::string(body) + R"(}},
 "backends": {"app": {"servers": {"a": "10.0.0.1:1"}}}})";
}
std::string in_backend(std::string_view body) {
  return R"({"backends": {"app": {)" + std::string(body) + R"(}},
 "frontends": {"www": {"bind": ":80", "default_backend": "app"}}})";
}
std::string in_server(std::string_view body) {
  return in_backend(R"("servers": {"a": {)" + std::string(body) + "}}");
}

TEST_CASE("Errors of the whole file and of its sections are said at their place") {
  const Row row = GENERATE(
      Row{"[]", "t:1:1: /: the file holds one object, not an array"},
      Row{"{}", "t:1:1: /: nothing to listen on: define a frontend under \"frontends\""},
      Row{"{\"frontends\": {}}",
          "t:1:1: /: nothing to listen on: define a frontend under \"frontends\""},
      Row{"{\"frontends\": {\"a\" 1}}", "t:1:20: /frontends/a: \":\" is expected, not '1'"},
      Row{in_root(R"("globl": {})"),
          "t:1:2: /globl: unknown key \"globl\"; did you mean \"global\"?"},
      Row{in_root(R"("retries": 3)"),
          "t:1:2: /retries: unknown key \"retries\" here; it belongs in \"defaults\""},
      Row{in_root(R"("global": {"zzzzzz": 1})"),
          "t:1:13: /global/zzzzzz: unknown key \"zzzzzz\"; known here: nbthread, maxconn, grace, "
          "hard-stop-after, user, group, node, description"},
      Row{in_root(R"("global": [])"), "t:1:12: /global: an object is expected, not an array"},
      Row{in_root(R"("global": {"nbthread": -1})"),
          "t:1:25: /global/nbthread: -1 is out of range: 0 to 256"},
      Row{in_root(R"("global": {"nbthread": 1.5})"),
          "t:1:25: /global/nbthread: a whole number is expected, not 1.5"},
      Row{in_root(R"("global": {"nbthread": "4"})"),
          "t:1:25: /global/nbthread: a whole number is expected, not a string"},
      Row{in_root(R"("global": {"maxconn": 99999999999999999999})"),
          "t:1:24: /global/maxconn: 99999999999999999999 is out of range: 1 to 10000000"},
      Row{in_root(R"("global": {"grace": 30})"),
          "t:1:22: /global/grace: a duration needs a unit; did you mean \"30ms\" or \"30s\"?"},
      Row{in_root(R"("global": {"grace": true})"),
          "t:1:22: /global/grace: a duration with its unit (\"250ms\", \"5s\", \"2m\", \"1h\") is "
          "expected, not true or false"},
      Row{in_root(R"("global": {"grace": "30 s"})"),
          "t:1:22: /global/grace: a duration with its unit (\"250ms\", \"5s\", \"2m\", \"1h\") is "
          "expected, not \"30 s\""},
      Row{in_root(R"("global": {"grace": "25d"})"),
          "t:1:22: /global/grace: \"25d\" is out of range: 0s to 24d"},
      Row{in_root(R"("global": {"node": "a\nb"})"),
          "t:1:21: /global/node: must be one line, without control characters"},
      Row{in_root(R"("global": {"node": ""})"), "t:1:21: /global/node: must not be empty"},
      Row{in_root(R"("runtime-compat": "yes")"),
          "t:1:20: /runtime-compat: true or false is expected, not a string"},
      Row{in_root(R"("runtime": {})"), "t:1:13: /runtime: an array is expected, not an object"},
      Row{in_root(R"("runtime": [{}])"), "t:1:14: /runtime/0: \"bind\" is missing"},
      Row{in_root(R"("runtime": [{"bind": "unix:"}])"),
          "t:1:23: /runtime/0/bind: \"unix:\": a path is missing after \"unix:\""},
      Row{in_root(R"("runtime": [{"bind": "unix:/a", "mode": "888"}])"),
          "t:1:42: /runtime/0/mode: \"888\": permissions in octal are expected, \"000\" to "
          "\"777\""},
      Row{in_root(R"("runtime": [{"bind": "127.0.0.1:1", "mode": "600"}])"),
          "t:1:46: /runtime/0/mode: only a Unix socket has a mode: leave it out"},
      Row{in_root(R"("runtime": [{"bind": "unix:/a", "level": "amin"}])"),
          "t:1:43: /runtime/0/level: \"amin\" is not one of user, operator, admin; did you mean "
          "\"admin\"?"},
      Row{in_root(R"("runtime": [{"bind": "unix:/a"}, {"bind": "unix:/a"}])"),
          "t:1:44: /runtime/1/bind: unix:/a is taken already: /runtime/0/bind listens on "
          "unix:/a"},
      Row{in_root(R"("admin": {"stats-uri": "stats"})"),
          "t:1:25: /admin/stats-uri: \"stats\": a path is expected: it begins with \"/\" and holds "
          "no blank"},
      Row{in_root(R"("admin": {"stats-uri": "/metrics"})"),
          "t:1:11: /admin: \"stats-uri\" and \"metrics-uri\" must differ"},
      Row{in_root(R"("admin": {"auth": {"a:b": "x"}})"),
          "t:1:21: /admin/auth/a:b: a user name has 1 to 128 letters, digits, \".\", \"_\" and "
          "\"-\""},
      Row{in_root(R"("admin": {"auth": {"a": ""}})"), "t:1:26: /admin/auth/a: must not be empty"},
      Row{in_root(R"("log": {"target": "file:/a"})"),
          "t:1:20: /log/target: \"target\": \"file:/a\" is not supported yet"},
      Row{in_root(R"("log": {"level": "warn"})"),
          "t:1:19: /log/level: \"warn\" is not one of debug, info, notice, warning, error"},
      Row{in_root(R"("log": {"access": {"target": "disk"}})"),
          "t:1:31: /log/access/target: \"disk\": \"stdout\", \"stderr\", \"file:PATH\" or "
          "\"syslog:ADDRESS\" is expected"},
      Row{in_root(R"("log": {"access": {"target": "syslog:nobody:1"}})"),
          "t:1:31: /log/access/target: \"nobody:1\": cannot resolve the name: unknown"},
      Row{in_root(R"("certificates": {"x": {}})"), "t:1:24: /certificates/x: \"crt\" is missing"},
      Row{in_root(R"("resolvers": {"x": "${NOT_LOOKED_AT}"})"),
          "t:1:2: /resolvers: \"resolvers\" is not supported yet"},
      Row{in_root(R"("include": [])"),
          "t:1:13: /include: must not be empty: leave the key out instead"},
      Row{in_root(R"("include": 1)"), "t:1:13: /include: a string is expected, not a number"},
      Row{in_root(R"("defaults": {"bind": ":81"})"),
          "t:1:15: /defaults/bind: unknown key \"bind\" here; it belongs in \"runtime\""},
      Row{in_root(R"("defaults": {"mode": "udp"})"),
          "t:1:23: /defaults/mode: \"udp\" is not one of http, tcp"},
      Row{in_root(R"("defaults": {"default-server": {"rise": 0}})"),
          "t:1:42: /defaults/default-server/rise: 0 is out of range: 1 to 1000"},
      Row{in_root(R"("defaults": {"errorfiles": {"503": "none"}})"),
          "t:1:37: /defaults/errorfiles/503: cannot read /none: No such file or directory"});
  INFO(row.text);
  CHECK(only_error(row.text) == row.error);
}

TEST_CASE("Errors of frontends are said at their place") {
  const Row row = GENERATE(
      Row{in_frontend(R"("default_backend": "app")"),
          "t:1:23: /frontends/www: \"bind\" is missing"},
      Row{in_frontend(R"("bind": [], "default_backend": "app")"),
          "t:1:32: /frontends/www/bind: must not be empty: leave the key out instead"},
      Row{in_frontend(R"("bind": 80, "default_backend": "app")"),
          "t:1:32: /frontends/www/bind: an address (\"host:port\") or an object is expected, not a "
          "number"},
      Row{in_frontend(R"("bind": "80", "default_backend": "app")"),
          "t:1:32: /frontends/www/bind: \"80\": a port is missing (\"host:port\")"},
      Row{in_frontend(R"("bind": {"backlog": 1}, "default_backend": "app")"),
          "t:1:32: /frontends/www/bind: \"address\" is missing"},
      Row{in_frontend(R"("bind": {"address": ":80", "ssl": {"crt": 5}}, "default_backend": "app")"),
          "t:1:66: /frontends/www/bind/ssl/crt: a string is expected, not a number"},
      Row{in_frontend(R"("bind": {"address": ":80", "accept-proxy": 5}, "default_backend": "app")"),
          "t:1:67: /frontends/www/bind/accept-proxy: an address with its network "
          "(\"192.0.2.10/24\"), true or false is expected, not a number"},
      Row{in_frontend(
              R"("bind": {"address": ":80", "accept-proxy": [true]}, "default_backend": "app")"),
          "t:1:68: /frontends/www/bind/accept-proxy/0: an address with its network "
          "(\"192.0.2.10/24\") is expected, not true or false"},
      Row{in_frontend(
              R"("bind": {"address": ":80", "accept-proxy": []}, "default_backend": "app")"),
          "t:1:67: /frontends/www/bind/accept-proxy: must not be empty: leave the key out instead"},
      Row{in_frontend(
              R"("bind": {"address": ":80", "accept-proxy": "10.0.0.7/8"}, "default_backend": "app")"),
          "t:1:67: /frontends/www/bind/accept-proxy: \"10.0.0.7/8\" is an address in a network: "
          "did you mean \"10.0.0.0/8\", or \"10.0.0.7\"?"},
      Row{in_frontend(
              R"("bind": {"address": ":80", "accept-proxy": ["lb1"]}, "default_backend": "app")"),
          "t:1:68: /frontends/www/bind/accept-proxy/0: \"lb1\": not an IPv4 or IPv6 address"},
      Row{in_frontend(
              R"("bind": {"address": "unix:/a", "accept-proxy": ["10.0.0.0/8"]}, "default_backend": "app")"),
          "t:1:71: /frontends/www/bind/accept-proxy: who connects to a Unix socket is of no "
          "network: write true"},
      Row{in_frontend(R"("bind": [":80", "127.0.0.1:80"], "default_backend": "app")"),
          "t:1:40: /frontends/www/bind/1: 127.0.0.1:80 is taken already: /frontends/www/bind/0 "
          "listens on [::]:80"},
      Row{in_frontend(
              R"("bind": ["[::1]:80", "0.0.0.0:80", "[::1]:80"], "default_backend": "app")"),
          "t:1:59: /frontends/www/bind/2: [::1]:80 is taken already: /frontends/www/bind/0 listens "
          "on [::1]:80"},
      Row{in_frontend(R"("bind": ":80", "default_backend": "ap")"),
          "t:1:58: /frontends/www/default_backend: there is no backend \"ap\"; did you mean "
          "\"app\"?"},
      Row{in_frontend(R"("bind": ":80", "default_backend": "orders")"),
          "t:1:58: /frontends/www/default_backend: there is no backend \"orders\"; define it under "
          "\"backends\""},
      Row{in_frontend(R"("bind": ":80", "default_backend": "app", "timeout": {"client": "0s"})"),
          "t:1:87: /frontends/www/timeout/client: \"0s\" is out of range: 1ms to 24d"},
      Row{in_frontend(R"("bind": ":80", "default_backend": "app", "unique-id-header": "X Id")"),
          "t:1:85: /frontends/www/unique-id-header: \"X Id\": letters, digits and \"-\" are "
          "expected, no blank"},
      Row{in_frontend(R"("bind": ":80", "default_backend": "app", "errorfiles": {"200": "a"})"),
          "t:1:80: /frontends/www/errorfiles/200: a status code from 400 to 599 is expected as the "
          "name\nt:1:87: /frontends/www/errorfiles/200: cannot read /a: No such file or "
          "directory"});
  INFO(row.text);
  CHECK(only_error(row.text) == row.error);
}

std::string in_rule(std::string_view body) {
  return in_frontend(R"("bind": ":80", "rules": [{)" + std::string(body) +
                     R"(}], "default_backend": "app")");
}

TEST_CASE("Errors of rules are said at their place") {
  const Row row = GENERATE(
      Row{in_rule(""),
          "t:1:49: /frontends/www/rules/0: exactly one of \"use_backend\", \"redirect\", "
          "\"return\", \"set-header\", \"add-header\", \"del-header\" is expected, not 0"},
      Row{in_rule(R"("use_backend": "app", "return": {})"),
          "t:1:49: /frontends/www/rules/0: exactly one of \"use_backend\", \"redirect\", "
          "\"return\", \"set-header\", \"add-header\", \"del-header\" is expected, not 2"},
      Row{in_rule(R"("deny": 403)"),
          "t:1:50: /frontends/www/rules/0/deny: \"deny\" is not supported yet"},
      Row{in_rule(R"("rate-limit": {"key": "src"}, "return": {})"),
          "t:1:50: /frontends/www/rules/0/rate-limit: \"rate-limit\" is not supported yet"},
      Row{in_rule(R"("use_backend": "apps")"),
          "t:1:65: /frontends/www/rules/0/use_backend: there is no backend \"apps\"; did you mean "
          "\"app\"?"},
      Row{in_rule(R"("if": {"src": "10.0.0.0/8"}, "return": {})"),
          "t:1:57: /frontends/www/rules/0/if/src: \"src\" is not supported yet"},
      Row{in_rule(R"("if": {"not": {"not": {}}}, "return": {})"),
          "t:1:65: /frontends/www/rules/0/if/not/not: unknown key \"not\" here; it belongs in "
          "\"if\""},
      Row{in_rule(R"("if": {"path_beg": "admin"}, "return": {})"),
          "t:1:69: /frontends/www/rules/0/if/path_beg: \"admin\": a path is expected: it begins "
          "with \"/\" and holds no blank"},
      Row{in_rule(R"("if": {"host": []}, "return": {})"),
          "t:1:65: /frontends/www/rules/0/if/host: must not be empty: leave the key out instead"},
      Row{in_rule(R"("if": {"host": ["a", "b:80"]}, "return": {})"),
          "t:1:71: /frontends/www/rules/0/if/host/1: \"b:80\": a host name alone is expected, "
          "without port and path"},
      Row{in_rule(R"("if": {"not": {"host": "a*"}}, "return": {})"),
          "t:1:73: /frontends/www/rules/0/if/not/host: \"a*\": \"*\" stands only in front: "
          "\"*.example.org\""},
      Row{in_rule(R"("redirect": {})"),
          "t:1:62: /frontends/www/rules/0/redirect: exactly one of \"scheme\", \"prefix\", "
          "\"location\" is expected, not 0"},
      Row{in_rule(R"("redirect": {"scheme": "https", "code": 300})"),
          "t:1:90: /frontends/www/rules/0/redirect/code: 300 is not one of 301, 302, 303, 307, "
          "308"},
      Row{in_rule(R"("redirect": {"scheme": "https", "drop-query": true})"),
          "t:1:96: /frontends/www/rules/0/redirect/drop-query: has a meaning beside \"prefix\" "
          "only"},
      Row{in_rule(R"("redirect": {"location": "/a b"})"),
          "t:1:75: /frontends/www/rules/0/redirect/location: \"/a b\": an address holds no blank"},
      Row{in_rule(R"("redirect": {"location": "/a\r\nX: y"})"),
          "t:1:75: /frontends/www/rules/0/redirect/location: must be one line, without control "
          "characters"},
      Row{in_rule(R"("return": {"status": 199})"),
          "t:1:71: /frontends/www/rules/0/return/status: 199 is out of range: 200 to 599"},
      Row{in_rule(R"("return": {"status": 204, "string": "x"})"),
          "t:1:60: /frontends/www/rules/0/return: an answer 204 has no body: leave it out"},
      Row{in_rule(R"("return": {"string": "x", "file": "y"})"),
          "t:1:84: /frontends/www/rules/0/return/file: \"file\" and \"string\" exclude each other: "
          "keep one"},
      Row{in_rule(R"("return": {"file": "y"})"),
          "t:1:69: /frontends/www/rules/0/return/file: cannot read /y: No such file or directory"},
      Row{in_rule(R"("return": {"hdr": {"Content-Length": "1"}})"),
          "t:1:87: /frontends/www/rules/0/return/hdr/Content-Length: \"Content-Length\" is not set "
          "here: tandem makes it itself"},
      Row{in_rule(R"("return": {"hdr": {"X-A": "1\r\nX-B: 2"}})"),
          "t:1:76: /frontends/www/rules/0/return/hdr/X-A: a header's value is one line, without "
          "control characters"},
      Row{in_rule(R"("return": {"hdr": {"X A": "1"}})"),
          "t:1:69: /frontends/www/rules/0/return/hdr/X A: a header name is expected: letters, "
          "digits and \"-\""});
  INFO(row.text);
  CHECK(only_error(row.text) == row.error);
}

TEST_CASE("Errors of header rules are said at their place") {
  const Row row = GENERATE(
      Row{in_rule(R"("set-header": {"X A": "1"})"),
          "t:1:65: /frontends/www/rules/0/set-header/X A: a header name is expected: letters, "
          "digits and \"-\""},
      Row{in_rule(R"("set-header": {"Content-Length": "1"})"),
          "t:1:83: /frontends/www/rules/0/set-header/Content-Length: \"Content-Length\" is not "
          "edited: tandem makes it itself"},
      Row{in_rule(R"("add-header": {"Host": "a"})"),
          "t:1:73: /frontends/www/rules/0/add-header/Host: a request has one Host: \"set-header\" "
          "changes it"},
      Row{in_rule(R"("del-header": ["X-A", "upgrade"])"),
          "t:1:72: /frontends/www/rules/0/del-header/1: \"upgrade\" is not edited: tandem makes it "
          "itself"},
      Row{in_rule(R"("set-header": {"X-A": "1\r\nX-B: 2"})"),
          "t:1:72: /frontends/www/rules/0/set-header/X-A: must be one line, without control "
          "characters"},
      Row{in_rule(R"("set-header": {"X-A": "100%"})"),
          "t:1:72: /frontends/www/rules/0/set-header/X-A: a \"%\" begins a name in brackets, as "
          "in \"%[src]\"; write \"%%\" for one that stands for itself"},
      Row{in_rule(R"("set-header": {"X-A": "%[ssl_c_s_dm]"})"),
          "t:1:72: /frontends/www/rules/0/set-header/X-A: \"%[ssl_c_s_dm]\": there is nothing of "
          "this name; did you mean \"%[ssl_c_s_dn]\"?"},
      Row{in_rule(R"("set-header": {"X-A": "%[ssl_c_s_dn(whoever)]"})"),
          "t:1:72: /frontends/www/rules/0/set-header/X-A: \"ssl_c_s_dn(whoever)\": a certificate's "
          "name has no part \"whoever\"; \"CN\", \"O\", \"OU\" and \"C\" are some"},
      Row{in_rule(R"("set-header": {"X-A": ")" + std::string(17 * 1024, 'x') + R"("})"),
          "t:1:49: /frontends/www/rules/0: with it the headers that these rules write may be "
          "longer than 16 KiB: write fewer"});
  INFO(row.text);
  CHECK(only_error(row.text) == row.error);
}

TEST_CASE("Errors of backends are said at their place") {
  const Row row = GENERATE(
      Row{in_backend(R"("balance": "leastcon")"),
          "t:1:34: /backends/app/balance: \"leastcon\": there is no policy of this name; one of "
          "roundrobin, static-rr, leastconn, first, random, source, uri, hash, ewma is expected; "
          "did you mean \"leastconn\"?"},
      Row{in_backend(R"x("balance": "random(0)")x"),
          "t:1:34: /backends/app/balance: \"random(0)\": random draws 1 to 64 servers: "
          "\"random(2)\""},
      Row{in_backend(R"("balance": "hash")"),
          "t:1:22: /backends/app: \"balance\": \"hash\" needs the key \"hash\", such as "
          "\"hdr(X-User)\""},
      Row{in_backend(R"x("balance": "hash", "hash": "header(X)")x"),
          "t:1:50: /backends/app/hash: \"header(X)\": one of src, path, pathq, hdr(NAME), "
          "cookie(NAME), url_param(NAME) is expected"},
      Row{in_backend(R"x("balance": "hash", "hash": "hdr()")x"),
          "t:1:50: /backends/app/hash: \"hdr()\": a name is expected in hdr(NAME)"},
      Row{in_backend(R"("hash-balance-factor": 100)"),
          "t:1:46: /backends/app/hash-balance-factor: 100 is out of range: 0 or 101 to 65535"},
      Row{in_backend(R"("http-reuse": "Safe")"),
          "t:1:37: /backends/app/http-reuse: \"Safe\" is not one of never, safe, aggressive, "
          "always; did you mean \"safe\"?"},
      Row{in_backend(R"("retries": 101)"),
          "t:1:34: /backends/app/retries: 101 is out of range: 0 to 100"},
      Row{in_backend(R"("retry-on": ["conn-failure", "503"])"),
          "t:1:52: /backends/app/retry-on/1: \"503\" is not one of none, conn-failure, "
          "empty-response, response-timeout, all-retryable-errors"},
      Row{in_backend(R"("cookie": {"name": "SRV"})"),
          "t:1:23: /backends/app/cookie: \"cookie\" is not supported yet"},
      Row{in_backend(R"("server-template": {"prefix": "o"})"),
          "t:1:23: /backends/app/server-template: \"server-template\" is not supported yet"},
      Row{in_backend(R"("check": {"type": "ldap"})"),
          "t:1:41: /backends/app/check/type: \"type\": \"ldap\" is not supported yet"},
      Row{in_backend(R"("check": {"type": "htp"})"),
          "t:1:41: /backends/app/check/type: \"htp\" is not one of tcp, tls, http, grpc, pgsql, "
          "mysql, "
          "redis, smtp; did you mean \"http\"?"},
      Row{in_backend(R"("check": {"uri": "/healthz"})"),
          "t:1:40: /backends/app/check/uri: \"uri\" needs \"type\": \"http\" beside it"},
      Row{in_backend(R"("check": "http")"),
          "t:1:32: /backends/app/check: an object, true or false is expected, not a string"},
      Row{in_backend(R"("check": {"type": "http", "expect": {"status": "399-200"}})"),
          "t:1:70: /backends/app/check/expect/status: a status (200) or a range (\"200-399\") is "
          "expected, from 100 to 599"},
      Row{in_backend(R"("check": {"type": "http", "expect": {"status": [200, 600]}})"),
          "t:1:76: /backends/app/check/expect/status/1: a status (200) or a range (\"200-399\") is "
          "expected, from 100 to 599"},
      Row{in_backend(R"("check": {"type": "http", "method": "G T"})"),
          "t:1:59: /backends/app/check/method: \"G T\": letters, digits and \"-\" are expected, no "
          "blank"},
      Row{in_backend(R"("errorfiles": {"503": "t"})"),
          "t:1:45: /backends/app/errorfiles/503: \"t\": begins with a status line, such as "
          "\"HTTP/1.1 503 Service Unavailable\""});
  INFO(row.text);
  CHECK(only_error(row.text) == row.error);
}

TEST_CASE("Errors of servers are said at their place") {
  const Row row = GENERATE(
      Row{in_backend(R"("servers": ["10.0.0.1:1"])"),
          "t:1:34: /backends/app/servers: an object of names to values is expected, not an array"},
      Row{in_backend(R"("servers": {"a b": "10.0.0.1:1"})"),
          "t:1:35: /backends/app/servers/a b: a name has 1 to 128 letters, digits, \".\", \"_\", "
          "\":\" and \"-\""},
      Row{in_backend(R"("servers": {"a": 8000})"),
          "t:1:40: /backends/app/servers/a: an address (\"host:port\") or an object is expected, "
          "not a number"},
      Row{in_backend(R"("servers": {"a": "10.0.0.1"})"),
          "t:1:40: /backends/app/servers/a: \"10.0.0.1\": a port is missing (\"host:port\")"},
      Row{in_backend(R"("servers": {"a": ":80"})"),
          "t:1:40: /backends/app/servers/a: \":80\": a server has an address of its own, not every "
          "address"},
      Row{in_backend(R"("servers": {"a": "10.0.0.1:0"})"),
          "t:1:40: /backends/app/servers/a: \"10.0.0.1:0\": a server's port is 1 to 65535"},
      Row{in_backend(R"("servers": {"a": "nobody.example:80"})"),
          "t:1:40: /backends/app/servers/a: \"nobody.example:80\": cannot resolve the name: "
          "unknown"},
      Row{in_backend(R"("servers": {"a": "10.0.0.1:1", "a": "10.0.0.2:1"})"),
          "t:1:54: /backends/app/servers/a: \"a\" stands here twice; the first is at line 1, "
          "column 35"},
      Row{in_server(R"("weight": 1)"), "t:1:40: /backends/app/servers/a: \"address\" is missing"},
      Row{in_server(R"("address": "10.0.0.1:1", "weight": 257)"),
          "t:1:76: /backends/app/servers/a/weight: 257 is out of range: 0 to 256"},
      Row{in_server(R"("address": "10.0.0.1:1", "maxconn": 4294967296)"),
          "t:1:77: /backends/app/servers/a/maxconn: 4294967296 is out of range: 0 to 10000000"},
      Row{in_server(R"("address": "10.0.0.1:1", "inter": "2")"),
          "t:1:75: /backends/app/servers/a/inter: a duration with its unit (\"250ms\", \"5s\", "
          "\"2m\", \"1h\") is expected, not \"2\""},
      Row{in_server(R"("address": "10.0.0.1:1", "state": "up")"),
          "t:1:75: /backends/app/servers/a/state: \"up\" is not one of ready, drain, maint"},
      Row{in_server(R"("address": "10.0.0.1:1", "proto": "h3")"),
          "t:1:75: /backends/app/servers/a/proto: \"h3\" is not one of h1, h2; did you mean "
          "\"h1\"?"},
      Row{in_server(R"("address": "10.0.0.1:1", "send-proxy": "v3")"),
          "t:1:80: /backends/app/servers/a/send-proxy: \"v3\" is not one of none, v1, v2; did you "
          "mean \"v1\"?"},
      Row{in_server(R"("address": "10.0.0.1:1", "check-send-proxy": "v1")"),
          "t:1:86: /backends/app/servers/a/check-send-proxy: true or false is expected, not a "
          "string"},
      Row{in_server(R"("address": "10.0.0.1:1", "cookie": "a")"),
          "t:1:66: /backends/app/servers/a/cookie: \"cookie\" is not supported yet"},
      Row{in_server(R"("address": "unix:/a", "check-port": 80)"),
          "t:1:77: /backends/app/servers/a/check-port: a server on a Unix socket is checked there: "
          "leave it out"},
      Row{in_server(R"("address": "10.0.0.1:1", "check-addr": "nobody")"),
          "t:1:80: /backends/app/servers/a/check-addr: \"nobody:1\": cannot resolve the name: "
          "unknown"},
      Row{in_server(R"("address": "10.0.0.1:1", "agent-check": true)"),
          "t:1:81: /backends/app/servers/a/agent-check: \"agent-port\" is missing beside it: where "
          "does the agent listen?"},
      Row{in_server(R"("address": "unix:/a", "agent-check": true, "agent-port": 80)"),
          "t:1:78: /backends/app/servers/a/agent-check: the agent of a server on a Unix socket "
          "needs \"agent-addr\": its host"},
      Row{in_server(R"("address": "10.0.0.1:1", "onmarkeddown": "x")"),
          "t:1:66: /backends/app/servers/a/onmarkeddown: unknown key \"onmarkeddown\"; did you "
          "mean "
          "\"on-marked-down\"?"});
  INFO(row.text);
  CHECK(only_error(row.text) == row.error);
}

TEST_CASE("Everything wrong is said at once, in the order of the file") {
  const Scratch scratch;
  const LoadResult result = load_text(scratch, R"({
  "frontends": {
    "www": { "bind": ":x", "default_backend": "ap", "colour": "red" }
  },
  "backends": {
    "app": {
      "balance": "fast",
      "servers": { "a": { "address": "10.0.0.1:1", "rise": 0, "cookie": "a" } }
    }
  }
})");
  CHECK(texts(result.errors, scratch) ==
        Texts{"/t:3:22: /frontends/www/bind: \":x\": the port is not a number from 0 to 65535",
              "/t:3:47: /frontends/www/default_backend: there is no backend \"ap\"; did you mean "
              "\"app\"?",
              "/t:3:53: /frontends/www/colour: unknown key \"colour\"; docs/CONFIGURATION.md lists "
              "those of \"frontend\"",
              "/t:7:18: /backends/app/balance: \"fast\": there is no policy of this name; one of "
              "roundrobin, static-rr, leastconn, first, random, source, uri, hash, ewma is "
              "expected",
              "/t:8:60: /backends/app/servers/a/rise: 0 is out of range: 1 to 1000",
              "/t:8:63: /backends/app/servers/a/cookie: \"cookie\" is not supported yet"});
}

TEST_CASE("A problem of defaults is said once, however many proxies use it") {
  const Scratch scratch;
  const LoadResult result = load_text(scratch, R"({
    "defaults": { "default_backend": "none", "errorfiles": { "500": "none" } },
    "frontends": { "a": { "bind": ":1" }, "b": { "bind": ":2" } } })");
  CHECK(result.errors.size() == 2);
}

TEST_CASE("Doubtful settings are warnings and do not keep it from loading") {
  struct Case {
    std::string text;
    std::string_view warning;
  };
  const Case row = GENERATE(
      Case{in_frontend(R"("bind": ":80")"),
           "/t:1:23: /frontends/www: neither \"default_backend\" nor \"rules\": every request is "
           "answered 503\n/t:2:22: /backends/app: not used: no frontend names it"},
      Case{in_backend(""), "/t:1:22: /backends/app: no servers: every request is answered 503"},
      Case{in_frontend(R"("bind": ":80", "default_backend": "app", "maxconn": 20001)"),
           "/t:1:76: /frontends/www/maxconn: more than \"maxconn\" of \"global\" (20000), which "
           "comes first"},
      Case{in_frontend(R"("bind": ":80", "rules": [{"use_backend": "app"}, {"return": {}}])"),
           "/t:1:73: /frontends/www/rules/1: never reached: a rule before it has no condition"},
      Case{in_backend(R"("hash": "src", "servers": {"a": "10.0.0.1:1"})"),
           "/t:1:31: /backends/app/hash: has no effect without \"balance\": \"hash\""},
      Case{in_backend(R"("hash-balance-factor": 150, "servers": {"a": "10.0.0.1:1"})"),
           "/t:1:46: /backends/app/hash-balance-factor: has no effect without \"source\", \"uri\" "
           "or \"hash\" as \"balance\""},
      Case{in_server(R"("address": "10.0.0.1:1", "on-error": "fastinter")"),
           "/t:1:78: /backends/app/servers/a/on-error: \"on-error\" has no effect without "
           "\"observe\""},
      Case{
          in_root(R"("global": {"grace": "10s", "hard-stop-after": "5s"})"),
          "/t:1:48: /global/hard-stop-after: shorter than \"grace\": requests are cut before their "
          "grace is over"},
      Case{in_frontend(
               R"("bind": {"address": ":80", "accept-proxy": true}, "default_backend": "app")"),
           "/t:1:67: /frontends/www/bind/accept-proxy: whoever can connect to [::]:80 may pretend "
           "to be any client: name the networks of the balancers in front instead, such as "
           "[\"10.0.0.0/8\"]"},
      Case{
          in_frontend(
              R"("bind": {"address": "203.0.113.9:80", "accept-proxy": true}, "default_backend": "app")"),
          "/t:1:78: /frontends/www/bind/accept-proxy: whoever can connect to 203.0.113.9:80 may "
          "pretend to be any client: name the networks of the balancers in front instead, such as "
          "[\"10.0.0.0/8\"]"},
      Case{in_root(R"("admin": {"bind": ":8404"})"),
           "/t:1:20: /admin/bind: everybody who reaches this address can use it: add \"auth\" or "
           "listen on 127.0.0.1"});
  INFO(row.text);
  const Scratch scratch;
  const LoadResult result = load_text(scratch, row.text);
  CHECK(texts(result.errors, scratch) == Texts{});
  CHECK(result.snapshot);
  std::string all;
  for (const std::string& warning : texts(result.warnings, scratch))
    all += (all.empty() ? "" : "\n") + warning;
  CHECK(all == row.warning);
}

TEST_CASE("Listeners that only look alike do not collide") {
  const Scratch scratch;
  const LoadResult result = load_text(scratch, in_frontend(R"("default_backend": "app",
    "bind": [":0", ":0", "127.0.0.1:80", "127.0.0.2:80", "[::1]:80", "0.0.0.0:81", "[::1]:81",
             "unix:/a", "unix:/b"])"));
  CHECK(texts(result.errors, scratch) == Texts{});
}

TEST_CASE("A frontend and the admin page cannot share an address") {
  const Scratch scratch;
  const LoadResult result = load_text(
      scratch,
      R"({"admin": {}, "frontends": {"www": {"bind": ":8404", "rules": [{"return": {}}]}}})");
  CHECK(texts(result.errors, scratch) ==
        Texts{"/t:1:45: /frontends/www/bind: [::]:8404 is taken already: /admin listens on "
              "127.0.0.1:8404"});
}

TEST_CASE("A problem is one line whatever stands in the file") {
  const Scratch scratch;
  const LoadResult result =
      load_text(scratch, R"({"a\nb\u0007": 1, "frontends": {"\n": {"bind": "\t\n"}}})");
  CHECK_FALSE(result.errors.empty());
  for (const std::string& text : texts(result.errors, scratch)) {
    INFO(text);
    CHECK(text.find_first_of("\n\r\t\a") == std::string::npos);
  }
}

TEST_CASE("Long values are shortened between characters") {
  const Scratch scratch;
  std::string value = "a";
  for (int i = 0; i < 100; ++i) value += "ä";
  const LoadResult result = load_text(scratch, in_root(R"("log": {"level": ")" + value + "\"}"));
  REQUIRE(result.errors.size() == 1);
  std::string shown = "a";
  for (int i = 0; i < 29; ++i) shown += "ä";
  CHECK(result.errors[0].message.starts_with("\"" + shown + "…\" is not one of"));
}

}  // namespace
}  // namespace tandem::lb::config
