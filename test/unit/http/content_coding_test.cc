#include "http/content_coding.h"

#include <catch2/catch.hpp>

#include <array>
#include <string>

namespace tandem::http {
namespace {

using enum ContentCoding;

constexpr std::array kBrotliFirst = {kBrotli, kGzip};
constexpr std::array kGzipFirst = {kGzip, kBrotli};
constexpr std::array kGzipOnly = {kGzip};

std::string chosen(std::string_view field, std::span<const ContentCoding> offered) {
  AcceptEncoding accept;
  accept.add(field);
  const auto coding = accept.choose(offered);
  return coding ? std::string(name_of(*coding)) : "none";
}

TEST_CASE("The coding a client likes best is chosen, of equals the one preferred here") {
  struct Row {
    std::string_view field;
    std::string_view brotli_first;
    std::string_view gzip_first;
  };
  const Row rows[] = {
      {"gzip, deflate, br, zstd", "br", "gzip"},  // what browsers send
      {"gzip, deflate", "gzip", "gzip"},
      {"br", "br", "br"},
      {"BR", "br", "br"},
      {"x-gzip", "gzip", "gzip"},
      {"gzip;q=1.0, br;q=0.9", "gzip", "gzip"},
      {"gzip;q=0.5,br;q=0.501", "br", "br"},
      {"gzip ; q=0.5 , br ; Q=0.4", "gzip", "gzip"},
      {"br;q=0, gzip;q=0.001", "gzip", "gzip"},
      {"*", "br", "gzip"},
      {"*;q=0.1, gzip;q=0", "br", "br"},
      {"*;q=0, gzip", "gzip", "gzip"},
      {"br;q=0.5, *", "gzip", "gzip"},
      {"identity, gzip", "gzip", "gzip"},
      {"identity;q=0.5, gzip;q=0.5", "gzip", "gzip"},
      {"identity;q=0, gzip;q=0.1", "gzip", "gzip"},
      {",, gzip ,", "gzip", "gzip"},
      // Nothing we have, or something liked better than that.
      {"", "none", "none"},
      {"identity", "none", "none"},
      {"deflate, zstd", "none", "none"},
      {"identity, gzip;q=0.5", "none", "none"},
      {"identity;q=0.6, gzip;q=0.5, *;q=0.4", "none", "none"},
      {"gzip;q=0, br;q=0.000", "none", "none"},
      {"*;q=0", "none", "none"},
      {"identity;q=0", "none", "none"},
      {"gzipped, brotli, x-br", "none", "none"},
  };
  for (const Row& row : rows) {
    CAPTURE(std::string(row.field));
    CHECK(chosen(row.field, kBrotliFirst) == row.brotli_first);
    CHECK(chosen(row.field, kGzipFirst) == row.gzip_first);
  }
}

TEST_CASE("A member that is malformed counts as not wanted") {
  for (const std::string_view field :
       {"gzip;q", "gzip;q=", "gzip;q=2", "gzip;q=1.001", "gzip;q=0.0000", "gzip;q=.5", "gzip;q=-1",
        "gzip;q=01", "gzip;level=9", "gzip;q=0.5;q=1", "gzip;q=\"1\"", "gzip q=1"}) {
    CAPTURE(std::string(field));
    CHECK(chosen(field, kGzipOnly) == "none");
  }
}

TEST_CASE("What is said twice counts for the worse, over several fields too") {
  AcceptEncoding accept;
  accept.add("gzip, br;q=0.5");
  accept.add("x-gzip;q=0");
  CHECK(accept.choose(kGzipFirst) == kBrotli);
  CHECK(accept.choose(kGzipOnly) == std::nullopt);
}

TEST_CASE("A coding that is not offered is not chosen, and no field means no coding") {
  CHECK(chosen("br, gzip;q=0.1", kGzipOnly) == "gzip");
  CHECK(chosen("br", kGzipOnly) == "none");
  CHECK(chosen("gzip", {}) == "none");
  CHECK(AcceptEncoding().choose(kBrotliFirst) == std::nullopt);
}

TEST_CASE(
    "Media ranges are types, with a wildcard for the subtype or what stands before its suffix") {
  for (const std::string_view good :
       {"text/html", "text/*", "application/*+json", "image/svg+xml", "application/vnd.api+json"}) {
    CAPTURE(std::string(good));
    CHECK(is_media_range(good));
  }
  for (const std::string_view bad :
       {"", "text", "text/", "/html", "*/*", "*", "text/html;q=1", "text/html ", "te xt/html",
        "text/*html", "text/h*", "text/*+", "text/*+*", "a/b/c"}) {
    CAPTURE(std::string(bad));
    CHECK_FALSE(is_media_range(bad));
  }
}

TEST_CASE("A type is looked for in any case and without its parameters") {
  CHECK(media_type_of("text/html; charset=utf-8") == "text/html");
  CHECK(media_type_of("text/html ;charset=utf-8") == "text/html");
  CHECK(media_type_of("Text/HTML") == "Text/HTML");
  CHECK(media_type_of("").empty());
  CHECK(is_in_media_range("Text/HTML", "text/html"));
  CHECK(is_in_media_range("TEXT/css", "text/*"));
  CHECK(is_in_media_range("application/problem+JSON", "application/*+json"));
  CHECK_FALSE(is_in_media_range("text/htm", "text/html"));
  CHECK_FALSE(is_in_media_range("text/html5", "text/html"));
  CHECK_FALSE(is_in_media_range("text/", "text/*"));
  CHECK_FALSE(is_in_media_range("textual/html", "text/*"));
  CHECK_FALSE(is_in_media_range("application/+json", "application/*+json"));
  CHECK_FALSE(is_in_media_range("application/json", "application/*+json"));
  CHECK_FALSE(is_in_media_range("", "text/*"));
}

}  // namespace
}  // namespace tandem::http
