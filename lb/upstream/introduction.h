// Introduction: the PROXY header with which a connection begins to a server that has `send-proxy`.
// Such a connection is one client's and is never kept for another (LocalServer::keep_idle()).
#pragma once

#include "common/address.h"
#include "lb/config/snapshot.h"
#include "lb/tls/stream.h"

namespace tandem::lb::upstream {

class Connection;

[[nodiscard]] inline bool wants_introduction(const config::Server& server) noexcept {
  return server.send_proxy != config::SendProxy::kNone;
}

/// Tells a server that wants to know that `client` has come to `local`, and in version 2 how it is
/// encrypted (nullptr: not at all). Once, when the connection
/// stands: before any other byte, and in plain text whatever follows. `more`: bytes follow in the
/// same turn, so that one packet may take both.
/// False: the connection is broken. A fresh one always has room for a header.
[[nodiscard]] bool introduce(Connection& connection, const SocketAddress& client,
                             const SocketAddress& local, const tls::Stream* encryption, bool more);

}  // namespace tandem::lb::upstream
