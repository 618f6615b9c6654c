// SocketAddress: an IPv4, IPv6 or Unix address, read from the forms the configuration allows.
#pragma once

#include "common/result.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace tandem {

/// Value type of at most 112 bytes. Thread: any.
class SocketAddress {
 public:
  SocketAddress() noexcept;
  SocketAddress(const sockaddr* address, socklen_t length) noexcept;

  /// Reads "host:port", ":port" (every address, IPv6 too: "[::]" without V6ONLY), "*:port",
  /// "[::1]:80", "unix:/path". Host is a numeric address or, when `resolve` is set, a name that
  /// getaddrinfo(3) is asked for (blocking: start-up and control thread only).
  /// Errors: words for a person, without the text itself.
  [[nodiscard]] static Result<SocketAddress> parse(std::string_view text, bool resolve = false);

  /// A numeric address without a port, such as "192.0.2.1" or "2001:db8::1".
  [[nodiscard]] static Result<SocketAddress> parse_host(std::string_view host, std::uint16_t port);

  [[nodiscard]] int family() const noexcept { return storage_.any.sa_family; }
  [[nodiscard]] bool is_unix() const noexcept { return family() == AF_UNIX; }
  [[nodiscard]] bool is_wildcard() const noexcept;
  [[nodiscard]] const sockaddr* data() const noexcept { return &storage_.any; }
  [[nodiscard]] socklen_t size() const noexcept { return length_; }
  /// 0 for Unix addresses.
  [[nodiscard]] std::uint16_t port() const noexcept;
  void set_port(std::uint16_t port) noexcept;
  /// Network-order bytes of the IP address (4 or 16; a v4-mapped IPv6 address gives its 4), empty
  /// for Unix. Valid as long as this object.
  [[nodiscard]] std::string_view ip_bytes() const noexcept;

  /// "192.0.2.1", "2001:db8::1", a v4-mapped address as plain IPv4, or the path of a Unix socket.
  [[nodiscard]] std::string host() const;
  /// As parse() reads it: "192.0.2.1:80", "[2001:db8::1]:80", "unix:/path".
  [[nodiscard]] std::string text() const;

  friend bool operator==(const SocketAddress& a, const SocketAddress& b) noexcept;

 private:
  union Storage {
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 v6;
    sockaddr_un local;
  } storage_;
  socklen_t length_ = 0;
};

}  // namespace tandem
