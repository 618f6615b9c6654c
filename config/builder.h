// Builder: what every part of every program's building needs: where to say that something is wrong,
// and how to read what is more than a plain value. Blocking (names, files).
#pragma once

#include "common/address.h"
#include "config/environment.h"
#include "config/layers.h"
#include "config/report.h"

#include <cstddef>
#include <optional>
#include <string>

namespace tandem::config {

struct Builder {
  const Environment& environment;
  Report& report;
  Place root;

  void error(const Place& at, std::string message) const;
  void warning(const Place& at, std::string message) const;
  /// The address written at `at`, or nullopt after an error.
  [[nodiscard]] std::optional<SocketAddress> address(const Place& at) const;
  /// The text of the file named at `at`, or nullopt after an error.
  [[nodiscard]] std::optional<std::string> file(const Place& at, std::size_t bytes_max) const;
  /// The same for one that holds a secret: a warning if others can read it.
  [[nodiscard]] std::optional<std::string> secret_file(const Place& at,
                                                       std::size_t bytes_max) const;
};

/// Whether what is served there can be reached from this machine only.
[[nodiscard]] bool is_loopback(const SocketAddress& address);

}  // namespace tandem::config
