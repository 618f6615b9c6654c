// Clients that show certificates: who is let in, who is not, and that no ticket gets around it.
#include "test/support/authority.h"
#include "test/unit/lb/tls/handshake.h"

#include <catch2/catch.hpp>

#include <chrono>

namespace tandem::lb::tls {
namespace {

using testing::Authority;

const std::string kNoCertificate = "tlsv13 alert certificate required";

class Club {
 public:
  const Authority authority{"the CA"};
  const Authority clients{"the CA of clients"};
  ServerOptions options;

  Club() {
    options.certificates = {file_of("a.pem", authority.node("a")),
                            file_of("b.pem", authority.node("b"))};
    options.verify = Verify::kRequired;
    options.client_authorities = clients.pem();
    // The other node, or the same one tomorrow: only the demands may differ.
    const std::string key(80, 'k');
    std::string line(112, '\0');
    line.resize(static_cast<std::size_t>(
        EVP_EncodeBlock(reinterpret_cast<unsigned char*>(line.data()),
                        reinterpret_cast<const unsigned char*>(key.data()), 80)));
    options.ticket_keys = line;
  }

  /// What a client is told; empty: it is let in.
  [[nodiscard]] std::string answer(const std::string& certificate, int version = TLS1_3_VERSION,
                                   const std::string& name = "a") const {
    const auto context = context_of(options);
    const Handshake handshake(
        *context, {.server_name = name, .version = version, .certificate = certificate});
    CHECK(handshake.is_good() == handshake.client_error().empty());
    return handshake.client_error();
  }
};

TEST_CASE("A certificate of the CA is demanded, whatever name is asked for") {
  const Club club;
  const std::string name = GENERATE("a", "b", "unknown");
  CHECK(club.answer(club.clients.node("someone"), TLS1_3_VERSION, name) == "");
  CHECK(club.answer(club.clients.node("someone"), TLS1_2_VERSION, name) == "");
  CHECK(club.answer("", TLS1_3_VERSION, name) == kNoCertificate);
  CHECK(club.answer("", TLS1_2_VERSION, name) == "sslv3 alert handshake failure");
  CHECK(club.answer(Authority("another").node("someone"), TLS1_3_VERSION, name) ==
        "tlsv1 alert unknown ca");
}

TEST_CASE("Optional lets in who has none, and never who has a bad one") {
  Club club;
  club.options.verify = Verify::kOptional;
  CHECK(club.answer("") == "");
  CHECK(club.answer(club.clients.node("someone")) == "");
  CHECK(club.answer(Authority("another").node("someone")) == "tlsv1 alert unknown ca");
  CHECK(club.answer(club.clients.certificate(
            {.common_name = "late", .alternative = "", .valid_to = -10})) ==
        "sslv3 alert certificate expired");
}

TEST_CASE("The chain may be as long as the depth allows") {
  Club club;
  const Authority middle("the middle", club.clients);
  // The client shows no chain of its own here, so the middle is believed beside the CA.
  club.options.client_authorities += middle.pem();
  const std::string certificate = middle.node("someone");
  CHECK(club.answer(certificate) == "");
  club.options.verify_depth = 0;
  CHECK(club.answer(certificate) != "");
  CHECK(club.answer(club.clients.node("direct")) == "");
}

TEST_CASE("What is revoked is refused, and so is everybody once the list is no longer in force") {
  Club club;
  const std::string good = club.clients.node("good");
  const std::string bad = club.clients.node("bad");
  club.options.client_revocations = club.clients.revocations({bad});
  const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  CHECK(club.answer(good, version) == "");
  CHECK(club.answer(bad, version) == "sslv3 alert certificate revoked");
  club.options.client_revocations = club.clients.revocations({bad}, -10);
  CHECK(club.answer(good, version) != "");
  club.options.client_revocations = Authority("another").revocations({});
  CHECK(club.answer(good, version) != "");
}

TEST_CASE("Clients are told whose certificates are wanted") {
  const Club club;
  const auto context = context_of(club.options);
  const Handshake handshake(*context,
                            {.server_name = "b", .certificate = club.clients.node("someone")});
  const STACK_OF(X509_NAME)* names = SSL_get0_peer_CA_list(handshake.client());
  REQUIRE(sk_X509_NAME_num(names) == 1);
}

TEST_CASE("A session of a client that was let in goes on, certificate included") {
  const Club club;
  const auto context = context_of(club.options);
  const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  const Handshake first(
      *context,
      {.server_name = "a", .version = version, .certificate = club.clients.node("someone")});
  REQUIRE(first.is_good());
  const Handshake again(*context,
                        {.server_name = "a", .version = version, .session = first.session()});
  CHECK(again.is_good());
  CHECK(again.is_resumed());
  CHECK(SSL_get0_peer_certificate(again.server()) != nullptr);
}

/// What becomes of a session that was begun under one set of demands and is brought to another.
std::string carried_over(const ServerOptions& from, const ServerOptions& to, int version,
                         const std::string& certificate) {
  const auto first = context_of(from);
  const auto second = context_of(to);
  const Handshake before(*first,
                         {.server_name = "a", .version = version, .certificate = certificate});
  REQUIRE(before.is_good());
  const Handshake after(*second,
                        {.server_name = "a", .version = version, .session = before.session()});
  return after.is_good() ? after.is_resumed() ? "goes on" : "begins anew" : "refused";
}

TEST_CASE("No ticket lets a client skip what is demanded") {
  Club club;
  const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  const std::string someone = club.clients.node("someone");
  const ServerOptions strict = club.options;
  CHECK(carried_over(strict, strict, version, someone) == "goes on");

  ServerOptions open = strict;
  open.verify = Verify::kNone;
  open.client_authorities.clear();
  CHECK(carried_over(open, strict, version, "") == "refused");
  CHECK(carried_over(open, strict, version, someone) == "refused");
  ServerOptions optional = strict;
  optional.verify = Verify::kOptional;
  CHECK(carried_over(optional, strict, version, "") == "refused");
  CHECK(carried_over(optional, optional, version, "") == "goes on");

  ServerOptions other = strict;
  other.client_authorities = Authority("another").pem();
  CHECK(carried_over(strict, other, version, someone) == "refused");
  ServerOptions revoking = strict;
  revoking.client_revocations = club.clients.revocations({someone});
  CHECK(carried_over(strict, revoking, version, someone) == "refused");
}

TEST_CASE("A ticket is worth no more than the certificate that was shown for it") {
  const Club club;
  const auto context = context_of(club.options);
  const Handshake first(*context,
                        {.server_name = "a",
                         .certificate = club.clients.certificate(
                             {.common_name = "brief", .alternative = "", .valid_to = 2})});
  REQUIRE(first.is_good());
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  int resumed = 0;
  for (bool is_let_in = true; is_let_in && std::chrono::steady_clock::now() < deadline;) {
    const Handshake again(*context, {.server_name = "a", .session = first.session()});
    is_let_in = again.is_good();
    resumed += is_let_in && again.is_resumed() ? 1 : 0;
    if (!is_let_in) CHECK(again.client_error() == kNoCertificate);
  }
  CHECK(resumed > 0);
}

}  // namespace
}  // namespace tandem::lb::tls
