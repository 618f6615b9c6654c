// show servers state, show servers conn, show backend.
#include "lb/control/commands.h"
#include "lb/control/names.h"

#include <fmt/format.h>

#include <iterator>

namespace tandem::lb::control {
namespace {

using command::Invocation;
using command::Level;
using command::Reply;
using upstream::ServerId;

/// srv_check_status: HAProxy's numbers, which have gaps where ours have none.
int check_status(health::Status status) {
  using enum health::Status;
  switch (status) {
    case kUnknown:
      return 0;
    case kInitializing:
      return 1;
    case kChecked:
      return 3;
    case kHana:
      return 4;
    case kSockErr:
      return 5;
    case kL4Ok:
      return 6;
    case kL4Tout:
      return 7;
    case kL4Con:
      return 8;
    case kL6Ok:
      return 9;
    case kL6Tout:
      return 10;
    case kL6Rsp:
      return 11;
    case kL7Tout:
      return 12;
    case kL7Rsp:
      return 13;
    case kL7Okd:
      return 15;
    case kL7Okcd:
      return 16;
    case kL7Sts:
      return 17;
    case kProcErr:
      return 18;
    case kProcTout:
      return 19;
    case kProcOk:
      return 20;
  }
  return 0;
}

/// srv_check_result: 0 unknown, 1 neutral, 2 failed, 3 passed, 4 passed conditionally.
int check_result(const health::ServerHealth& health) {
  const health::Status status = health.last.status;
  if (!health.is_checked || status == health::Status::kUnknown ||
      status == health::Status::kInitializing)
    return 0;
  if (status == health::Status::kL7Okcd) return 4;
  return health.last.passed() ? 3 : 2;
}

/// srv_check_state: 1 in progress, 2 configured, 4 enabled, 8 paused.
int check_state(const health::ServerHealth& health) {
  if (!health.is_checked) return 0;
  return (health.in_progress ? 1 : 0) | 2 | (health.is_enabled ? 4 : 0) |
         (health.is_paused ? 8 : 0);
}

/// srv_agent_state: the same of the agent, which is never paused, and 16 to say that it is one.
int agent_state(const health::AgentHealth& agent) {
  if (!agent.is_configured) return 0;
  return (agent.in_progress ? 1 : 0) | 2 | (agent.is_enabled ? 4 : 0) | 16;
}

std::string host_of(const SocketAddress& address) {
  return address.is_unix() ? "-" : address.host();
}

/// The check's own address and port; "-" and 0 where it goes to the server's.
std::pair<std::string, unsigned> check_target(const upstream::Fleet& fleet, ServerId id) {
  const SocketAddress& own = fleet.server(id).address;
  const SocketAddress check = fleet.checker().check_address(id.backend, id.server);
  const bool same_host = check.is_unix() || check.host() == own.host();
  return {same_host ? "-" : check.host(), check.port() == own.port() ? 0 : check.port()};
}

void append_state(std::string& out, const ControlContext& context, ServerId id) {
  const config::Backend& backend = context.snapshot.backends[id.backend];
  const config::Server& server = backend.servers[id.server];
  const upstream::ServerState& state = context.fleet.server(id);
  const health::ServerHealth& health = context.fleet.health(id);
  const auto changed_ago =
      std::chrono::duration_cast<std::chrono::seconds>(context.now() - state.last_change).count();
  const auto [check_host, check_port] = check_target(context.fleet, id);
  const health::Checker& checker = context.fleet.checker();
  const auto agent_address = checker.agent_address(id.backend, id.server);
  fmt::format_to(std::back_inserter(out),
                 "{} {} {} {} {} {} {} {} {} {} {} {} {} {} {} 0 0 - {} - {} {} {} {} {}\n",
                 backend.id, backend.name, server.id, server.name, host_of(state.address),
                 static_cast<int>(upstream::operational_state(state, health)), state.admin,
                 state.weight, state.initial_weight, changed_ago, check_status(health.last.status),
                 check_result(health), health.verdict.health(), check_state(health),
                 agent_state(health.agent), state.address.port(), server.ssl ? 1 : 0, check_port,
                 check_host, agent_address ? host_of(*agent_address) : "-",
                 checker.agent_port(id.backend, id.server));
}

void append_connections(std::string& out, const ControlContext& context, ServerId id) {
  const config::Backend& backend = context.snapshot.backends[id.backend];
  const config::Server& server = backend.servers[id.server];
  const SocketAddress& address = context.fleet.server(id).address;
  const figures::ServerTotals totals = context.totals.server(id.backend, id.server);
  const upstream::ServerShared& shared = context.shared.servers[id.backend][id.server];
  fmt::format_to(std::back_inserter(out), "{}/{} {}/{} {} {} - {} {} {} {} {} 0 {} {} {}\n",
                 backend.name, server.name, backend.id, server.id, host_of(address), address.port(),
                 backend.pool_idle.count(), totals.used_connections, shared.load_most.load(),
                 totals.used_connections, totals.idle_connections,
                 backend.pool_max * context.snapshot.global.nbthread, totals.idle_connections,
                 totals.idle_connections);
}

using Append = void (*)(std::string&, const ControlContext&, ServerId);

/// The servers of the backend that the third word names, or of all.
Reply list_servers(const ControlContext& context, Invocation& invocation, std::string out,
                   Append append) {
  const std::string_view name = invocation.word(3);
  const auto wanted = find_backend(context.snapshot, name);
  if (!name.empty() && !wanted) return Reply::error("Can't find backend.");
  for (config::BackendIndex b = 0; b < context.snapshot.backends.size(); ++b) {
    if (wanted && *wanted != b) continue;
    const std::size_t servers = context.snapshot.backends[b].servers.size();
    for (std::uint32_t s = 0; s < servers; ++s) append(out, context, {b, s});
  }
  return Reply::data(std::move(out));
}

constexpr std::string_view kStateHeader =
    "1\n"
    "# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight "
    "srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state "
    "srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl "
    "srv_check_port srv_check_addr srv_agent_addr srv_agent_port\n";

constexpr std::string_view kConnHeader =
    "# bkname/svname bkid/svid addr port - purge_delay used_cur used_max need_est unsafe_nb "
    "safe_nb idle_lim idle_cur idle_per_thr[1]\n";

Reply show_backend(const ControlContext& context) {
  std::string out = "# name\n";
  for (const config::Backend& backend : context.snapshot.backends) out += backend.name + '\n';
  return Reply::data(std::move(out));
}

}  // namespace

void add_servers_commands(command::CommandTable& table, ControlContext& context) {
  table.add({"show servers state", Level::kUser, "show servers state [<backend>]",
             "dump volatile server information (all or for a single backend)",
             [&context](Invocation& invocation) {
               return list_servers(context, invocation, std::string(kStateHeader), append_state);
             }});
  table.add({"show servers conn", Level::kUser, "show servers conn [<backend>]",
             "dump server connections status (all or for a single backend)",
             [&context](Invocation& invocation) {
               return list_servers(context, invocation, std::string(kConnHeader),
                                   append_connections);
             }});
  table.add({"show backend", Level::kUser, "show backend",
             "list backends in the current running config",
             [&context](Invocation&) { return show_backend(context); }});
}

}  // namespace tandem::lb::control
