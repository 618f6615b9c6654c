// Connection: one peer of a control socket; and the set of all of them.
#pragma once

#include "common/command/conversation.h"
#include "common/command/server.h"
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
  /// `table` and `settle` outlive it.
  Connection(event::Poller& poller, event::SocketSet& owner, const CommandTable& table,
             const Settle& settle, Level level);

  /// Takes over a connected, non-blocking descriptor and serves it. May end it at once.
  void begin(int fd);

 private:
  void on_ready() override;
  void serve();
  /// False: nothing more can be done now.
  [[nodiscard]] bool answer();
  [[nodiscard]] bool fill();
  [[nodiscard]] bool is_settled();
  void settled();
  void flush();
  void end();

  event::SocketSet& owner_;
  const Settle& settle_;
  Conversation conversation_;
  std::string output_;
  std::size_t written_ = 0;
  bool has_run_ = false;                  // commands, whose answers have not been sent
  std::shared_ptr<const bool> settling_;  // while answers wait for what the commands have changed
  event::Timer settle_timer_;
  event::Timer timeout_;
};

}  // namespace tandem::command
