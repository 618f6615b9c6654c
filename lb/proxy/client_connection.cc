#include "lb/proxy/client_connection.h"

#include <sys/socket.h>

namespace tandem::lb::proxy {

void ClientConnection::set_local_address(const SocketAddress& address) {
  local_ = std::make_unique<SocketAddress>(address);
}

void ClientConnection::take_over(ClientConnection& former) {
  local_ = std::move(former.local_);
  std::unique_ptr<event::Layer> layer = former.take_layer();
  attach(former.detach());
  if (layer == nullptr) return;
  static_cast<tls::Stream&>(*layer).move_to(*this);
  set_layer(std::move(layer));
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
