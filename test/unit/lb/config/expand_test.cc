// "${…}" in strings, and that no secret shows.
#include "config/expand.h"

#include "config/files.h"
#include "load_text.h"

#include <catch2/catch.hpp>

namespace tandem::lb::config {
namespace {

std::string expanded(std::string_view text, const Environment& environment,
                     const Scratch& scratch) {
  const auto result = expand(text, scratch.path("t"), environment);
  return result ? result->text : "error: " + result.error().message;
}

TEST_CASE("Variables, defaults and files are put in their places") {
  const Scratch scratch;
  scratch.write("key", "s3cret\n");
  scratch.write("two", "a\nb\r\n");
  scratch.write("cred/only-there", "c");
  const Environment environment =
      test_environment({{"A", "1"},
                        {"B_2", "${A}"},
                        {"EMPTY", ""},
                        {"CREDENTIALS_DIRECTORY", scratch.path("cred")}});
  const auto of = [&](std::string_view text) { return expanded(text, environment, scratch); };
  CHECK(of("plain $A {A} $") == "plain $A {A} $");
  CHECK(of("${A}") == "1");
  CHECK(of("<${A}:${A}>") == "<1:1>");
  CHECK(of("${B_2}") == "${A}");  // a value is not looked at again
  CHECK(of("${EMPTY}").empty());
  CHECK(of("${EMPTY:-x}") == "x");
  CHECK(of("${NONE:-x:-y}") == "x:-y");
  CHECK(of("${NONE:-}").empty());
  CHECK(of("${A:-x}") == "1");
  CHECK(of("$${A}") == "${A}");
  CHECK(of("${file:key}") == "s3cret");
  CHECK(of("${file:two}") == "a\nb");
  CHECK(of("${file:only-there}") == "c");
  CHECK(of("${file:" + scratch.path("key") + "}") == "s3cret");
}

TEST_CASE("What cannot be expanded is an error that says what to do") {
  const Scratch scratch;
  scratch.write("big", std::string(kSecretBytesMax + 1, 'a'));
  const Environment environment = test_environment({{"A", "1"}});
  const auto of = [&](std::string_view text) { return expanded(text, environment, scratch); };
  CHECK(of("${NONE}") == "error: the variable NONE is not set; set it or write ${NONE:-default}");
  CHECK(of("a ${A") == "error: \"${\" is never closed: \"}\" is missing");
  CHECK(
      of("${}") ==
      "error: \"${}\" is not ${NAME}, ${NAME:-default} or ${file:name}; a plain \"${\" is written "
      "\"$${\"");
  CHECK(of("${1A}").starts_with("error: \"${1A}\" is not"));
  CHECK(of("${A B}").starts_with("error: \"${A B}\" is not"));
  CHECK(of("${file:none}") == "error: cannot read the secret file " + scratch.path("none") +
                                  ": No such file or directory");
  CHECK(of("${file:big}") ==
        "error: cannot read the secret file " + scratch.path("big") + ": larger than 64 KiB");
  CHECK(of("${file:.}").ends_with(": not a regular file"));
}

TEST_CASE("A secret file that others can read is a warning at its place") {
  const Scratch scratch;
  scratch.write("open", "x", 0644);
  scratch.write("group", "x", 0640);
  scratch.write("closed", "x", 0600);
  const LoadResult result = load_text(scratch, R"({ "admin": { "auth": {
    "a": "${file:open}", "b": "${file:group}", "c": "${file:closed}" } },
    "frontends": { "www": { "bind": ":80", "rules": [{"return": {}}] } } })");
  CHECK(result.snapshot);
  CHECK(
      texts(result.warnings, scratch) ==
      std::vector<std::string>{
          "/t:2:10: /admin/auth/a: others can read the secret file /open (mode 644): chmod 600",
          "/t:2:31: /admin/auth/b: others can read the secret file /group (mode 640): chmod 600"});
}

TEST_CASE("No message shows a secret") {
  const Scratch scratch;
  scratch.write("s", "s3cret value");
  scratch.write("lines", "s3cret\nlines");
  const LoadResult result = load_text(scratch, R"({
    "global": { "grace": "${file:s}", "node": "${file:lines}" },
    "runtime": [ { "bind": "${file:s}", "mode": "${file:s}", "level": "${file:s}" } ],
    "admin": { "stats-uri": "${file:s}", "auth": { "a": "s3cret\nb" } },
    "log": { "access": { "target": "${file:s}" } },
    "frontends": { "www": { "bind": "${file:s}", "default_backend": "${file:s}",
      "errorfiles": { "503": "${file:s}" }, "monitor-uri": "${file:s}",
      "rules": [ { "if": { "host": "${file:s}" }, "redirect": { "location": "${file:s}" } } ] } },
    "backends": { "app": { "balance": "${file:s}", "hash": "${file:s}", "retry-on": "${file:s}",
      "check": { "type": "${file:s}", "expect": { "status": "${file:s}" }, "password": "s3cret\nb",
                 "steps": [ { "send-hex": "${file:s}" } ], "role": "${file:s}" },
      "servers": { "a": "${file:s}", "b": { "address": "10.0.0.1:1", "check-addr": "${file:s}" } } } } })");
  CHECK(result.errors.size() >= 15);
  for (const Problem& problem : result.errors) {
    INFO(problem.text());
    CHECK(problem.text().find("s3cret") == std::string::npos);
  }
}

TEST_CASE("What a variable becomes is checked like what is written") {
  const Scratch scratch;
  const LoadResult result = load_text(scratch, R"({ "global": { "grace": "${G}" },
    "frontends": { "www": { "bind": "${BIND:-:80}", "rules": [{"return": {}}] } } })",
                                      test_environment({{"G", "soon"}}));
  REQUIRE(result.errors.size() == 1);
  CHECK(result.errors[0].message.ends_with("is expected, not \"soon\""));
  CHECK(load_text(scratch, R"({ "frontends": { "www": { "bind": "${BIND:-:81}",
    "rules": [{"return": {}}] } } })")
            .snapshot->frontends[0]
            .binds[0]
            .text == ":81");
}

}  // namespace
}  // namespace tandem::lb::config
