// The kinds of checks: one file for each, one table that names them all.
#pragma once

#include "common/event/poller.h"
#include "lb/health/prober.h"

#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace tandem::lb::health {

/// A kind of check under its name in the configuration.
struct ProbeKind {
  config::Check::Type type;
  std::string_view name;
  std::unique_ptr<Probe> (*start)(event::Poller& poller, const ProbeTarget& target, ProbeDone done);
};

[[nodiscard]] std::span<const ProbeKind> probe_kinds() noexcept;

/// Connects, and shakes hands where TLS is spoken; closes with RST, so that the check leaves no
/// TIME_WAIT and wakes no application. Or follows "steps".
[[nodiscard]] std::unique_ptr<Probe> start_tcp_probe(event::Poller& poller,
                                                     const ProbeTarget& target, ProbeDone done);
/// Sends one HTTP/1.1 request with "Connection: close" and compares status and body. HAProxy sends
/// HTTP/1.0 without a Host by default; virtual hosts, and servers that have given up HTTP/1.0,
/// answer such a check otherwise than their clients.
[[nodiscard]] std::unique_ptr<Probe> start_http_probe(event::Poller& poller,
                                                      const ProbeTarget& target, ProbeDone done);

/// Whom a request is for: "host" of the check, else the server's address.
[[nodiscard]] std::string host_of(const ProbeTarget& target);

/// The real prober: looks up the table. `poller` must outlive it.
[[nodiscard]] std::unique_ptr<Prober> make_socket_prober(event::Poller& poller);

}  // namespace tandem::lb::health
