#include "lb/config/build_ssl_shared.h"

#include "config/shape.h"
#include "lb/tls/client_authorities.h"
#include "lb/tls/vocabulary.h"

#include <fmt/format.h>

#include <ctime>

namespace tandem::lb::config {
namespace {

constexpr std::size_t kAuthoritiesBytesMax = std::size_t{4} << 20;
constexpr std::size_t kRevocationsBytesMax = std::size_t{64} << 20;

constexpr Word<tls::Version> kVersions[] = {{"TLSv1.2", tls::Version::kTls12},
                                            {"TLSv1.3", tls::Version::kTls13}};

void read_list(const BuildContext& context, const Place& at, std::string& out,
               Result<void> (*check)(std::string_view list)) {
  read(at, out);
  if (!at || at.value->type != jsonc::Type::kString || out.empty()) return;
  if (const auto good = check(out); !good) context.error(at, good.error().message);
}

}  // namespace

void read_protocol(const BuildContext& context, const Place& ssl, tls::ProtocolOptions& out) {
  read(ssl.child("min-ver"), kVersions, out.min_version);
  read(ssl.child("max-ver"), kVersions, out.max_version);
  if (out.max_version < out.min_version)
    context.error(ssl.child("max-ver"), "older than \"min-ver\": no version is left");
  read_list(context, ssl.child("ciphers"), out.ciphers, tls::check_ciphers);
  read_list(context, ssl.child("ciphersuites"), out.ciphersuites, tls::check_ciphersuites);
  read_list(context, ssl.child("curves"), out.curves, tls::check_curves);
}

std::optional<Authorities> read_authorities(const BuildContext& context, const Place& ssl,
                                            std::string_view whom) {
  const Place authorities = ssl.child("ca-file");
  const Place revocations = ssl.child("crl-file");
  auto pem = context.file(authorities, kAuthoritiesBytesMax);
  auto lists = context.file(revocations, kRevocationsBytesMax);
  if (!pem) return std::nullopt;
  const auto wrong = [&](const Place& at, const std::string& message) {
    context.error(at, fmt::format("{}: {}", quoted(*at.value), message));
    return std::nullopt;
  };
  auto known = tls::ClientAuthorities::read(*pem);
  if (!known) return wrong(authorities, known.error().message);
  if (!lists) return Authorities{.pem = std::move(*pem), .revocations = {}};
  if (const auto good = known->revoke(*lists); !good)
    return wrong(revocations, good.error().message);
  if (known->revocations_until() <= std::time(nullptr))
    context.warning(revocations, fmt::format("{}: a list in it is no longer in force: {} of its CA "
                                             "will be refused",
                                             quoted(*revocations.value), whom));
  return Authorities{.pem = std::move(*pem), .revocations = std::move(*lists)};
}

}  // namespace tandem::lb::config
