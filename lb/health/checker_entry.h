// Checker::Entry: one server as the checker sees it. Internal to the checker.
#pragma once

#include "lb/health/checker.h"

#include <memory>
#include <optional>

namespace tandem::lb::health {

struct Checker::Entry {
  /// What is done again and again: the check of the server, the question to its agent.
  struct Task {
    std::unique_ptr<Probe> probe;  // under way
    Instant due = Instant::max();  // max: nothing is scheduled
    std::uint64_t generation = 0;  // of the place in the heap that counts
  };
  /// How the agent is asked, which commands may have changed. Probes refer to `question`.
  struct AgentWay {
    std::optional<SocketAddress> address;  // no port; none: the server's
    std::uint16_t port = 0;
    config::Check question;
  };
  /// As configured; nullptr: there is none.
  [[nodiscard]] static std::unique_ptr<AgentWay> way_to(const std::optional<config::Agent>& agent);

  const config::Backend* backend = nullptr;
  const config::Server* server = nullptr;
  BackendIndex backend_index = 0;
  ServerIndex server_index = 0;
  ServerHealth health;
  Ejection ejection;
  SocketAddress address;                       // "set server … addr" may have changed it
  std::optional<SocketAddress> check_address;  // of its own, by configuration or command; no port
  std::optional<std::uint16_t> check_port;     // the same; without it the port of `address`
  std::unique_ptr<AgentWay> agent_way;         // of servers with "agent-check"
  Task check;
  Task agent;

  [[nodiscard]] Task& task(Kind kind) noexcept { return kind == Kind::kCheck ? check : agent; }

  [[nodiscard]] SocketAddress target() const noexcept {
    SocketAddress target = check_address.value_or(address);
    if (!target.is_unix()) target.set_port(check_port.value_or(address.port()));
    return target;
  }
  [[nodiscard]] SocketAddress agent_target() const noexcept {
    SocketAddress target = agent_way->address.value_or(address);
    if (!target.is_unix()) target.set_port(agent_way->port);
    return target;
  }
  /// As HAProxy: somewhere else nobody expects a header, unless it is said.
  [[nodiscard]] config::SendProxy send_proxy() const noexcept {
    const bool goes_elsewhere = check_address || check_port;
    const bool is_usual = server->send_proxy != config::SendProxy::kNone && !goes_elsewhere;
    if (!server->check_send_proxy.value_or(is_usual)) return config::SendProxy::kNone;
    return server->send_proxy == config::SendProxy::kV2 ? config::SendProxy::kV2
                                                        : config::SendProxy::kV1;
  }
  /// As HAProxy: somewhere else TLS is spoken only where it is said.
  [[nodiscard]] std::shared_ptr<const tls::ClientContext> encryption() const {
    if (backend->check.blind) return (server->ssl ? server->ssl : backend->check.blind)->context;
    const bool goes_elsewhere = check_address || check_port;
    const bool wanted = server->check_ssl.value_or(server->ssl && !goes_elsewhere);
    return wanted && server->ssl ? server->ssl->context : nullptr;
  }
  [[nodiscard]] bool may_be_checked() const noexcept {
    return health.is_checked && health.is_enabled && !health.is_paused;
  }
  /// An agent is asked in maintenance too: only it may be able to end it.
  [[nodiscard]] bool may_run(Kind kind) const noexcept {
    return kind == Kind::kCheck ? may_be_checked() : health.agent.counts();
  }
};

}  // namespace tandem::lb::health
