// "accept-proxy" of a bind: who may say whose connection it is.
#include "config/shape.h"
#include "lb/config/build.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace tandem::lb::config {
namespace {

/// Whether only neighbours reach it: this machine, or a private network (RFC 1918, RFC 4193).
bool is_private(const SocketAddress& address) {
  static const std::array kNetworks = {*IpPrefix::parse("10.0.0.0/8"),
                                       *IpPrefix::parse("172.16.0.0/12"),
                                       *IpPrefix::parse("192.168.0.0/16"),
                                       *IpPrefix::parse("fc00::/7"), *IpPrefix::parse("fe80::/10")};
  if (is_loopback(address)) return true;
  const auto host = IpAddress::parse(address.host());
  return host && std::ranges::any_of(kNetworks, [&host](const IpPrefix& network) {
           return network.contains(*host);
         });
}

std::optional<IpPrefix> build_network(const BuildContext& context, const Place& at) {
  if (at.value->type != jsonc::Type::kString) return std::nullopt;
  const auto prefix = IpPrefix::parse(at.value->text);
  if (!prefix) return std::nullopt;  // the shape check has said so
  if (prefix->network() == prefix->address) return *prefix;
  context.error(at, fmt::format("{} is an address in a network: did you mean \"{}/{}\", or \"{}\"?",
                                quoted(*at.value), prefix->network().text(), prefix->length,
                                prefix->address.text()));
  return std::nullopt;
}

}  // namespace

AcceptProxy build_accept_proxy(const BuildContext& context, const Place& at,
                               const SocketAddress& address) {
  AcceptProxy accept;
  if (!at) return accept;
  if (at.value->type == jsonc::Type::kBoolean) {
    accept.from_everybody = at.value->boolean;
    if (accept.from_everybody && !is_private(address))
      context.warning(at, fmt::format("whoever can connect to {} may pretend to be any client: "
                                      "name the networks of the balancers in front instead, such "
                                      "as [\"10.0.0.0/8\"]",
                                      address.text()));
    return accept;
  }
  if (address.is_unix()) {
    context.error(at, "who connects to a Unix socket is of no network: write true");
    return accept;
  }
  for (const Place& network : one_or_list(at))
    if (const auto prefix = build_network(context, network)) accept.networks.push_back(*prefix);
  return accept;
}

}  // namespace tandem::lb::config
