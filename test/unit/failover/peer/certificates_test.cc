// Nodes that prove themselves by certificates: who is believed, and what is said of those who are
// not.
#include "failover/peer/tls.h"
#include "test/support/authority.h"
#include "test/unit/failover/peer/rig.h"

#include <memory>
#include <string>

namespace tandem::failover::peer {
namespace {

using State = TlsStream::State;
using testing::Authority;
using Shared = std::shared_ptr<const Credentials>;

Shared certified(const std::string& own, const std::string& authorities, const std::string& node) {
  auto made = Credentials::of_certificates({.own = own, .authorities = authorities}, node);
  if (!made) FAIL(made.error().words);
  return *made;
}

TEST_CASE("Two nodes with certificates of one CA hear each other") {
  const Authority authority("the CA");
  TlsPair pair(certified(authority.node("lb1"), authority.pem(), "lb1"),
               certified(authority.node("lb2"), authority.pem(), "lb2"));
  REQUIRE(pair.dials.state() == State::kSecure);
  REQUIRE(pair.listens.state() == State::kSecure);
  pair.dials.send("take it now");
  pair.listens.send("I have it");
  pair.carry();
  CHECK(pair.heard_by_listener == "take it now");
  CHECK(pair.heard_by_dialler == "I have it");
}

TEST_CASE("The common name counts where there is no alternative one") {
  const Authority authority("the CA");
  TlsPair pair(certified(authority.certificate({.common_name = "lb1", .alternative = ""}),
                         authority.pem(), "lb1"),
               certified(authority.node("lb2"), authority.pem(), "lb2"));
  CHECK(pair.dials.state() == State::kSecure);
  CHECK(pair.listens.state() == State::kSecure);
}

TEST_CASE("While the CA changes both are believed") {
  const Authority before("before");
  const Authority after("after");
  const std::string both = before.pem() + after.pem();
  TlsPair pair(certified(before.node("lb1"), both, "lb1"),
               certified(after.node("lb2"), both, "lb2"));
  CHECK(pair.dials.state() == State::kSecure);
  CHECK(pair.listens.state() == State::kSecure);
}

TEST_CASE("Who cannot prove to be the other node is told from it, in words on both sides") {
  const Authority authority("the CA");
  const Authority other("another");
  const auto good = [&](const std::string& node) {
    return certified(authority.node(node), authority.pem(), node);
  };
  const auto secret = credentials(kSecret);
  struct Row {
    const char* name;
    Shared one;
    Shared two;
    std::string of_one;  // trouble; empty: none that matters
    std::string of_two;
  };
  const std::vector<Row> rows{
      {"the listener's CA is another", good("lb1"),
       certified(other.node("lb2"), authority.pem(), "lb2"),
       "its certificate does not come from our CA",
       "it says that our certificate does not come from its CA"},
      {"the dialler's CA is another", certified(other.node("lb1"), authority.pem(), "lb1"),
       good("lb2"), "it says that our certificate does not come from its CA",
       "its certificate does not come from our CA"},
      {"the listener is another node", good("lb1"), good("lb3"),
       "its certificate is not for \"lb2\"", "it refuses our certificate"},
      {"the dialler is another node", good("lb3"), good("lb2"), "it refuses our certificate",
       "its certificate is not for \"lb1\""},
      {"a wildcard is nobody's name", good("lb1"),
       certified(authority.certificate({.common_name = "x", .alternative = "DNS:lb3, DNS:*"}),
                 authority.pem(), "lb3"),
       "its certificate is not for \"lb2\"", ""},
      {"an alternative name takes the common one's place", good("lb1"),
       certified(authority.certificate({.common_name = "lb2", .alternative = "DNS:lb3"}),
                 authority.pem(), "lb3"),
       "its certificate is not for \"lb2\"", ""},
      {"the certificate has expired", good("lb1"),
       certified(
           authority.certificate(
               {.common_name = "lb2", .alternative = "", .valid_from = -3600, .valid_to = -60}),
           authority.pem(), "lb2"),
       "its certificate, or its CA's, has expired", "it says that our certificate has expired"},
      {"the certificate is from tomorrow", good("lb1"),
       certified(
           authority.certificate(
               {.common_name = "lb2", .alternative = "", .valid_from = 3600, .valid_to = 7200}),
           authority.pem(), "lb2"),
       "its certificate is not valid yet: are both clocks right?", ""},
      {"the dialler has a secret", secret, good("lb2"),
       "it proves itself by a certificate, not by our secret", ""},
      {"the listener has a secret", good("lb1"), secret, "it wants another kind of proof",
       "it wants another kind of proof"},
  };
  for (const Row& row : rows) {
    INFO(row.name);
    TlsPair pair(row.one, row.two);
    if (pair.dials.state() == State::kSecure) pair.dials.send("take it now");
    pair.carry();
    CHECK(pair.dials.state() == State::kFailed);
    CHECK(pair.listens.state() == State::kFailed);
    CHECK(pair.heard_by_listener.empty());
    CHECK(pair.heard_by_dialler.empty());
    CHECK(pair.dials.trouble() == row.of_one);
    if (!row.of_two.empty()) CHECK(pair.listens.trouble() == row.of_two);
  }
}

TEST_CASE("Files that cannot be used are refused, with the file that is to blame") {
  const Authority authority("the CA");
  const std::string right = authority.node("lb1");
  const std::string certificate = right.substr(0, right.find("-----BEGIN PRIVATE"));
  struct Row {
    std::string own;
    std::string authorities;
    bool is_of_authorities;
    std::string words;
  };
  const std::vector<Row> rows{
      {"", authority.pem(), false, "holds no certificate (PEM)"},
      {"something else", authority.pem(), false, "holds no certificate (PEM)"},
      {certificate, authority.pem(), false,
       "holds no private key (PEM) that can be read without a password"},
      {certificate + Authority::some_key(), authority.pem(), false,
       "the private key is not that of the first certificate"},
      {authority.node("lb2"), authority.pem(), false,
       "the certificate is for \"lb2\", not for this node, \"lb1\""},
      {authority.certificate({.common_name = "lb1", .alternative = "DNS:a, DNS:b"}),
       authority.pem(), false, "the certificate is for \"a\", \"b\", not for this node, \"lb1\""},
      {right, "", true, "holds no certificate (PEM)"},
      {right, Authority::some_key(), true, "holds no certificate (PEM)"},
  };
  for (const Row& row : rows) {
    INFO(row.words);
    const auto made =
        Credentials::of_certificates({.own = row.own, .authorities = row.authorities}, "lb1");
    REQUIRE(!made.has_value());
    CHECK(made.error().is_of_authorities == row.is_of_authorities);
    CHECK(made.error().words == row.words);
  }
}

TEST_CASE("A link by certificates comes up, and says why when it does not") {
  const Authority authority("the CA");
  const Authority other("another");
  Rig rig;
  auto answers = rig.settings(2, 1);
  answers.credentials = certified(authority.node("lb2"), authority.pem(), "lb2");
  rig.open_answerer(answers);
  auto dials = rig.settings(1, 2);
  SECTION("of one CA") {
    dials.credentials = certified(authority.node("lb1"), authority.pem(), "lb1");
    rig.open_dialler(dials);
    rig.run_until([&] { return rig.dialler.link->is_up() && rig.answerer.link->is_up(); });
  }
  SECTION("of another CA") {
    dials.credentials = certified(other.node("lb1"), authority.pem(), "lb1");
    rig.open_dialler(dials);
    rig.run_until([&] {
      return rig.dialler.link->counters().handshake_failures > 0 &&
             rig.answerer.link->counters().handshake_failures > 0;
    });
    CHECK(rig.answerer.link->trouble() == "its certificate does not come from our CA");
    CHECK_FALSE(rig.dialler.link->is_up());
    CHECK(rig.dialler.link->counters().malformed == 0);
  }
}

}  // namespace
}  // namespace tandem::failover::peer
