// set server, enable and disable server, health and agent, shutdown sessions server.
#include "common/text.h"
#include "lb/control/commands.h"
#include "lb/control/names.h"
#include "lb/control/weight_commands.h"

#include <fmt/format.h>

namespace tandem::lb::control {
namespace {

using command::Invocation;
using command::Level;
using command::Reply;
using upstream::AdminState;
using upstream::ServerId;

Reply set_state(ControlContext& context, ServerId id, Invocation& invocation) {
  const std::string_view word = invocation.word(4);
  if (word == "ready") {
    context.fleet.set_state(id, AdminState::kReady);
  } else if (word == "drain") {
    context.fleet.set_state(id, AdminState::kDrain);
  } else if (word == "maint") {
    context.fleet.set_state(id, AdminState::kMaint);
  } else {
    return Reply::error("'set server <srv> state' expects 'ready', 'drain' and 'maint'.");
  }
  return Reply::done();
}

Reply set_health(ControlContext& context, ServerId id, Invocation& invocation) {
  const std::string_view word = invocation.word(4);
  if (word == "up") {
    context.fleet.set_health(id, health::State::kUp);
  } else if (word == "stopping") {
    context.fleet.set_health(id, health::State::kStopping);
  } else if (word == "down") {
    context.fleet.set_health(id, health::State::kDown);
  } else {
    return Reply::error("'set server <srv> health' expects 'up', 'stopping', or 'down'.");
  }
  return Reply::done();
}

Reply set_server_weight(ControlContext& context, ServerId id, Invocation& invocation) {
  return set_weight(context, id, invocation.word(4));
}

/// The word after "port" at `at`, as a port. Nothing there: 0 and no error.
std::expected<std::uint16_t, std::string> optional_port(Invocation& invocation, std::size_t at) {
  if (invocation.word(at) != "port") return 0;
  const auto port = parse_decimal(invocation.word(at + 1));
  if (!port || *port == 0 || *port > 65'535)
    return std::unexpected(fmt::format("Invalid port '{}'", invocation.word(at + 1)));
  return static_cast<std::uint16_t>(*port);
}

/// What HAProxy says about an address and port that have, or have not, become others.
std::string describe_address_change(const SocketAddress& before, const SocketAddress& after,
                                    bool with_port) {
  std::string text = before.host() == after.host()
                         ? "no need to change the addr"
                         : fmt::format("IP changed from '{}' to '{}'", before.host(), after.host());
  if (with_port) {
    text += before.port() == after.port()
                ? ", no need to change the port"
                : fmt::format(", port changed from '{}' to '{}'", before.port(), after.port());
  }
  return text + " by 'stats socket command'";
}

Reply set_address(ControlContext& context, ServerId id, Invocation& invocation) {
  const std::string_view host = invocation.word(4);
  if (host.empty())
    return Reply::error("set server <b>/<s> addr requires an address and optionally a port.");
  const SocketAddress before = context.fleet.server(id).address;
  const auto port = optional_port(invocation, 5);
  if (!port) return Reply::error(port.error() + " by 'stats socket command'");
  const auto after = SocketAddress::parse_host(host, *port != 0 ? *port : before.port());
  if (!after || before.is_unix())
    return Reply::error(fmt::format("Invalid addr '{}' by 'stats socket command'", host));
  if (!(before == *after)) context.fleet.set_address(id, *after);
  return Reply::warning(describe_address_change(before, *after, *port != 0));
}

Reply set_check_address(ControlContext& context, ServerId id, Invocation& invocation) {
  if (!context.fleet.health(id).is_checked)
    return Reply::error("health checks are not enabled on this server");
  if (invocation.word(4).empty())
    return Reply::error("set server <b>/<s> check-addr requires an address and optionally a port.");
  const auto port = optional_port(invocation, 5);
  if (!port) return Reply::error(port.error());
  const auto after = SocketAddress::parse_host(invocation.word(4), 0);
  if (!after) return Reply::error(fmt::format("invalid addr '{}'", invocation.word(4)));
  context.fleet.set_check_address(id, *after);
  if (*port != 0) context.fleet.set_check_port(id, *port);
  return Reply::done();
}

Reply set_check_port(ControlContext& context, ServerId id, Invocation& invocation) {
  if (!context.fleet.health(id).is_checked)
    return Reply::error("health checks are not enabled on this server");
  if (invocation.word(4).empty())
    return Reply::error("set server <b>/<s> check-port requires a port.");
  const auto port = parse_decimal(invocation.word(4));
  if (!port) return Reply::error("provided port is not an integer");
  if (*port == 0 || *port > 65'535) return Reply::error("provided port is not valid");
  context.fleet.set_check_port(id, static_cast<std::uint16_t>(*port));
  return Reply::done();
}

bool has_agent(const ControlContext& context, ServerId id) {
  return context.fleet.health(id).agent.counts();
}

Reply set_agent(ControlContext& context, ServerId id, Invocation& invocation) {
  const std::string_view word = invocation.word(4);
  if (!has_agent(context, id)) return Reply::error("agent checks are not enabled on this server.");
  if (word != "up" && word != "down")
    return Reply::error("'set server <srv> agent' expects 'up' or 'down'.");
  context.fleet.set_agent(id, word == "up");
  return Reply::done();
}

/// 1 to 65535; or why not, in HAProxy's words.
std::expected<std::uint16_t, std::string> agent_port(std::string_view text) {
  const auto port = parse_decimal(text);
  if (!port) return std::unexpected("provided port is not an integer");
  if (*port == 0 || *port > 65'535) return std::unexpected("provided port is invalid");
  return static_cast<std::uint16_t>(*port);
}

Reply set_agent_address(ControlContext& context, ServerId id, Invocation& invocation) {
  const std::string_view host = invocation.word(4);
  if (host.empty())
    return Reply::error("set server <b>/<s> agent-addr requires an address and optionally a port.");
  if (!has_agent(context, id)) return Reply::warning("agent checks are not enabled on this server");
  const auto address = SocketAddress::parse_host(host, 0);
  if (!address) return Reply::warning(fmt::format("invalid addr '{}'", host));
  if (invocation.word(5) == "port") {
    const auto port = agent_port(invocation.word(6));
    if (!port) return Reply::warning(port.error());
    context.fleet.set_agent_port(id, *port);
  }
  context.fleet.set_agent_address(id, *address);
  return Reply::done();
}

Reply set_agent_port(ControlContext& context, ServerId id, Invocation& invocation) {
  if (invocation.word(4).empty())
    return Reply::error("set server <b>/<s> agent-port requires a port.");
  if (!has_agent(context, id)) return Reply::warning("agent checks are not enabled on this server");
  const auto port = agent_port(invocation.word(4));
  if (!port) return Reply::warning(port.error());
  context.fleet.set_agent_port(id, *port);
  return Reply::done();
}

Reply set_agent_send(ControlContext& context, ServerId id, Invocation& invocation) {
  if (!has_agent(context, id)) return Reply::error("agent checks are not enabled on this server.");
  context.fleet.set_agent_send(id, std::string(invocation.word(4)));
  return Reply::done();
}

struct Property {
  std::string_view word;
  Reply (*set)(ControlContext&, ServerId, Invocation&);
};
constexpr Property kProperties[] = {
    {"addr", set_address},
    {"agent", set_agent},
    {"agent-addr", set_agent_address},
    {"agent-port", set_agent_port},
    {"agent-send", set_agent_send},
    {"check-addr", set_check_address},
    {"check-port", set_check_port},
    {"health", set_health},
    {"state", set_state},
    {"weight", set_server_weight},
};

std::string set_server_usage() {
  std::string usage = "usage: set server <backend>/<server> ";
  for (const Property& property : kProperties) {
    if (&property != kProperties) usage += " | ";
    usage += property.word;
  }
  return usage;
}

Reply set_server(ControlContext& context, Invocation& invocation) {
  const auto id = find_server(context.snapshot, invocation.word(2));
  if (!id) return Reply::error(std::string(id.error()));
  for (const Property& property : kProperties)
    if (property.word == invocation.word(3)) return property.set(context, *id, invocation);
  return Reply::error(set_server_usage());
}

/// A command whose last word is a server and which takes nothing else.
using ServerAction = Reply (*)(ControlContext&, ServerId);

Reply enable_health(ControlContext& context, ServerId id) {
  if (!context.fleet.health(id).is_checked)
    return Reply::error("Health check was not configured on this server, cannot enable.");
  context.fleet.set_checks_enabled(id, true);
  return Reply::done();
}

Reply disable_health(ControlContext& context, ServerId id) {
  context.fleet.set_checks_enabled(id, false);
  return Reply::done();
}

Reply enable_agent(ControlContext& context, ServerId id) {
  if (!context.fleet.health(id).agent.is_configured)
    return Reply::error("Agent was not configured on this server, cannot enable.");
  context.fleet.set_agent_enabled(id, true);
  return Reply::done();
}

Reply disable_agent(ControlContext& context, ServerId id) {
  context.fleet.set_agent_enabled(id, false);
  return Reply::done();
}

Reply enable_server(ControlContext& context, ServerId id) {
  context.fleet.set_state(id, AdminState::kReady);
  return Reply::done();
}

Reply disable_server(ControlContext& context, ServerId id) {
  context.fleet.set_state(id, AdminState::kMaint);
  return Reply::done();
}

Reply shutdown_sessions(ControlContext& context, ServerId id) {
  context.fleet.shutdown_sessions(id);
  return Reply::done();
}

struct ActionRow {
  std::string_view words;
  std::string_view usage;
  std::string_view help;
  ServerAction act;
};
constexpr ActionRow kActions[] = {
    {"enable health", "enable health <bk>/<srv>", "enable health checks", enable_health},
    {"disable health", "disable health <bk>/<srv>", "disable health checks", disable_health},
    {"enable agent", "enable agent <bk>/<srv>", "enable agent checks", enable_agent},
    {"disable agent", "disable agent <bk>/<srv>", "disable agent checks", disable_agent},
    {"enable server", "enable server <bk>/<srv>  (DEPRECATED)",
     "enable a disabled server (use 'set server' instead)", enable_server},
    {"disable server", "disable server <bk>/<srv> (DEPRECATED)",
     "disable a server for maintenance (use 'set server' instead)", disable_server},
    {"shutdown sessions server", "shutdown sessions server <bk>/<srv>", "kill sessions on a server",
     shutdown_sessions},
};

Reply act_on_server(ControlContext& context, Invocation& invocation, const ActionRow& row) {
  const std::size_t words = split(row.words, ' ').size();
  const auto id = find_server(context.snapshot, invocation.word(words));
  if (!id) return Reply::error(std::string(id.error()));
  return row.act(context, *id);
}

}  // namespace

void add_server_commands(command::CommandTable& table, ControlContext& context) {
  table.add({"set server", Level::kAdmin, "set server <bk>/<srv> [opts]",
             "change a server's state, weight, address or health",
             [&context](Invocation& invocation) { return set_server(context, invocation); }});
  for (const ActionRow& row : kActions)
    table.add(
        {row.words, Level::kAdmin, row.usage, row.help, [&context, &row](Invocation& invocation) {
           return act_on_server(context, invocation, row);
         }});
}

}  // namespace tandem::lb::control
