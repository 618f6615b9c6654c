#include "lb/health/result.h"

#include <catch2/catch.hpp>

#include <string>

namespace tandem::lb::health {
namespace {

TEST_CASE("statuses have HAProxy's codes and words") {
  CHECK(status_code(Status::kUnknown) == "UNK");
  CHECK(status_code(Status::kInitializing) == "INI");
  CHECK(status_code(Status::kL7Okd) == "L7OK");
  CHECK(status_code(Status::kL7Okcd) == "L7OKC");
  CHECK(status_code(Status::kProcTout) == "PROCTOUT");
  CHECK(status_words(Status::kL4Con) == "Layer4 connection problem");
  CHECK(status_words(Status::kL7Sts) == "Layer7 wrong status");
}

TEST_CASE("only the OK statuses passed") {
  for (int i = 0; i <= static_cast<int>(Status::kProcOk); ++i) {
    const auto status = static_cast<Status>(i);
    INFO(status_code(status));
    CHECK(is_passed(status) == (status_code(status).find("OK") != std::string_view::npos));
  }
}

TEST_CASE("a code is told where there is one") {
  CHECK(has_code(Status::kL7Sts));
  CHECK(has_code(Status::kL7Okd));
  CHECK_FALSE(has_code(Status::kL4Con));
  CHECK_FALSE(has_code(Status::kL7Tout));
}

TEST_CASE("a description fits into a CSV field, a line and a page") {
  CHECK(clean_description("Connection refused") == "Connection refused");
  CHECK(clean_description("a,b\"c'd\\e\r\nf\x01\xff") == "a b c d e  f");
  CHECK(clean_description("") == "");
  CHECK(clean_description(" \n ") == "");
  CHECK(clean_description("<b>") == " b");
  CHECK(clean_description(std::string(500, 'x')).size() == Result::kDescriptionMax);
}

}  // namespace
}  // namespace tandem::lb::health
