// "backends", without their servers.
#include "lb/config/build.h"

#include <algorithm>
#include <variant>

namespace tandem::lb::config {
namespace {

constexpr Word<HttpReuse> kReuses[] = {{"never", HttpReuse::kNever},
                                       {"safe", HttpReuse::kSafe},
                                       {"aggressive", HttpReuse::kAggressive},
                                       {"always", HttpReuse::kAlways}};

void build_hash(const BuildContext& context, const Layers& layers, const Place& backend,
                Balance& out) {
  const Place hash = layers.find("hash");
  if (out.policy == "hash" && !hash)
    return context.error(backend,
                         "\"balance\": \"hash\" needs the key \"hash\", such as "
                         "\"hdr(X-User)\"");
  if (out.policy == "hash" && hash.value->type == jsonc::Type::kString) {
    if (!read_hash_key(hash.value->text, out)) return;  // the shape check has said so
  } else if (const Place own = backend.child("hash"); own && out.policy != "hash") {
    context.warning(own, "has no effect without \"balance\": \"hash\"");
  }
}

Balance build_balance(const BuildContext& context, const Layers& layers, const Place& backend) {
  Balance balance;
  if (const Place at = layers.find("balance"); at && at.value->type == jsonc::Type::kString)
    if (auto read = read_balance(at.value->text)) balance = std::move(*read);
  build_hash(context, layers, backend, balance);
  read(layers.find("hash-balance-factor"), balance.hash_balance_factor);
  if (const Place own = backend.child("hash-balance-factor");
      own && balance.key == Balance::Key::kNone)
    context.warning(own, "has no effect without \"source\", \"uri\" or \"hash\" as \"balance\"");
  return balance;
}

/// "retry-on" into what the data plane tells apart.
void build_retries(const Layers& layers, Backend& out) {
  read(layers.find("retries"), out.retries);
  read(layers.find("redispatch"), out.redispatch);
  for (const Place& word : one_or_list(layers.find("retry-on"))) {
    if (word.value->text == "none") out.retries = 0;
    if (word.value->text != "none" && word.value->text != "conn-failure")
      out.retry_idempotent = true;
  }
}

bool refers_to(const Frontend& frontend, BackendIndex backend) {
  const auto uses = [&](const Rule& rule) {
    const auto* action = std::get_if<UseBackend>(&rule.action);
    return action != nullptr && action->backend == backend;
  };
  return frontend.default_backend == backend ||
         std::any_of(frontend.rules.begin(), frontend.rules.end(), uses);
}

/// HAProxy's default: a tenth of the connections its frontends let in.
std::uint32_t default_fullconn(const Snapshot& snapshot, BackendIndex backend) {
  std::uint64_t sum = 0;
  for (const Frontend& frontend : snapshot.frontends)
    if (refers_to(frontend, backend))
      sum += frontend.maxconn != 0 ? frontend.maxconn : snapshot.global.maxconn;
  return static_cast<std::uint32_t>(std::clamp<std::uint64_t>(sum / 10, 1, UINT32_MAX));
}

Backend build_backend(BuildContext& context, const Place& place, BackendIndex index) {
  const Layers layers({place, context.defaults});
  Backend backend;
  backend.mode = build_mode(layers);
  backend.balance = build_balance(context, layers, place);
  if (backend.mode == Mode::kTcp) {
    check_tcp_backend(context, place);
    check_tcp_balance(context, place, backend.balance);
  }
  backend.timeouts = build_timeouts(layers, backend.mode);
  build_retries(layers, backend);
  read(layers.find("http-reuse"), kReuses, backend.http_reuse);
  read(layers.find("pool-max-conn"), backend.pool_max);
  read(layers.find("pool-purge-delay"), backend.pool_idle);
  read(layers.find("allbackups"), backend.allbackups);
  backend.fullconn = default_fullconn(context.snapshot, index);
  read(layers.find("fullconn"), backend.fullconn);
  // Not those of "defaults": they reach the client through the frontend, after the frontend's own.
  backend.errorfiles = build_errorfiles(context, Layers({place}));
  backend.compression = build_compression(context, place.child("compression"));
  const bool checked = build_check(context, layers.find("check"), backend.check);
  backend.servers = build_servers(context, place, backend.check, checked);
  return backend;
}

void check_backend(const BuildContext& context, const Place& place, const Backend& backend,
                   bool used) {
  const Place servers = place.child("servers");
  const bool none = !servers || servers.value->members.empty();
  if (none && !place.child("server-template"))
    context.warning(place, backend.mode == Mode::kTcp
                               ? "no servers: every connection is closed"
                               : "no servers: every request is answered 503");
  if (!used) context.warning(place, "not used: no frontend names it");
}

}  // namespace

void build_backends(BuildContext& context) {
  const Place backends = context.root.child("backends");
  for (std::size_t i = 0; i < context.backend_names.size(); ++i) {
    const Place place = backends.child(context.backend_names[i]);
    Backend backend = build_backend(context, place, static_cast<BackendIndex>(i));
    backend.name = context.backend_names[i];
    backend.id = static_cast<std::uint32_t>(context.snapshot.frontends.size() + i + 1);
    check_backend(context, place, backend, context.backend_used[i]);
    context.snapshot.backends.push_back(std::move(backend));
  }
}

}  // namespace tandem::lb::config
