#include "common/command/server.h"

#include "common/command/connection.h"
#include "common/command/listener.h"

#include <utility>

namespace tandem::command {

CommandServer::CommandServer(event::Poller& poller, const CommandTable& table)
    : poller_(poller), table_(table) {
  connections_.when_room([this] {
    // In the next turn: the connection that left is still on the stack.
    for (const auto& listener : listeners_) poller_.again(*listener);
  });
}

CommandServer::~CommandServer() = default;

Result<void> CommandServer::listen(const Endpoint& endpoint, std::string_view key) {
  auto listener = std::make_unique<Listener>(poller_, connections_, table_, endpoint.level);
  if (Result<void> bound = listener->bind(endpoint); !bound)
    return fail(std::string(key) + ": " + bound.error().message);
  listeners_.push_back(std::move(listener));
  return {};
}

std::vector<SocketAddress> CommandServer::addresses() const {
  std::vector<SocketAddress> addresses;
  for (const auto& listener : listeners_) addresses.push_back(listener->address());
  return addresses;
}

std::size_t CommandServer::connections() const noexcept { return connections_.size(); }

void CommandServer::close_listeners() {
  for (auto& listener : listeners_) poller_.retire(std::move(listener));
  listeners_.clear();
}

}  // namespace tandem::command
