// AdminServer: the small HTTP server for people and monitoring. It reads and never changes
// anything: only GET and HEAD, no commands. It serves from the loop it is given, and lets bodies
// that take long be made in libuv's thread pool, so that a large scrape delays nothing else.
#pragma once

#include "admin/endpoints.h"
#include "common/address.h"
#include "common/event/poller.h"
#include "common/event/socket_set.h"
#include "common/event/stream_listener.h"
#include "common/file_descriptor.h"
#include "common/result.h"

#include <memory>

namespace tandem::admin {

/// Thread: the loop's. Destroy before its poller and loop.
class AdminServer {
 public:
  /// More wait in the listener's queue.
  static constexpr std::size_t kConnectionsMax = 64;

  /// Both outlive the server.
  AdminServer(event::Poller& poller, const Endpoints& endpoints);
  ~AdminServer();
  AdminServer(const AdminServer&) = delete;
  AdminServer& operator=(const AdminServer&) = delete;

  /// Binds and accepts. Errors: what the system said, with the address.
  [[nodiscard]] Result<void> listen(const SocketAddress& address);
  /// Where it listens (tests bind port 0). Only after listen() succeeded.
  [[nodiscard]] SocketAddress address() const { return listener_->address(); }
  /// Takes no new connections; those that are open go on until their limits.
  void close_listener();

 private:
  void serve(FileDescriptor client);

  event::Poller& poller_;
  const Endpoints& endpoints_;
  event::SocketSet connections_{kConnectionsMax};
  std::unique_ptr<event::StreamListener> listener_;
};

}  // namespace tandem::admin
