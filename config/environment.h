// Environment: what a configuration may ask of the machine it is loaded on. Handed in, so that
// tests load the same file the same way everywhere.
#pragma once

#include "common/address.h"
#include "common/result.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace tandem::config {

struct Environment {
  /// Value of an environment variable; nullopt: unset. Must be callable.
  std::function<std::optional<std::string>(std::string_view name)> variable;
  /// Address of a "host:port" whose host is a name; may block. Not callable: names are accepted
  /// unlooked-at and stand as 0.0.0.0 in the snapshot (checking a file for another machine).
  std::function<Result<SocketAddress>(std::string_view text)> resolve;
  /// "node" of "global" unless set there.
  std::string host_name;
  /// What "nbthread": 0 becomes; never 0.
  std::uint32_t cpus = 1;

  /// The real one: getenv(3), getaddrinfo(3), gethostname(2), sched_getaffinity(2).
  [[nodiscard]] static Environment of_this_process();
};

}  // namespace tandem::config
