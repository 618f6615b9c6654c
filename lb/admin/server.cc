#include "lb/admin/server.h"

#include <utility>

namespace tandem::lb::admin {

AdminServer::AdminServer(event::Poller& poller, const config::Admin& settings, const Source& source)
    : poller_(poller), settings_(settings), endpoints_(settings, source) {
  connections_.when_room([this] {
    // In the next turn: the connection that left is still on the stack.
    if (listener_) poller_.again(*listener_);
  });
}

AdminServer::~AdminServer() = default;

Result<void> AdminServer::listen() {
  if (!settings_.bind) return {};
  auto listener = std::make_unique<Listener>(poller_, connections_, endpoints_);
  if (Result<void> bound = listener->bind(*settings_.bind); !bound) return bound;
  listener_ = std::move(listener);
  return {};
}

void AdminServer::close_listener() {
  if (listener_) poller_.retire(std::move(listener_));
}

}  // namespace tandem::lb::admin
