// "ssl" of a server.
#include "config/shape.h"
#include "lb/config/build.h"
#include "lb/tls/client_authorities.h"
#include "lb/tls/client_context.h"
#include "lb/tls/vocabulary.h"

#include <fmt/format.h>

#include <ctime>
#include <utility>

namespace tandem::lb::config {
namespace {

constexpr std::size_t kAuthoritiesBytesMax = std::size_t{4} << 20;
constexpr std::size_t kRevocationsBytesMax = std::size_t{64} << 20;

constexpr Word<tls::Version> kVersions[] = {{"TLSv1.2", tls::Version::kTls12},
                                            {"TLSv1.3", tls::Version::kTls13}};
constexpr Word<bool> kVerifies[] = {{"none", false}, {"required", true}};

/// "web.example.org" of "web.example.org:443", "2001:db8::1" of "[2001:db8::1]:443".
std::string host_of(const std::string& address_text) {
  const std::size_t colon = address_text.rfind(':');
  std::string host = address_text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return host;
}

class ServerSslBuilder {
 public:
  ServerSslBuilder(const BuildContext& context, const Place& ssl) : context_(context), ssl_(ssl) {}

  std::optional<ServerSsl> build(const Server& server) {
    name_it(server);
    if (ssl_.value->type == jsonc::Type::kObject) read_section();
    if (context_.report.has_errors()) return ServerSsl{.options = options_, .context = nullptr};
    auto made = tls::ClientContext::make(options_);
    if (!made) {
      context_.error(ssl_, made.error().message);
      return std::nullopt;
    }
    return ServerSsl{.options = std::move(options_), .context = std::move(*made)};
  }

 private:
  /// Whom we want to speak with is what stands in the address, unless it is said otherwise.
  void name_it(const Server& server) {
    if (server.address.is_unix()) return;
    options_.verify_name = host_of(server.address_text);
    const bool is_ip = options_.verify_name == server.address.host();
    if (!is_ip) options_.sni = options_.verify_name;
    if (const Place sni = ssl_.child("sni")) {
      read(sni, options_.sni);
      if (!options_.sni.empty()) options_.verify_name = options_.sni;
    }
    read(ssl_.child("verifyhost"), options_.verify_name);
  }

  void read_section() {
    read(ssl_.child("verify"), kVerifies, options_.verify);
    if (!options_.verify) {
      for (const std::string_view key : {"ca-file", "crl-file", "verifyhost"})
        if (const Place at = ssl_.child(key))
          context_.warning(at, "means nothing while \"verify\" is \"none\"");
      context_.warning(ssl_.child("verify"),
                       "anybody on the way to the server can read and change what is sent");
    }
    for (const std::string_view key : {"sni", "verifyhost"})
      if (const Place at = ssl_.child(key); at && at.value->type == jsonc::Type::kString &&
                                            !is_one_line(at.value->text) && !at.value->text.empty())
        context_.error(at, fmt::format("{}: a name has no line breaks", quoted(*at.value)));
    read(ssl_.child("min-ver"), kVersions, options_.min_version);
    read(ssl_.child("max-ver"), kVersions, options_.max_version);
    if (options_.max_version < options_.min_version)
      context_.error(ssl_.child("max-ver"), "older than \"min-ver\": no version is left");
    read_list("ciphers", options_.ciphers, tls::check_ciphers);
    read_list("ciphersuites", options_.ciphersuites, tls::check_ciphersuites);
    read_list("curves", options_.curves, tls::check_curves);
    read_authorities();
    read_certificate();
  }

  void read_list(std::string_view key, std::string& out,
                 Result<void> (*check)(std::string_view list)) {
    const Place at = ssl_.child(key);
    read(at, out);
    if (!at || at.value->type != jsonc::Type::kString || out.empty()) return;
    if (const auto good = check(out); !good) context_.error(at, good.error().message);
  }

  void read_authorities() {
    const Place authorities = ssl_.child("ca-file");
    const Place revocations = ssl_.child("crl-file");
    if (revocations && !authorities)
      context_.error(revocations, "\"ca-file\" is missing beside it: whose revocations are these?");
    const auto pem = context_.file(authorities, kAuthoritiesBytesMax);
    const auto lists = context_.file(revocations, kRevocationsBytesMax);
    if (!pem) return;
    auto known = tls::ClientAuthorities::read(*pem);
    if (!known)
      return context_.error(
          authorities, fmt::format("{}: {}", quoted(*authorities.value), known.error().message));
    options_.authorities = *pem;
    if (!lists) return;
    if (const auto good = known->revoke(*lists); !good)
      context_.error(revocations,
                     fmt::format("{}: {}", quoted(*revocations.value), good.error().message));
    else if (known->revocations_until() <= std::time(nullptr))
      context_.warning(revocations, fmt::format("{}: a list in it is no longer in force: servers "
                                                "of its CA will be refused",
                                                quoted(*revocations.value)));
    options_.revocations = *lists;
  }

  void read_certificate() {
    const Place at = ssl_.child("crt");
    if (!at) return;
    const std::vector<LoadedCertificate> found = load_certificates(context_, at);
    if (found.size() > 1)
      context_.error(at, fmt::format("{}: one certificate is shown to a server, not {}",
                                     quoted(*at.value), found.size()));
    if (!found.empty()) options_.certificate = found.front().file;
  }

  const BuildContext& context_;
  const Place& ssl_;
  tls::ClientOptions options_;
};

}  // namespace

std::optional<ServerSsl> build_server_ssl(const BuildContext& context, const Place& ssl,
                                          const Server& server) {
  if (!ssl) return std::nullopt;
  if (ssl.value->type == jsonc::Type::kBoolean && !ssl.value->boolean) return std::nullopt;
  if (ssl.value->type != jsonc::Type::kBoolean && ssl.value->type != jsonc::Type::kObject)
    return std::nullopt;  // reported already
  return ServerSslBuilder(context, ssl).build(server);
}

}  // namespace tandem::lb::config
