// The command line of tandemctl. Pure.
#pragma once

#include "common/address.h"
#include "common/result.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::ctl {

struct Arguments {
  std::string socket;           // of tandem-lb: a path, "unix:/path" or "host:port"
  std::string failover_socket;  // of tandem-failover
  bool json = false;
  bool help = false;
  std::vector<std::string> words;  // the command
};

/// What the environment says; null where it says nothing.
struct Environment {
  const char* socket = nullptr;           // $TANDEM_SOCKET
  const char* failover_socket = nullptr;  // $TANDEM_FAILOVER_SOCKET
};

/// Errors: words for a person.
[[nodiscard]] Result<Arguments> parse_arguments(std::span<const char* const> arguments,
                                                const Environment& environment);

/// Whether the command is one of tandem-failover's.
[[nodiscard]] bool is_for_failover(const std::vector<std::string>& words) noexcept;

/// Where the socket of that text is.
[[nodiscard]] Result<SocketAddress> parse_socket(std::string_view text);

/// What to send to the daemon for `words`: drain, ready and maint are short for "set server".
/// Errors: a command that is not there yet, or lacks its server.
[[nodiscard]] Result<std::string> runtime_command(const std::vector<std::string>& words, bool json);

[[nodiscard]] std::string_view usage() noexcept;

}  // namespace tandem::ctl
