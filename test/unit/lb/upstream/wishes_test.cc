#include "lb/upstream/wishes.h"

#include <catch2/catch.hpp>

#include <string>

namespace tandem::lb::upstream {
namespace {

template <class Read>
std::string shown(const Read& read) {
  return read ? std::to_string(*read) : std::string(read.error());
}
std::string weight(std::string_view text) { return shown(read_weight(text, 10)); }
std::string maxconn(std::string_view text) { return shown(read_maxconn(text)); }

TEST_CASE("weights are numbers, or percents of what the file says") {
  CHECK(weight("5") == "5");
  CHECK(weight("0") == "0");
  CHECK(weight("256") == "256");
  CHECK(weight("50%") == "5");
  CHECK(weight("75%") == "7");
  CHECK(weight("0%") == "0");
  CHECK(weight("30000%") == "256");
  CHECK(weight("99999999999999999999%") == "256");
  CHECK(weight("257") == "Absolute weight can only be between 0 and 256 inclusive.");
  CHECK(weight("99999999999999999999") ==
        "Absolute weight can only be between 0 and 256 inclusive.");
  CHECK(weight("-1") == "Absolute weight can only be between 0 and 256 inclusive.");
  CHECK(weight("-1%") == "Relative weight must be positive.");
  CHECK(weight("-99999999999999999999%") == "Relative weight must be positive.");
  CHECK(weight("") == "Require <weight> or <weight%>.");
  CHECK(weight("x") == "Empty weight string empty or preceded by garbage");
  CHECK(weight("5x") == "Trailing garbage in weight string");
  CHECK(weight("5%%") == "Trailing garbage in weight string");
}

TEST_CASE("limits are whole numbers") {
  CHECK(maxconn("30") == "30");
  CHECK(maxconn("0") == "0");
  CHECK(maxconn("") == "Require <maxconn>.");
  CHECK(maxconn("x") == "maxconn string empty or preceded by garbage");
  CHECK(maxconn("-1") == "maxconn string empty or preceded by garbage");
  CHECK(maxconn("99999999999") == "maxconn string empty or preceded by garbage");
  CHECK(maxconn("30x") == "Trailing garbage in maxconn string");
}

}  // namespace
}  // namespace tandem::lb::upstream
