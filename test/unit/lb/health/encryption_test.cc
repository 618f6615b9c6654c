// Which checks speak TLS, and with whose context.
#include "lb/tls/client_context.h"
#include "test/unit/lb/health/checker_harness.h"

#include <catch2/catch.hpp>

#include <memory>
#include <optional>

namespace tandem::lb::health {
namespace {

using Context = std::shared_ptr<const tls::ClientContext>;
using config::Check;

config::ServerSsl make_ssl() {
  config::ServerSsl ssl;
  ssl.options.verify = false;
  ssl.context = *tls::ClientContext::make(ssl.options);
  return ssl;
}

struct Wish {
  std::optional<config::ServerSsl> ssl;
  std::optional<config::ServerSsl> blind;
  std::optional<bool> check_ssl;
  std::optional<std::uint16_t> check_port;
};

Context context_of(const Wish& wish) {
  CheckerHarness harness;
  config::Snapshot snapshot = make_snapshot(1);
  config::Backend& backend = snapshot.backends[0];
  if (wish.blind) backend.check.type = Check::Type::kTls;
  backend.check.blind = wish.blind;
  backend.servers[0].ssl = wish.ssl;
  backend.servers[0].check_ssl = wish.check_ssl;
  backend.servers[0].check_port = wish.check_port;
  harness.checker.configure(share(std::move(snapshot)));
  harness.fire_if_due();
  REQUIRE(harness.prober.pending.size() == 1);
  return harness.prober.pending.begin()->second.target.tls;
}

TEST_CASE("checks speak TLS where requests do, unless they go elsewhere or it is said") {
  const config::ServerSsl ssl = make_ssl();
  CHECK(context_of({}) == nullptr);
  CHECK(context_of({.ssl = ssl}) == ssl.context);
  CHECK(context_of({.ssl = ssl, .check_ssl = false}) == nullptr);
  CHECK(context_of({.ssl = ssl, .check_port = 9}) == nullptr);
  CHECK(context_of({.ssl = ssl, .check_ssl = true, .check_port = 9}) == ssl.context);
}

TEST_CASE("a check of the handshake always does, and as the server's own wherever it has one") {
  const config::ServerSsl ssl = make_ssl();
  const config::ServerSsl blind = make_ssl();
  CHECK(context_of({.blind = blind}) == blind.context);
  CHECK(context_of({.ssl = ssl, .blind = blind}) == ssl.context);
  CHECK(context_of({.ssl = ssl, .blind = blind, .check_port = 9}) == ssl.context);
}

}  // namespace
}  // namespace tandem::lb::health
