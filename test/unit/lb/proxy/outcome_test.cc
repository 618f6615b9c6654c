#include "lb/proxy/outcome.h"

#include "lb/figures/termination.h"

#include <catch2/catch.hpp>

namespace tandem::lb::proxy {

TEST_CASE("Every end of a request has a cell to be counted in") {
  constexpr Cause kCauses[] = {Cause::kNone,         Cause::kClientAborted, Cause::kServerAborted,
                               Cause::kProxy,        Cause::kResource,      Cause::kInternal,
                               Cause::kServerDown,   Cause::kLocal,         Cause::kClientTimeout,
                               Cause::kServerTimeout};
  constexpr Phase kPhases[] = {Phase::kNone,    Phase::kRequest, Phase::kQueue, Phase::kConnect,
                               Phase::kHeaders, Phase::kData,    Phase::kLast};
  CHECK(std::size(kCauses) == figures::kCauseLetters.size());
  CHECK(std::size(kPhases) == figures::kPhaseLetters.size());
  for (const Cause cause : kCauses)
    CHECK(figures::kCauseLetters.find(static_cast<char>(cause)) != std::string_view::npos);
  for (const Phase phase : kPhases)
    CHECK(figures::kPhaseLetters.find(static_cast<char>(phase)) != std::string_view::npos);
}

}  // namespace tandem::lb::proxy
