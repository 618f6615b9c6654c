// Listener: one bound control socket, and what becomes of its file.
#pragma once

#include "common/address.h"
#include "common/command/connection.h"
#include "common/command/server.h"
#include "common/event/poller.h"
#include "common/result.h"
#include "common/unix_socket_file.h"

namespace tandem::command {

/// Thread: the poller's.
class Listener final : public event::Socket {
 public:
  Listener(event::Poller& poller, event::SocketSet& connections, const CommandTable& table,
           Level level);

  [[nodiscard]] Result<void> bind(const Endpoint& endpoint);
  [[nodiscard]] SocketAddress address() const;

  /// Takes whoever waits, as long as there is room.
  void accept_all();

 private:
  void on_ready() override { accept_all(); }
  [[nodiscard]] Result<void> bind_unix(int fd, const Endpoint& endpoint);
  [[nodiscard]] Result<void> bind_inet(int fd, const Endpoint& endpoint);

  event::SocketSet& connections_;
  const CommandTable& table_;
  Level level_;
  UnixSocketFile file_;
};

}  // namespace tandem::command
