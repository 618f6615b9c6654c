// "compression": what it becomes, where it is looked for, and what is said of a wrong one.
#include "load_text.h"

#include <catch2/catch.hpp>

namespace tandem::lb::config {
namespace {

using Texts = std::vector<std::string>;
using enum http::ContentCoding;

/// A configuration with these members in its three places.
LoadResult loaded(const Scratch& scratch, const std::string& frontend,
                  const std::string& backend = "", const std::string& defaults = "") {
  const auto with_comma = [](const std::string& text) { return text.empty() ? text : text + ","; };
  return load_text(scratch, R"({"defaults": {)" + defaults + R"(},
"frontends": {"www": {)" + with_comma(frontend) +
                                R"("bind": ":80", "default_backend": "app"}},
"backends": {"app": {)" + with_comma(backend) +
                                R"("servers": {"a": "10.0.0.1:80"}}}})");
}

Texts errors(const std::string& compression) {
  const Scratch scratch;
  const LoadResult result = loaded(scratch, R"("compression": )" + compression);
  CHECK(result.snapshot == nullptr);
  return texts(result.errors, scratch);
}

std::optional<Compression> made(const std::string& compression) {
  const Scratch scratch;
  const LoadResult result = loaded(scratch, R"("compression": )" + compression);
  CHECK(texts(result.errors, scratch) == Texts{});
  REQUIRE(result.snapshot != nullptr);
  return result.snapshot->frontends.at(0).compression;
}

TEST_CASE("True is compression with all defaults, and false is none") {
  const auto on = made("true");
  REQUIRE(on);
  CHECK(on->is_on());
  CHECK(on->algorithms == std::vector{kBrotli, kGzip});
  CHECK(on->min_size == 1024);
  CHECK(on->level == 3);
  CHECK_FALSE(on->offload);
  CHECK(on == made("{}"));
  for (const char* type : {"text/html", "application/json", "application/*+json", "image/svg+xml"})
    CHECK(std::ranges::count(on->types, type) == 1);
  for (const std::string& type : on->types) {
    CHECK(http::is_media_range(type));
    CHECK_FALSE(http::is_in_media_range("text/event-stream", type));
  }
  const auto off = made("false");
  REQUIRE(off);
  CHECK_FALSE(off->is_on());
}

TEST_CASE("Each key of compression is taken over") {
  CHECK(made(R"({"algo": "gzip", "type": ["Text/*", "application/x"], "min-size": 0, "level": 9,
                 "offload": true})") == Compression{.algorithms = {kGzip},
                                                    .types = {"text/*", "application/x"},
                                                    .min_size = 0,
                                                    .level = 9,
                                                    .offload = true});
  CHECK(made(R"({"algo": ["gzip", "br"]})")->algorithms == std::vector{kGzip, kBrotli});
}

TEST_CASE("Compression is looked for in the frontend, then in defaults; a backend has its own") {
  const Scratch scratch;
  const auto levels = [&](const std::string& frontend, const std::string& backend,
                          const std::string& defaults) {
    const LoadResult result = loaded(scratch, frontend, backend, defaults);
    REQUIRE(result.snapshot != nullptr);
    const auto level = [](const std::optional<Compression>& of) { return of ? of->level : 0; };
    return std::pair(level(result.snapshot->frontends.at(0).compression),
                     level(result.snapshot->backends.at(0).compression));
  };
  const std::string two = R"("compression": {"level": 2})";
  const std::string five = R"("compression": {"level": 5})";
  CHECK(levels("", "", "") == std::pair(0, 0));
  CHECK(levels("", "", five) == std::pair(5, 0));
  CHECK(levels(two, "", five) == std::pair(2, 0));
  CHECK(levels(two, five, "") == std::pair(2, 5));
  // As a whole: what the frontend does not say is not looked for in "defaults".
  const LoadResult whole = loaded(scratch, R"("compression": {"algo": "gzip"})", "", five);
  REQUIRE(whole.snapshot != nullptr);
  CHECK(whole.snapshot->frontends.at(0).compression->level == 3);
}

TEST_CASE("What is wrong with compression is said at its place") {
  CHECK(errors(R"({"algo": ["br", "br"]})") ==
        Texts{"/t:2:54: /frontends/www/compression/algo/1: \"br\" stands here twice"});
  CHECK(errors(R"({"type": ["text/html", "text"]})") ==
        Texts{"/t:2:61: /frontends/www/compression/type/1: \"text\" is no media type: write one "
              "without parameters, such as \"text/html\", or \"text/*\", or "
              "\"application/*+json\""});
  CHECK(errors(R"({"type": "text/html; charset=utf-8"})").size() == 1);
  CHECK(errors(R"({"type": "*/*"})").size() == 1);
  CHECK(errors(R"({"type": [7]})").size() == 1);
  CHECK(errors(R"({"algo": "deflate"})").size() == 1);
  CHECK(errors(R"({"algo": []})").size() == 1);
  CHECK(errors(R"({"algo": 3})").size() == 1);
  CHECK(errors(R"({"level": 0})").size() == 1);
  CHECK(errors(R"({"level": 10})").size() == 1);
  CHECK(errors(R"({"min-size": "1k"})").size() == 1);
  CHECK(errors(R"({"min-size": -1})").size() == 1);
  CHECK(errors(R"({"offload": 1})").size() == 1);
  CHECK(errors(R"({"algos": "br"})").size() == 1);
  CHECK(errors(R"("gzip")").size() == 1);
}

TEST_CASE("There is nothing to compress in mode tcp, but defaults may be for others") {
  const Scratch scratch;
  const std::string tcp = R"("mode": "tcp")";
  const LoadResult result =
      loaded(scratch, tcp + R"(, "compression": true)", tcp + R"(, "compression": {"level": 1})");
  CHECK(result.errors.size() == 2);
  for (const std::string& text : texts(result.errors, scratch))
    CHECK(text.find("/compression: \"compression\" has no meaning in mode \"tcp\"") !=
          std::string::npos);
  CHECK(loaded(scratch, tcp, tcp, R"("compression": true)").snapshot != nullptr);
}

}  // namespace
}  // namespace tandem::lb::config
