// "servers" of a backend.
#include "config/shape.h"
#include "lb/config/build.h"

#include <fmt/format.h>

#include <utility>

namespace tandem::lb::config {
namespace {

constexpr Word<Observe> kObserves[] = {{"layer4", Observe::kLayer4}, {"layer7", Observe::kLayer7}};
constexpr Word<OnError> kOnErrors[] = {{"fastinter", OnError::kFastinter},
                                       {"fail-check", OnError::kFailCheck},
                                       {"sudden-death", OnError::kSuddenDeath},
                                       {"mark-down", OnError::kMarkDown}};
constexpr Word<OnMarkedDown> kOnMarkedDowns[] = {
    {"shutdown-sessions", OnMarkedDown::kShutdownSessions}};
constexpr Word<InitialState> kStates[] = {{"ready", InitialState::kReady},
                                          {"drain", InitialState::kDrain},
                                          {"maint", InitialState::kMaint}};

constexpr Word<SendProxy> kSendProxies[] = {
    {"none", SendProxy::kNone}, {"v1", SendProxy::kV1}, {"v2", SendProxy::kV2}};
constexpr Word<Proto> kProtos[] = {{"h1", Proto::kH1}, {"h2", Proto::kH2}};

/// Where the server listens: somewhere a connection can be made to.
std::optional<SocketAddress> build_address(const BuildContext& context, const Place& at) {
  const auto address = context.address(at);
  if (!address || address->is_unix()) return address;
  const auto numeric = SocketAddress::parse(at.value->text);
  if (numeric && numeric->is_wildcard())
    context.error(at, fmt::format("{}: a server has an address of its own, not every address",
                                  quoted(*at.value)));
  else if (address->port() == 0)
    context.error(at, fmt::format("{}: a server's port is 1 to 65535", quoted(*at.value)));
  return address;
}

/// A host of its own beside that of `server`; its port does not count. nullopt: `host` is not
/// there, or after an error.
std::optional<SocketAddress> build_host(const BuildContext& context, const Place& host,
                                        const Server& server) {
  if (!host || host.value->type != jsonc::Type::kString || host.value->text.empty())
    return std::nullopt;
  jsonc::Value full = *host.value;
  const bool ipv6 = full.text.find(':') != std::string::npos && !full.text.starts_with('[');
  const unsigned port = server.address.is_unix() ? 1 : server.address.port();
  full.text = fmt::format("{}{}{}:{}", ipv6 ? "[" : "", full.text, ipv6 ? "]" : "", port);
  return context.address({&full, host.pointer});
}

/// "check-addr" and "check-port" over the server's own; nothing if neither is there.
void build_check_address(const BuildContext& context, const Layers& layers, Server& out) {
  const Place host = layers.find("check-addr");
  const Place port = layers.find("check-port");
  if (!host && !port) return;
  if (out.address.is_unix())
    return context.error(port ? port : host,
                         "a server on a Unix socket is checked there: leave it out");
  if (port) read(port, out.check_port.emplace());
  out.check_address = build_host(context, host, out);
}

void build_agent(const BuildContext& context, const Layers& layers, Server& out) {
  bool wanted = false;
  const Place at = layers.find("agent-check");
  read(at, wanted);
  if (!wanted) {
    for (const std::string_view key : {"agent-port", "agent-addr", "agent-inter", "agent-send"})
      if (const Place own = layers.places().front().child(key))
        context.warning(own, fmt::format("\"{}\" has no effect without \"agent-check\"", key));
    return;
  }
  if (!layers.find("agent-port"))
    context.error(at, "\"agent-port\" is missing beside it: where does the agent listen?");
  Agent agent;
  read(layers.find("agent-port"), agent.port);
  agent.address = build_host(context, layers.find("agent-addr"), out);
  if (out.address.is_unix() && !layers.find("agent-addr"))
    context.error(at, "the agent of a server on a Unix socket needs \"agent-addr\": its host");
  read(layers.find("agent-inter"), agent.inter);
  read(layers.find("agent-send"), agent.send);
  out.agent = std::move(agent);
}

void build_intervals(const Layers& layers, Server& out) {
  read(layers.find("inter"), out.inter);
  out.fastinter = out.inter;
  out.downinter = out.inter;
  read(layers.find("fastinter"), out.fastinter);
  read(layers.find("downinter"), out.downinter);
  read(layers.find("rise"), out.rise);
  read(layers.find("fall"), out.fall);
  read(layers.find("slowstart"), out.slowstart);
}

void build_observation(const BuildContext& context, const Layers& layers, Server& out) {
  read(layers.find("observe"), kObserves, out.observe);
  read(layers.find("error-limit"), out.error_limit);
  read(layers.find("on-error"), kOnErrors, out.on_error);
  read(layers.find("on-marked-down"), kOnMarkedDowns, out.on_marked_down);
  for (const std::string_view key : {"error-limit", "on-error"})
    if (const Place at = layers.places().front().child(key); at && out.observe == Observe::kNone)
      context.warning(at, fmt::format("\"{}\" has no effect without \"observe\"", key));
}

std::optional<Server> build_server(const BuildContext& context, const Place& place,
                                   const Layers& layers) {
  const bool plain = place.value->type == jsonc::Type::kString;
  const Place at = plain ? place : place.child("address");
  const auto address = build_address(context, at);
  if (!address) return std::nullopt;
  Server server;
  server.address = *address;
  server.address_text = at.value->text;
  read(layers.find("weight"), server.weight);
  read(layers.find("maxconn"), server.maxconn);
  read(layers.find("maxqueue"), server.maxqueue);
  read(layers.find("backup"), server.backup);
  read(layers.find("state"), kStates, server.state);
  build_check_address(context, layers, server);
  build_agent(context, layers, server);
  build_intervals(layers, server);
  build_observation(context, layers, server);
  read(layers.find("send-proxy"), kSendProxies, server.send_proxy);
  read(layers.find("proto"), kProtos, server.proto);
  if (const Place own = layers.find("check-send-proxy"))
    read(own, server.check_send_proxy.emplace());
  server.ssl = build_server_ssl(context, layers.find("ssl"), server);
  if (const Place own = layers.find("check-ssl")) {
    read(own, server.check_ssl.emplace());
    if (*server.check_ssl && !server.ssl) context.warning(own, "has no effect without \"ssl\"");
  }
  return server;
}

}  // namespace

std::vector<Server> build_servers(const BuildContext& context, const Place& backend,
                                  const Check& check, bool checked) {
  std::vector<Server> result;
  const Place servers = backend.child("servers");
  if (!servers) return result;
  for (const jsonc::Member& member : servers.value->members) {
    const Place place = servers.child(member.key);
    const Layers layers(
        {place, backend.child("default-server"), context.defaults.child("default-server")});
    auto server = build_server(context, place, layers);
    if (!server) continue;
    server->name = member.key;
    server->id = static_cast<std::uint32_t>(result.size() + 1);
    server->check = checked;
    read(layers.find("check"), server->check);
    if (check.type == Check::Type::kTls && !server->check_ssl.value_or(true))
      context.warning(layers.find("check-ssl"),
                      "has no effect: a check of the type \"tls\" always speaks it");
    result.push_back(std::move(*server));
  }
  return result;
}

}  // namespace tandem::lb::config
