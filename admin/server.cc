#include "admin/server.h"

#include "admin/connection.h"

#include <utility>

namespace tandem::admin {
namespace {

constexpr int kBacklog = 128;

}  // namespace

AdminServer::AdminServer(event::Poller& poller, const Endpoints& endpoints)
    : poller_(poller), endpoints_(endpoints) {
  connections_.when_room([this] {
    // In the next turn: the connection that left is still on the stack.
    if (listener_) poller_.again(*listener_);
  });
}

AdminServer::~AdminServer() = default;

Result<void> AdminServer::listen(const SocketAddress& address) {
  auto listener = std::make_unique<event::StreamListener>(
      poller_, connections_, [this](FileDescriptor client) { serve(std::move(client)); });
  if (Result<void> bound = listener->bind(address, {.backlog = kBacklog}); !bound) return bound;
  listener_ = std::move(listener);
  return {};
}

void AdminServer::serve(FileDescriptor client) {
  auto connection = std::make_unique<Connection>(poller_, connections_, endpoints_);
  Connection& begun = *connection;
  connections_.add(std::move(connection));
  begun.begin(client.release());
}

void AdminServer::close_listener() {
  if (listener_) poller_.retire(std::move(listener_));
}

}  // namespace tandem::admin
