// Sessions that go on by a ticket: within a context, between two that share keys, and not
// elsewhere.
#include "test/support/authority.h"
#include "test/unit/lb/tls/handshake.h"

#include <catch2/catch.hpp>

namespace tandem::lb::tls {
namespace {

using testing::Authority;

std::string line_of(char letter) {
  const std::string key(80, letter);
  std::string text(112, '\0');
  text.resize(static_cast<std::size_t>(
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                      reinterpret_cast<const unsigned char*>(key.data()), 80)));
  return text + "\n";
}

class Site {
 public:
  ServerOptions options;

  Site() {
    options.certificates = {file_of("a.pem", authority_.node("a")),
                            file_of("b.pem", authority_.node("b"))};
  }
  [[nodiscard]] std::shared_ptr<const ServerContext> with_keys(const std::string& lines) const {
    ServerOptions wanted = options;
    wanted.ticket_keys = lines;
    return context_of(wanted);
  }

 private:
  Authority authority_{"the CA"};
};

/// Whether a session begun at `first` goes on at `second`.
bool goes_on(const ServerContext& first, const ServerContext& second, int version,
             const std::string& name = "a") {
  const Handshake before(first, {.server_name = name, .version = version});
  REQUIRE(before.is_good());
  REQUIRE(before.session() != nullptr);
  const Handshake after(second,
                        {.server_name = name, .version = version, .session = before.session()});
  CHECK(after.client_error() == "");
  return after.is_resumed();
}

TEST_CASE("A session goes on in the context that began it, for every name") {
  const Site site;
  const auto context = context_of(site.options);
  const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  for (const char* name : {"a", "b", "unknown"}) CHECK(goes_on(*context, *context, version, name));
}

TEST_CASE("One ticket is given, good for an hour") {
  const Site site;
  const auto context = context_of(site.options);
  const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  const Handshake handshake(*context, {.server_name = "b", .version = version});
  CHECK(handshake.tickets() == 1);
  CHECK(SSL_SESSION_get_ticket_lifetime_hint(handshake.session()) == 3600);
}

TEST_CASE("Random keys are a context's own") {
  const Site site;
  const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  CHECK_FALSE(goes_on(*context_of(site.options), *context_of(site.options), version));
}

TEST_CASE("Two contexts that read the same keys take each other's tickets") {
  const Site site;
  const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  const auto one = site.with_keys(line_of('a') + line_of('b') + line_of('c'));
  const auto other = site.with_keys(line_of('a') + line_of('b') + line_of('c'));
  CHECK(goes_on(*one, *other, version));
}

TEST_CASE("A new key at the end of the file reaches one node after the other without a loss") {
  const Site site;
  const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  const auto before = site.with_keys(line_of('a') + line_of('b') + line_of('c'));
  const auto after = site.with_keys(line_of('a') + line_of('b') + line_of('c') + line_of('d'));
  CHECK(goes_on(*before, *after, version));
  CHECK(goes_on(*after, *before, version));
  const auto replaced = site.with_keys(line_of('x') + line_of('y') + line_of('z'));
  CHECK_FALSE(goes_on(*before, *replaced, version));
}

TEST_CASE("A forged ticket is no session") {
  const Site site;
  const auto one = site.with_keys(line_of('a'));
  // The same name of the key, and another key: as if somebody had guessed.
  std::string forged(80, 'a');
  forged.replace(16, 64, std::string(64, 'f'));
  std::string line(112, '\0');
  line.resize(static_cast<std::size_t>(
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(line.data()),
                      reinterpret_cast<const unsigned char*>(forged.data()), 80)));
  CHECK_FALSE(goes_on(*site.with_keys(line), *one, GENERATE(TLS1_2_VERSION, TLS1_3_VERSION)));
}

}  // namespace
}  // namespace tandem::lb::tls
