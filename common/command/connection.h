// Connection: one peer of a control socket; and the set of all of them.
#pragma once

#include "common/command/conversation.h"
#include "common/event/poller.h"
#include "common/event/timer.h"

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace tandem::command {

class Connections;

/// Owned by Connections; leaves it by itself. Thread: the poller's.
class Connection final : public event::Socket {
 public:
  Connection(event::Poller& poller, Connections& owner, const CommandTable& table, Level level);

  /// Takes over a connected, non-blocking descriptor and serves it. May end it at once.
  void begin(int fd);

 private:
  void on_ready() override;
  void serve();
  /// False: the connection has ended.
  [[nodiscard]] bool fill();
  [[nodiscard]] bool flush();
  /// Reads and forgets what came after the last answer: closing over it would reset the
  /// connection, and the peer might lose the answer.
  void drain();
  void end();

  Connections& owner_;
  Conversation conversation_;
  std::string output_;
  std::size_t written_ = 0;
  bool is_finishing_ = false;
  event::Timer timeout_;
};

/// Owner: the server. Thread: the poller's.
class Connections {
 public:
  void add(std::unique_ptr<Connection> connection);
  void remove(Connection& connection, event::Poller& poller);
  [[nodiscard]] std::size_t size() const noexcept { return connections_.size(); }
  /// Called when a connection has left, and there is room for another.
  void when_room(std::function<void()> callback) { on_room_ = std::move(callback); }

 private:
  std::vector<std::unique_ptr<Connection>> connections_;
  std::function<void()> on_room_;
};

}  // namespace tandem::command
