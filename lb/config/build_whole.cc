// What only all parts together show: listeners in each other's way.
#include "lb/config/build.h"

#include <fmt/format.h>

namespace tandem::lb::config {
namespace {

/// Whether the kernel would hand a connection for `b` to `a` too, or refuse one of them. "[::]"
/// takes IPv4 as well, "0.0.0.0" only IPv4. Port 0 is a new port each time.
bool collide(const SocketAddress& a, const SocketAddress& b) {
  if (a.is_unix() || b.is_unix()) return a.is_unix() && b.is_unix() && a.host() == b.host();
  if (a.port() != b.port() || a.port() == 0) return false;
  const auto covers = [](const SocketAddress& wide, const SocketAddress& other) {
    return wide.is_wildcard() && (wide.family() == AF_INET6 || other.ip_bytes().size() == 4);
  };
  return covers(a, b) || covers(b, a) || a.ip_bytes() == b.ip_bytes();
}

}  // namespace

void check_whole(BuildContext& context) {
  check_modes(context);
  const auto& listeners = context.listeners;
  for (std::size_t later = 1; later < listeners.size(); ++later) {
    for (std::size_t earlier = 0; earlier < later; ++earlier) {
      if (!collide(listeners[earlier].address, listeners[later].address)) continue;
      context.error(
          listeners[later].place,
          fmt::format("{} is taken already: {} listens on {}", listeners[later].address.text(),
                      listeners[earlier].place.pointer, listeners[earlier].address.text()));
      break;
    }
  }
}

}  // namespace tandem::lb::config
