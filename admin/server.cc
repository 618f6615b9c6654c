#include "admin/server.h"

#include <utility>

namespace tandem::admin {

AdminServer::AdminServer(event::Poller& poller, const Endpoints& endpoints)
    : poller_(poller), endpoints_(endpoints) {
  connections_.when_room([this] {
    // In the next turn: the connection that left is still on the stack.
    if (listener_) poller_.again(*listener_);
  });
}

AdminServer::~AdminServer() = default;

Result<void> AdminServer::listen(const SocketAddress& address) {
  auto listener = std::make_unique<Listener>(poller_, connections_, endpoints_);
  if (Result<void> bound = listener->bind(address); !bound) return bound;
  listener_ = std::move(listener);
  return {};
}

void AdminServer::close_listener() {
  if (listener_) poller_.retire(std::move(listener_));
}

}  // namespace tandem::admin
