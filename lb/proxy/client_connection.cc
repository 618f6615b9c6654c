#include "lb/proxy/client_connection.h"

#include <sys/socket.h>

namespace tandem::lb::proxy {

void ClientConnection::set_local_address(const SocketAddress& address) {
  local_ = std::make_unique<SocketAddress>(address);
}

const SocketAddress& ClientConnection::local_address() {
  if (local_) return *local_;
  sockaddr_storage local{};
  socklen_t size = sizeof local;
  local_ = std::make_unique<SocketAddress>();
  if (::getsockname(fd(), reinterpret_cast<sockaddr*>(&local), &size) == 0)
    *local_ = SocketAddress(reinterpret_cast<const sockaddr*>(&local), size);
  return *local_;
}

}  // namespace tandem::lb::proxy
