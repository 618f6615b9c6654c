// Builds the snapshot from a merged tree whose shape has been checked, and reports what only the
// whole can show: names that do not exist, addresses that collide, files that cannot be read,
// values that exclude each other. Never stops at the first problem. Blocking (names, files).
#pragma once

#include "config/builder.h"
#include "config/environment.h"
#include "config/layers.h"
#include "config/report.h"
#include "lb/config/certificates.h"
#include "lb/config/snapshot.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tandem::lb::config {

using namespace tandem::config;

/// Something that listens, for the search for collisions.
struct Listener {
  SocketAddress address;
  Place place;
};

/// What the parts of building share.
struct BuildContext : Builder {
  Snapshot& snapshot;
  Place defaults;
  std::vector<Listener> listeners;
  std::vector<std::string_view> backend_names;  // by BackendIndex
  std::vector<bool> backend_used;               // by BackendIndex
  std::vector<NamedCertificates> certificates = {};

  /// Like address(), and remembered among `listeners`.
  [[nodiscard]] std::optional<SocketAddress> listening(const Place& at);
  /// The backend named at `at`, which then counts as used; nullopt after an error.
  [[nodiscard]] std::optional<BackendIndex> backend(const Place& at);
};

/// The snapshot is whole only if `report` has no errors afterwards.
void build(const jsonc::Value& root, const Environment& environment, Report& report,
           Snapshot& snapshot);

// The parts, in the order build() takes them.
void build_process(BuildContext& context);
void build_certificates(BuildContext& context);
void build_frontends(BuildContext& context);
void build_backends(BuildContext& context);
void check_whole(BuildContext& context);
void check_certificates(const BuildContext& context);

/// "timeout" and "errorfiles", which frontends and backends share.
[[nodiscard]] Timeouts build_timeouts(const Layers& layers, Mode mode);
[[nodiscard]] ErrorFiles build_errorfiles(const BuildContext& context, const Layers& layers);

/// "check" of a backend into `out`; whether servers are checked.
[[nodiscard]] bool build_check(const BuildContext& context, const Place& check, Check& out);

/// "compression"; nullopt: nothing is said, or after an error.
[[nodiscard]] std::optional<Compression> build_compression(const BuildContext& context,
                                                           const Place& at);

/// "mode" of a frontend or backend.
[[nodiscard]] Mode build_mode(const Layers& layers);
/// Errors for what a TCP proxy says itself and that means nothing there; "defaults" may say it.
void check_tcp_frontend(const BuildContext& context, const Place& frontend);
void check_tcp_backend(const BuildContext& context, const Place& backend);
/// In mode "tcp" only the client's address is there to look at: an error where the backend itself
/// says something else, roundrobin where "defaults" does.
void check_tcp_balance(const BuildContext& context, const Place& backend, Balance& balance);
/// Errors for frontends that name a backend of another mode.
void check_modes(const BuildContext& context);

/// "accept-proxy" of a bind to `address`.
[[nodiscard]] AcceptProxy build_accept_proxy(const BuildContext& context, const Place& at,
                                             const SocketAddress& address);

/// "ssl" of a bind; nullopt: there is none, or after an error.
[[nodiscard]] std::optional<BindSsl> build_ssl(BuildContext& context, const Place& ssl, Mode mode);

/// "ssl" of a server, whose address is known; nullopt: it is spoken to plainly, or after an error.
[[nodiscard]] std::optional<ServerSsl> build_server_ssl(const BuildContext& context,
                                                        const Place& ssl, const Server& server);

/// "inspect-delay" of a frontend whose mode, binds and rules are built; nullopt: none of its rules
/// looks at a client's hello. Errors for rules that do where there is none to look at.
[[nodiscard]] std::optional<Milliseconds> build_inspect_delay(const BuildContext& context,
                                                              const Place& place,
                                                              const Frontend& frontend);

/// "rules" of a frontend, into both of its lists.
void build_rules(BuildContext& context, const Place& rules, Frontend& out);
/// "set-header", "add-header" and "del-header" of a rule; empty: it has none of them.
[[nodiscard]] HeaderEdits build_header_edits(const BuildContext& context, const Place& rule);

/// "servers" of a backend. `checked`: the backend has "check".
[[nodiscard]] std::vector<Server> build_servers(const BuildContext& context, const Place& backend,
                                                const Check& check, bool checked);

}  // namespace tandem::lb::config
