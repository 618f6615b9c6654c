#include "common/command/server.h"

#include "common/command/connection.h"

#include <utility>

namespace tandem::command {
namespace {

constexpr int kBacklog = 64;

}  // namespace

CommandServer::CommandServer(event::Poller& poller, const CommandTable& table, Settle settle)
    : poller_(poller), table_(table), settle_(std::move(settle)) {
  connections_.when_room([this] {
    // In the next turn: the connection that left is still on the stack.
    for (const auto& listener : listeners_) poller_.again(*listener);
  });
}

CommandServer::~CommandServer() = default;

Result<void> CommandServer::listen(const Endpoint& endpoint, std::string_view key) {
  auto listener = std::make_unique<event::StreamListener>(
      poller_, connections_,
      [this, level = endpoint.level](FileDescriptor client) { serve(std::move(client), level); });
  const UnixSocketFile::Options options{
      .backlog = kBacklog, .mode = endpoint.mode, .owner = endpoint.owner, .group = endpoint.group};
  if (Result<void> bound = listener->bind(endpoint.address, options); !bound)
    return fail(std::string(key) + ": " + bound.error().message);
  listeners_.push_back(std::move(listener));
  return {};
}

void CommandServer::serve(FileDescriptor client, Level level) {
  auto connection = std::make_unique<Connection>(poller_, connections_, table_, settle_, level);
  Connection& begun = *connection;
  connections_.add(std::move(connection));
  begun.begin(client.release());
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
