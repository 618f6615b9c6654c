#include "lb/config/build.h"

#include "common/text.h"
#include "config/files.h"
#include "config/shape.h"
#include "lb/config/errorfile.h"

#include <fmt/format.h>

namespace tandem::lb::config {

std::optional<SocketAddress> BuildContext::listening(const Place& at) {
  auto result = address(at);
  if (result) listeners.push_back({*result, at});
  return result;
}

std::optional<BackendIndex> BuildContext::backend(const Place& at) {
  if (!at || at.value->type != jsonc::Type::kString || at.value->text.empty()) return std::nullopt;
  for (std::size_t i = 0; i < backend_names.size(); ++i) {
    if (backend_names[i] != at.value->text) continue;
    backend_used[i] = true;
    return static_cast<BackendIndex>(i);
  }
  const auto near = nearest(at.value->text, backend_names);
  error(at, fmt::format("there is no backend {}{}", quoted(*at.value),
                        near && !at.value->hidden ? fmt::format("; did you mean \"{}\"?", *near)
                                                  : "; define it under \"backends\""));
  return std::nullopt;
}

Timeouts build_timeouts(const Layers& layers, Mode mode) {
  const Layers timeout = layers.inside("timeout");
  Timeouts result;
  // Nobody asks a database's clients to say something each minute, unless it is written.
  if (mode == Mode::kTcp) result.client = result.server = result.tunnel;
  read(timeout.find("connect"), result.connect);
  read(timeout.find("client"), result.client);
  read(timeout.find("server"), result.server);
  read(timeout.find("http-request"), result.http_request);
  read(timeout.find("http-keep-alive"), result.http_keep_alive);
  read(timeout.find("queue"), result.queue);
  const Place tunnel = timeout.find("tunnel");
  read(tunnel, result.tunnel);
  result.tunnel_written = mode == Mode::kTcp && tunnel;
  read(timeout.find("check"), result.check);
  return result;
}

ErrorFiles build_errorfiles(const BuildContext& context, const Layers& layers) {
  ErrorFiles result;
  const Layers errorfiles = layers.inside("errorfiles");
  for (const Place& place : errorfiles.places()) {
    for (const jsonc::Member& member : place.value->members) {
      const auto status = parse_decimal(member.key);
      const Place at = place.child(member.key);
      if (!status || *status > 599 || result.contains(static_cast<int>(*status))) continue;
      const auto text = context.file(at, kErrorfileBytesMax);
      if (!text) continue;
      if (auto response = read_errorfile(*text))
        result.emplace(static_cast<int>(*status), std::move(*response));
      else
        context.error(at, fmt::format("{}: {}", quoted(*at.value), response.error().message));
    }
  }
  return result;
}

void build(const jsonc::Value& root, const Environment& environment, Report& report,
           Snapshot& snapshot) {
  const Place whole{&root, ""};
  BuildContext context{{environment, report, whole}, snapshot, whole.child("defaults"), {}, {}, {}};
  if (const jsonc::Value* backends = root.find("backends"))
    for (const jsonc::Member& member : backends->members)
      context.backend_names.push_back(member.key);
  context.backend_used.assign(context.backend_names.size(), false);
  build_process(context);
  build_certificates(context);
  build_frontends(context);
  build_backends(context);
  check_whole(context);
  check_certificates(context);
}

}  // namespace tandem::lb::config
