// "ssl" of a server.
#include "config/shape.h"
#include "lb/config/build.h"
#include "lb/config/build_ssl_shared.h"
#include "lb/tls/client_context.h"

#include <fmt/format.h>

#include <utility>

namespace tandem::lb::config {
namespace {

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
    read_protocol(context_, ssl_, options_);
    take_authorities();
    read_certificate();
  }

  void take_authorities() {
    const Place revocations = ssl_.child("crl-file");
    if (revocations && !ssl_.child("ca-file"))
      context_.error(revocations, "\"ca-file\" is missing beside it: whose revocations are these?");
    auto known = read_authorities(context_, ssl_, "servers");
    if (!known) return;
    options_.authorities = std::move(known->pem);
    options_.revocations = std::move(known->revocations);
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
