// "frontends".
#include "common/text.h"
#include "lb/config/build.h"

#include <fmt/format.h>

namespace tandem::lb::config {
namespace {

std::optional<Bind> build_bind(BuildContext& context, const Place& entry, Mode mode) {
  const bool plain = entry.value->type == jsonc::Type::kString;
  const Place at = plain ? entry : entry.child("address");
  const auto address = context.listening(at);
  if (!address) return std::nullopt;
  Bind bind{.address = *address, .text = at.value->text};
  // In many protocols it is the server that speaks first.
  bind.defer_accept = mode == Mode::kHttp;
  if (!plain) {
    read(entry.child("backlog"), bind.backlog);
    read(entry.child("defer-accept"), bind.defer_accept);
    bind.ssl = build_ssl(context, entry.child("ssl"), mode);
    bind.accept_proxy = build_accept_proxy(context, entry.child("accept-proxy"), bind.address);
  }
  return bind;
}

void check_frontend(const BuildContext& context, const Place& place, const Layers& layers,
                    const Frontend& frontend) {
  const Place maxconn = layers.find("maxconn");
  if (frontend.maxconn > context.snapshot.global.maxconn)
    context.warning(maxconn, fmt::format("more than \"maxconn\" of \"global\" ({}), which comes "
                                         "first",
                                         context.snapshot.global.maxconn));
  if (!layers.find("default_backend") && frontend.rules.empty() && !place.child("rules"))
    context.warning(place, fmt::format("neither \"default_backend\" nor \"rules\": every {}",
                                       frontend.mode == Mode::kTcp ? "connection is closed"
                                                                   : "request is answered 503"));
}

Frontend build_frontend(BuildContext& context, const Place& place) {
  const Layers layers({place, context.defaults});
  Frontend frontend;
  frontend.mode = build_mode(layers);
  if (frontend.mode == Mode::kTcp) check_tcp_frontend(context, place);
  for (const Place& entry : one_or_list(place.child("bind")))
    if (auto bind = build_bind(context, entry, frontend.mode))
      frontend.binds.push_back(std::move(*bind));
  read(layers.find("maxconn"), frontend.maxconn);
  frontend.timeouts = build_timeouts(layers, frontend.mode);
  read(layers.find("monitor-uri"), frontend.monitor_uri);
  read(layers.find("forwardfor"), frontend.forwardfor);
  read(layers.find("unique-id-header"), frontend.unique_id_header);
  frontend.errorfiles = build_errorfiles(context, layers);
  frontend.compression = build_compression(context, layers.find("compression"));
  build_rules(context, place.child("rules"), frontend);
  frontend.inspect_delay = build_inspect_delay(context, place, frontend);
  frontend.default_backend = context.backend(layers.find("default_backend"));
  read(layers.find("log"), frontend.access_log);
  check_frontend(context, place, layers, frontend);
  return frontend;
}

}  // namespace

void build_frontends(BuildContext& context) {
  const Place frontends = context.root.child("frontends");
  if (!frontends || frontends.value->members.empty()) {
    if (!context.report.has_errors())
      context.error(context.root, "nothing to listen on: define a frontend under \"frontends\"");
    return;
  }
  for (const jsonc::Member& member : frontends.value->members) {
    Frontend frontend = build_frontend(context, frontends.child(member.key));
    frontend.name = member.key;
    frontend.id = static_cast<std::uint32_t>(context.snapshot.frontends.size() + 1);
    context.snapshot.frontends.push_back(std::move(frontend));
  }
}

}  // namespace tandem::lb::config
