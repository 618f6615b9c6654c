#include "common/address.h"

#include "common/text.h"

#include <arpa/inet.h>
#include <netdb.h>

#include <cstddef>
#include <cstring>

namespace tandem {

SocketAddress::SocketAddress() noexcept { std::memset(&storage_, 0, sizeof storage_); }

SocketAddress::SocketAddress(const sockaddr* address, socklen_t length) noexcept : SocketAddress() {
  length_ = length < sizeof storage_ ? length : socklen_t{sizeof storage_};
  std::memcpy(&storage_, address, length_);
}

Result<SocketAddress> SocketAddress::parse_host(std::string_view host, std::uint16_t port) {
  SocketAddress result;
  const std::string text(host);
  if (inet_pton(AF_INET, text.c_str(), &result.storage_.v4.sin_addr) == 1) {
    result.storage_.v4.sin_family = AF_INET;
    result.length_ = sizeof(sockaddr_in);
  } else if (inet_pton(AF_INET6, text.c_str(), &result.storage_.v6.sin6_addr) == 1) {
    result.storage_.v6.sin6_family = AF_INET6;
    result.length_ = sizeof(sockaddr_in6);
  } else {
    return fail("not an IP address");
  }
  result.set_port(port);
  return result;
}

namespace {

Result<SocketAddress> resolve_name(std::string_view host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* found = nullptr;
  const std::string name(host);
  if (const int error = getaddrinfo(name.c_str(), nullptr, &hints, &found); error != 0)
    return fail(std::string("cannot resolve the name: ") + gai_strerror(error));
  SocketAddress address(found->ai_addr, found->ai_addrlen);
  freeaddrinfo(found);
  address.set_port(port);
  return address;
}

}  // namespace

Result<SocketAddress> SocketAddress::parse(std::string_view text, bool resolve) {
  if (text.starts_with("unix:")) {
    const std::string_view path = text.substr(5);
    SocketAddress result;
    if (path.empty()) return fail("a path is missing after \"unix:\"");
    if (path.size() >= sizeof result.storage_.local.sun_path)
      return fail("the path of a Unix socket has at most 107 bytes");
    result.storage_.local.sun_family = AF_UNIX;
    std::memcpy(result.storage_.local.sun_path, path.data(), path.size());
    result.length_ = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
    return result;
  }
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return fail("a port is missing (\"host:port\")");
  std::string_view host = text.substr(0, colon);
  const auto port = parse_decimal(text.substr(colon + 1));
  if (!port || *port > 65535) return fail("the port is not a number from 0 to 65535");
  const auto port16 = static_cast<std::uint16_t>(*port);
  if (host.empty() || host == "*") return parse_host("::", port16);
  if (host.starts_with('[')) {
    if (!host.ends_with(']')) return fail("\"]\" is missing after the IPv6 address");
    return parse_host(host.substr(1, host.size() - 2), port16);
  }
  if (host.find(':') != std::string_view::npos)
    return fail("an IPv6 address stands in brackets: \"[::1]:80\"");
  auto numeric = parse_host(host, port16);
  if (numeric || !resolve) return numeric;
  return resolve_name(host, port16);
}

bool SocketAddress::is_wildcard() const noexcept {
  if (family() == AF_INET) return storage_.v4.sin_addr.s_addr == INADDR_ANY;
  return family() == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&storage_.v6.sin6_addr);
}

std::uint16_t SocketAddress::port() const noexcept {
  if (family() == AF_INET) return ntohs(storage_.v4.sin_port);
  if (family() == AF_INET6) return ntohs(storage_.v6.sin6_port);
  return 0;
}

void SocketAddress::set_port(std::uint16_t port) noexcept {
  if (family() == AF_INET) storage_.v4.sin_port = htons(port);
  if (family() == AF_INET6) storage_.v6.sin6_port = htons(port);
}

std::string_view SocketAddress::ip_bytes() const noexcept {
  if (family() == AF_INET)
    return {reinterpret_cast<const char*>(&storage_.v4.sin_addr), sizeof(in_addr)};
  if (family() != AF_INET6) return {};
  const char* bytes = reinterpret_cast<const char*>(&storage_.v6.sin6_addr);
  if (IN6_IS_ADDR_V4MAPPED(&storage_.v6.sin6_addr)) return {bytes + 12, 4};
  return {bytes, sizeof(in6_addr)};
}

std::string SocketAddress::host() const {
  if (is_unix()) return storage_.local.sun_path;
  const std::string_view bytes = ip_bytes();
  char text[INET6_ADDRSTRLEN] = "";
  if (!bytes.empty())
    inet_ntop(bytes.size() == 4 ? AF_INET : AF_INET6, bytes.data(), text, sizeof text);
  return text;
}

std::string SocketAddress::text() const {
  if (is_unix()) return "unix:" + host();
  const std::string port_text = std::to_string(port());
  const std::string host_text = host();
  if (host_text.find(':') != std::string::npos) return "[" + host_text + "]:" + port_text;
  return host_text + ":" + port_text;
}

bool operator==(const SocketAddress& a, const SocketAddress& b) noexcept {
  return a.length_ == b.length_ && std::memcmp(&a.storage_, &b.storage_, a.length_) == 0;
}

}  // namespace tandem
