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
  std::string socket;  // a path, "unix:/path" or "host:port"
  bool json = false;
  bool help = false;
  std::vector<std::string> words;  // the command
};

/// `environment_socket` is $TANDEM_SOCKET, or null. Errors: words for a person.
[[nodiscard]] Result<Arguments> parse_arguments(std::span<const char* const> arguments,
                                                const char* environment_socket);

/// Where the socket of that text is.
[[nodiscard]] Result<SocketAddress> parse_socket(std::string_view text);

/// What to send to the daemon for `words`: drain, ready and maint are short for "set server".
/// Errors: a command that is not there yet, or lacks its server.
[[nodiscard]] Result<std::string> runtime_command(const std::vector<std::string>& words, bool json);

[[nodiscard]] std::string_view usage() noexcept;

}  // namespace tandem::ctl
