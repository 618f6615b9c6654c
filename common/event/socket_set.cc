#include "common/event/socket_set.h"

#include <algorithm>
#include <array>

namespace tandem::event {

void SocketSet::retire(Socket& socket) {
  const auto found = std::ranges::find(sockets_, &socket, &std::unique_ptr<Socket>::get);
  if (found == sockets_.end()) return;
  socket.poller().retire(std::move(*found));
  sockets_.erase(found);
  if (on_room_) on_room_();
}

void discard_input(Socket& socket) {
  constexpr int kReadsMax = 16;
  std::array<char, 4096> bytes;
  for (int i = 0; i < kReadsMax && socket.readable(); ++i)
    if (socket.read(bytes).status != Transfer::Status::kDone) return;
}

}  // namespace tandem::event
