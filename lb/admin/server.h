// AdminServer: the small HTTP server for people and monitoring: /live, /ready, metrics and the
// statistics page. It reads and never changes anything: only GET and HEAD, no commands. It serves
// from the control loop, and renders metrics in libuv's thread pool so that a large scrape delays
// neither health checks nor a worker.
#pragma once

#include "common/address.h"
#include "common/event/poller.h"
#include "common/event/socket_set.h"
#include "common/result.h"
#include "lb/admin/connection.h"
#include "lb/admin/endpoints.h"
#include "lb/admin/listener.h"
#include "lb/admin/source.h"
#include "lb/config/snapshot.h"

#include <memory>

namespace tandem::lb::admin {

/// Thread: control. Destroy before its poller and loop.
class AdminServer {
 public:
  /// More wait in the listener's queue.
  static constexpr std::size_t kConnectionsMax = 64;

  /// `source` and `settings` outlive the server.
  AdminServer(event::Poller& poller, const config::Admin& settings, const Source& source);
  ~AdminServer();
  AdminServer(const AdminServer&) = delete;
  AdminServer& operator=(const AdminServer&) = delete;

  /// Binds and accepts. Errors: what the system said, with the address. Nothing to do and no error
  /// when the settings have no "bind".
  [[nodiscard]] Result<void> listen();
  /// Where it listens (tests bind port 0). Only after listen() succeeded.
  [[nodiscard]] SocketAddress address() const { return listener_->address(); }
  /// Takes no new connections; those that are open go on until their limits.
  void close_listener();

 private:
  event::Poller& poller_;
  const config::Admin& settings_;
  Endpoints endpoints_;
  event::SocketSet connections_{kConnectionsMax};
  std::unique_ptr<Listener> listener_;
};

}  // namespace tandem::lb::admin
