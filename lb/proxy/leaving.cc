#include "lb/proxy/leaving.h"

#include "common/address.h"
#include "common/check.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace tandem::lb::proxy {
namespace {

std::optional<IpAddress> local_address_of(int fd) noexcept {
  sockaddr_storage local{};
  socklen_t size = sizeof local;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&local), &size) != 0) return std::nullopt;
  // Of a listener for both families too, an IPv4 client came in on an IPv4 address.
  const SocketAddress address(reinterpret_cast<sockaddr*>(&local), size);
  const std::string_view ip = address.ip_bytes();
  if (ip.empty()) return std::nullopt;
  std::array<std::uint8_t, 16> bytes{};
  std::ranges::copy(ip, bytes.begin());
  return IpAddress::of(std::span(bytes).first(ip.size()));
}

}  // namespace

Leaving::Leaving(std::span<const IpAddress> addresses)
    : addresses_(addresses.begin(), addresses.end()) {
  TANDEM_DCHECK(!addresses_.empty() && std::ranges::is_sorted(addresses_));
}

bool Leaving::holds_local_address_of(int fd) const noexcept {
  const std::optional<IpAddress> local = local_address_of(fd);
  return local && std::ranges::binary_search(addresses_, *local);
}

}  // namespace tandem::lb::proxy
