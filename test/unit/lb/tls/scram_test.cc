// The exchange of RFC 7677 section 3, with the empty name that PostgreSQL is given, and what a bad
// server may say. The keys of the first were computed by Python's hashlib and hmac.
#include "lb/tls/scram.h"

#include <catch2/catch.hpp>

#include <set>
#include <string>
#include <string_view>

namespace tandem::lb::tls {
namespace {

constexpr std::string_view kNonce = "rOprNGfwEbeRWgbNEkqO";
constexpr std::string_view kServerFirst =
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";

ScramClient client() { return {"pencil", std::string(kNonce)}; }

std::string error(std::string_view server_first) {
  const auto answer = client().answer(server_first);
  return answer ? "none" : answer.error().message;
}

TEST_CASE("a login shows that both sides know the password") {
  ScramClient login = client();
  CHECK(login.first() == "n,,n=,r=rOprNGfwEbeRWgbNEkqO");
  CHECK_FALSE(login.is_proof("v="));
  CHECK(login.answer(kServerFirst).value() ==
        "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=qvT2SWdEH5Q06albL+"
        "hjSYuUhCG7VndFyzIb7CK4n9k=");
  CHECK(login.is_proof("v=3HO6Qt1M4MKJrmlKaoOqLAI0/0TV0HZe7J9H3MBtSOg="));
  CHECK(login.is_proof("v=3HO6Qt1M4MKJrmlKaoOqLAI0/0TV0HZe7J9H3MBtSOg=,x=1"));
  CHECK_FALSE(login.is_proof("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="));
  CHECK_FALSE(login.is_proof("v="));
  CHECK_FALSE(login.is_proof("e=invalid-proof"));
  CHECK_FALSE(login.is_proof(""));
}

TEST_CASE("a server that breaks the rules gets no answer") {
  const std::string strange = "the server's part of SCRAM is not understood";
  const std::string other = "the server's part of SCRAM is not for this login";
  CHECK(error("") == strange);
  CHECK(error("r=rOprNGfwEbeRWgbNEkqOx") == strange);
  CHECK(error("r=rOprNGfwEbeRWgbNEkqOx,s=W22Z") == strange);
  CHECK(error("s=W22Z,r=rOprNGfwEbeRWgbNEkqOx,i=4096") == strange);
  CHECK(error("r=rOprNGfwEbeRWgbNEkqO,s=W22Z,i=4096") == other);
  CHECK(error("r=xOprNGfwEbeRWgbNEkqOx,s=W22Z,i=4096") == other);
  for (const std::string_view salt : {"", "W22", "W2=Z", "====", "W2\xffZ", "W23="})
    CHECK(error("r=rOprNGfwEbeRWgbNEkqOx,s=" + std::string(salt) + ",i=1") == strange);
  for (const std::string_view rounds : {"", "0", "x", "-1", "99999999999999999999"})
    CHECK(error("r=rOprNGfwEbeRWgbNEkqOx,s=W22Z,i=" + std::string(rounds)) == strange);
  CHECK(error("r=rOprNGfwEbeRWgbNEkqOx,s=W22Z,i=65537") ==
        "65537 rounds of SCRAM are more than 65536");
  CHECK(error("r=rOprNGfwEbeRWgbNEkqOx,s=W22Z,i=1,x=y") == "none");
}

TEST_CASE("nonces are never the same, and fit where they stand") {
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    const std::string nonce = ScramClient::make_nonce();
    CHECK(nonce.size() == 24);
    CHECK(nonce.find(',') == std::string::npos);
    seen.insert(nonce);
  }
  CHECK(seen.size() == 100);
}

}  // namespace
}  // namespace tandem::lb::tls
