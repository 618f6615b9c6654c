// What the fleet does for agents: it grants their wishes, as it would an operator's, but tells
// nobody else of them.
#include "lb/upstream/fleet.h"
#include "lb/upstream/wishes.h"

#include <utility>

namespace tandem::lb::upstream {
namespace {

using Wish = health::AgentReply::Admin;

AdminState state_for(Wish wish) noexcept {
  switch (wish) {
    case Wish::kReady:
      return AdminState::kReady;
    case Wish::kDrain:
      return AdminState::kDrain;
    case Wish::kMaint:
      return AdminState::kMaint;
  }
  return AdminState::kReady;
}

}  // namespace

std::string Fleet::agent_said(ServerId id, const health::AgentReply& reply) {
  std::string trouble;
  if (reply.admin) set_state(id, state_for(*reply.admin), Origin::kAgent);
  if (!reply.weight.empty()) {
    const auto weight = read_weight(reply.weight, server(id).initial_weight);
    if (weight) {
      set_weight(id, *weight, Origin::kAgent);
    } else {
      trouble = weight.error();
    }
  }
  if (reply.maxconn) {
    const auto maxconn = read_maxconn(*reply.maxconn);
    if (!maxconn && trouble.empty()) trouble = maxconn.error();
    if (maxconn && *maxconn != server(id).maxconn) set_maxconn(id, *maxconn);
  }
  return trouble;
}

void Fleet::set_agent(ServerId id, bool up) {
  is_forcing_ = true;
  checker_.force_agent(id.backend, id.server, up);
  is_forcing_ = false;
  settle();
}

void Fleet::set_agent_enabled(ServerId id, bool enabled) {
  checker_.set_agent_enabled(id.backend, id.server, enabled);
}

void Fleet::set_agent_address(ServerId id, const SocketAddress& address) {
  checker_.set_agent_address(id.backend, id.server, address);
}

void Fleet::set_agent_port(ServerId id, std::uint16_t port) {
  checker_.set_agent_port(id.backend, id.server, port);
}

void Fleet::set_agent_send(ServerId id, std::string text) {
  checker_.set_agent_send(id.backend, id.server, std::move(text));
}

}  // namespace tandem::lb::upstream
