// Which OCSP responses may be handed to clients.
#include "lb/tls/ocsp_answer.h"

#include "test/support/authority.h"

#include <catch2/catch.hpp>

#include <ctime>

namespace tandem::lb::tls {
namespace {

using testing::Authority;

Certificate certificate_of(std::string pem) {
  auto read = Certificate::read({.path = "x", .pem = std::move(pem), .key = {}, .ocsp = {}});
  REQUIRE(read);
  return std::move(*read);
}

std::string error_of(std::string_view der, const Certificate& certificate) {
  const auto answer = OcspAnswer::read(der, certificate);
  return answer ? std::string("accepted") : answer.error().message;
}

TEST_CASE("An answer holds from the one time it names until the other") {
  const Authority authority("the CA");
  const std::string pem = authority.node("a");
  const auto answer = OcspAnswer::read(authority.ocsp(pem, {.valid_from = -100, .valid_to = 100}),
                                       certificate_of(pem + authority.pem()));
  REQUIRE(answer);
  const std::int64_t now = std::time(nullptr);
  CHECK(answer->is_current(now));
  CHECK_FALSE(answer->is_current(now - 200));
  CHECK_FALSE(answer->is_current(answer->until()));
  CHECK_FALSE(answer->is_revoked());
  CHECK(OcspAnswer::read(authority.ocsp(pem, {.is_revoked = true}), certificate_of(pem))
            ->is_revoked());
}

TEST_CASE("An answer that clients could not use is refused in words") {
  const Authority authority("the CA");
  const Authority namesake("the CA");
  const std::string pem = authority.node("a");
  const Certificate alone = certificate_of(pem);
  const Certificate chained = certificate_of(pem + authority.pem());
  CHECK(error_of(authority.ocsp(pem, {}), alone) == "accepted");
  CHECK(error_of(authority.ocsp(pem, {}), chained) == "accepted");
  CHECK(error_of("hello", alone) == "is no OCSP response (DER)");
  CHECK(error_of(pem, alone) == "is no OCSP response (DER)");
  CHECK(error_of(Authority::ocsp_failure(), alone) == "holds no answer: trylater");
  const std::string other = "is the OCSP response for another certificate";
  CHECK(error_of(authority.ocsp(authority.node("b"), {}), alone) == other);
  CHECK(error_of(authority.ocsp(authority.node("b"), {}), chained) == other);
  // The same number, of another CA with the same name.
  CHECK(error_of(namesake.ocsp(pem, {}), chained) == other);
  CHECK(error_of(authority.ocsp(pem, {.has_end = false}), alone) ==
        "does not say until when it holds");
}

}  // namespace
}  // namespace tandem::lb::tls
