// Connection: one peer of a control socket; and the set of all of them.
#pragma once

#include "common/command/conversation.h"
#include "common/event/poller.h"
#include "common/event/socket_set.h"
#include "common/event/timer.h"

#include <cstddef>
#include <memory>
#include <string>

namespace tandem::command {

/// Owned by the server's SocketSet; leaves it by itself. Thread: the poller's.
class Connection final : public event::Socket {
 public:
  Connection(event::Poller& poller, event::SocketSet& owner, const CommandTable& table,
             Level level);

  /// Takes over a connected, non-blocking descriptor and serves it. May end it at once.
  void begin(int fd);

 private:
  void on_ready() override;
  void serve();
  /// False: the connection has ended.
  [[nodiscard]] bool fill();
  [[nodiscard]] bool flush();
  void end();

  event::SocketSet& owner_;
  Conversation conversation_;
  std::string output_;
  std::size_t written_ = 0;
  bool is_finishing_ = false;
  event::Timer timeout_;
};

}  // namespace tandem::command
