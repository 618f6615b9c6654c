// SocketSet: the connections of a small server (control socket, admin address): it owns them,
// bounds their number and says when there is room again. Not for the data plane, whose connections
// own themselves. Thread: the poller's.
#pragma once

#include "common/event/poller.h"

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

namespace tandem::event {

class SocketSet {
 public:
  explicit SocketSet(std::size_t most) noexcept : most_(most) {}

  void add(std::unique_ptr<Socket> socket) { sockets_.push_back(std::move(socket)); }
  /// Takes `socket` out; it is destroyed when the turn is over. Nothing if it is not in the set.
  void retire(Socket& socket);
  [[nodiscard]] std::size_t size() const noexcept { return sockets_.size(); }
  [[nodiscard]] bool has_room() const noexcept { return sockets_.size() < most_; }
  /// Called when a socket has left and there is room for another; the one that left may still be on
  /// the stack.
  void when_room(std::function<void()> callback) { on_room_ = std::move(callback); }

 private:
  std::size_t most_;
  std::vector<std::unique_ptr<Socket>> sockets_;
  std::function<void()> on_room_;
};

/// Reads and forgets some of what came unasked: closing over unread bytes sends RST, and the peer
/// might lose what was sent to it before.
void discard_input(Socket& socket);

}  // namespace tandem::event
