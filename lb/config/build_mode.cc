// "mode": what a TCP proxy may say, and which backends a frontend may name.
#include "lb/config/build.h"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <string_view>

namespace tandem::lb::config {
namespace {

using Names = std::initializer_list<std::string_view>;

constexpr Word<Mode> kModes[] = {{"http", Mode::kHttp}, {"tcp", Mode::kTcp}};

bool is_one_of(std::string_view key, Names names) {
  return std::find(names.begin(), names.end(), key) != names.end();
}

void refuse(const BuildContext& context, const Place& place, Names keys) {
  for (const std::string_view key : keys)
    if (const Place at = place.child(key))
      context.error(at, fmt::format("\"{}\" has no meaning in mode \"tcp\": leave it out, or write "
                                    "it in \"defaults\" for the others",
                                    key));
}

void refuse_request_timeouts(const BuildContext& context, const Place& proxy) {
  if (const Place timeout = proxy.child("timeout"))
    refuse(context, timeout, {"http-request", "http-keep-alive"});
}

/// A TCP connection shows where it comes from, not what is asked for.
void check_conditions(const BuildContext& context, const Place& conditions) {
  if (!conditions || conditions.value->type != jsonc::Type::kObject) return;
  for (const jsonc::Member& member : conditions.value->members)
    if (!is_one_of(member.key,
                   {"src", "ssl_fc", "req.ssl_sni", "req.ssl_sni_end", "req.ssl_alpn", "not"}))
      context.error(
          conditions.child(member.key),
          fmt::format("\"{}\" looks at a request, and there is none in mode \"tcp\"", member.key));
  check_conditions(context, conditions.child("not"));
}

void check_rules(const BuildContext& context, const Place& rules) {
  for (const Place& rule : one_or_list(rules)) {
    if (rule.value->type != jsonc::Type::kObject) continue;
    for (const jsonc::Member& member : rule.value->members)
      if (!is_one_of(member.key, {"if", "use_backend"}))
        context.error(rule.child(member.key),
                      fmt::format("\"{}\" needs a request, and there is none in mode \"tcp\": only "
                                  "\"use_backend\" does",
                                  member.key));
    check_conditions(context, rule.child("if"));
  }
}

std::string_view name_of(Mode mode) { return mode == Mode::kTcp ? "tcp" : "http"; }

void check_reference(const BuildContext& context, const Place& at, const Frontend& frontend) {
  if (!at || at.value->type != jsonc::Type::kString) return;
  const auto& backends = context.snapshot.backends;
  const auto backend = std::ranges::find(backends, at.value->text, &Backend::name);
  if (backend == backends.end() || backend->mode == frontend.mode) return;
  context.error(at, fmt::format("backend \"{}\" has mode \"{}\", and frontend \"{}\" has mode "
                                "\"{}\": write the same \"mode\" in both, or name another backend",
                                backend->name, name_of(backend->mode), frontend.name,
                                name_of(frontend.mode)));
}

}  // namespace

Mode build_mode(const Layers& layers) {
  Mode mode = Mode::kHttp;
  read(layers.find("mode"), kModes, mode);
  return mode;
}

void check_tcp_frontend(const BuildContext& context, const Place& frontend) {
  refuse(context, frontend,
         {"monitor-uri", "forwardfor", "unique-id-header", "errorfiles", "compression"});
  refuse_request_timeouts(context, frontend);
  check_rules(context, frontend.child("rules"));
}

void check_tcp_backend(const BuildContext& context, const Place& backend) {
  refuse(context, backend,
         {"http-reuse", "pool-max-conn", "pool-purge-delay", "errorfiles", "compression"});
  refuse_request_timeouts(context, backend);
  for (const Place& word : one_or_list(backend.child("retry-on")))
    if (!is_one_of(word.value->text, {"none", "conn-failure"}))
      context.error(word, fmt::format("\"{}\" looks at an answer, and there is none in mode "
                                      "\"tcp\": \"none\" and \"conn-failure\" are left",
                                      word.value->text));
  const auto check_server = [&context](const Place& server) {
    if (const Place proto = server.child("proto"))
      context.error(proto,
                    "\"proto\" is of mode \"http\": in mode \"tcp\" bytes pass as they come");
    const Place at = server.child("observe");
    if (at && at.value->text == "layer7")
      context.error(at,
                    "\"layer7\" looks at answers, and there are none in mode \"tcp\": write "
                    "\"layer4\"");
  };
  check_server(backend.child("default-server"));
  const Place servers = backend.child("servers");
  if (!servers) return;
  for (const jsonc::Member& member : servers.value->members)
    check_server(servers.child(member.key));
}

void check_tcp_balance(const BuildContext& context, const Place& backend, Balance& balance) {
  if (balance.key == Balance::Key::kNone || balance.key == Balance::Key::kSource) return;
  const Place own_hash = balance.policy == "hash" ? backend.child("hash") : Place{};
  const Place own = own_hash ? own_hash : backend.child("balance");
  if (own)
    context.error(own,
                  "it looks at a request, and there is none in mode \"tcp\": \"source\", or "
                  "\"hash\" by \"src\", look at the client's address");
  balance = Balance{};
}

void check_modes(const BuildContext& context) {
  const Place frontends = context.root.child("frontends");
  for (const Frontend& frontend : context.snapshot.frontends) {
    const Place place = frontends.child(frontend.name);
    check_reference(context, Layers({place, context.defaults}).find("default_backend"), frontend);
    for (const Place& rule : one_or_list(place.child("rules")))
      if (rule.value->type == jsonc::Type::kObject)
        check_reference(context, rule.child("use_backend"), frontend);
  }
}

}  // namespace tandem::lb::config
