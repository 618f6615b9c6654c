#include "lb/figures/termination.h"

#include <catch2/catch.hpp>

#include <set>

namespace tandem::lb::figures {

TEST_CASE("Each pair of letters has a number of its own, and back") {
  std::set<std::size_t> numbers;
  for (const char cause : kCauseLetters) {
    for (const char phase : kPhaseLetters) {
      const std::size_t number = termination_index(cause, phase);
      CHECK(number < kTerminations);
      CHECK(termination_code(number) == std::string{cause, phase});
      numbers.insert(number);
    }
  }
  CHECK(numbers.size() == kTerminations);
  CHECK(termination_index('-', '-') == 0);
}

TEST_CASE("The usual terminations are pairs of known letters, each once") {
  std::set<std::string_view> seen;
  for (const std::string_view code : kUsualTerminations) {
    CAPTURE(code);
    REQUIRE(code.size() == 2);
    CHECK(kCauseLetters.find(code[0]) != std::string_view::npos);
    CHECK(kPhaseLetters.find(code[1]) != std::string_view::npos);
    CHECK(seen.insert(code).second);
  }
}

}  // namespace tandem::lb::figures
