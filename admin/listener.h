// Listener: the one socket that admin clients connect to.
#pragma once

#include "admin/connection.h"
#include "admin/endpoints.h"
#include "common/address.h"
#include "common/event/poller.h"
#include "common/result.h"
#include "common/unix_socket_file.h"

namespace tandem::admin {

/// Thread: the poller's. Both references outlive it.
class Listener final : public event::Socket {
 public:
  Listener(event::Poller& poller, event::SocketSet& connections, const Endpoints& endpoints)
      : Socket(poller), connections_(connections), endpoints_(endpoints) {}

  [[nodiscard]] Result<void> bind(const SocketAddress& address);
  [[nodiscard]] SocketAddress address() const;

 private:
  void on_ready() override;

  event::SocketSet& connections_;
  const Endpoints& endpoints_;
  UnixSocketFile file_;
};

}  // namespace tandem::admin
