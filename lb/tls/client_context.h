// ClientContext: everything that connections to one server share when they speak TLS: whom to
// believe, which name to ask for, and the session that the next one resumes.
#pragma once

#include "common/result.h"
#include "lb/tls/client_options.h"
#include "lb/tls/openssl.h"

#include <memory>
#include <string_view>

namespace tandem::lb::tls {

/// Shared by all workers and the checks; the session behind it is guarded by a lock, taken once for
/// each connection. Thread: any.
class ClientContext {
 public:
  /// Errors, in words: what Certificate, ClientAuthorities and vocabulary.h refuse.
  [[nodiscard]] static Result<std::shared_ptr<const ClientContext>> make(
      const ClientOptions& options);

  /// A new connection; nullptr: no memory. Connect state is set, no BIO yet. It may outlive this
  /// object. A certificate that cannot be verified ends the handshake.
  /// @param protocol offered by ALPN (RFC 7301), at most 255 bytes; empty: none.
  [[nodiscard]] SslPointer begin(std::string_view protocol = {}) const;

 private:
  explicit ClientContext(SslContextPointer context) : context_(std::move(context)) {}

  SslContextPointer context_;
};

}  // namespace tandem::lb::tls
