// ServerContext: everything that connections of one bind share when they speak TLS: certificates by
// name, versions and ciphers, whom to believe, the keys of tickets. Made once and replaced whole:
// connections keep the one they began with.
#pragma once

#include "common/result.h"
#include "lb/tls/openssl.h"
#include "lb/tls/server_options.h"

#include <memory>
#include <utility>

namespace tandem::lb::tls {

/// Immutable; shared by all workers. Thread: any.
class ServerContext {
 public:
  /// `predecessor`: one whose tickets go on in this one; `ticket_keys` is not looked at then.
  /// Errors, in words: what Certificate, ClientAuthorities, TicketKeys and vocabulary.h refuse.
  [[nodiscard]] static Result<std::shared_ptr<const ServerContext>> make(
      const ServerOptions& options, const ServerContext* predecessor = nullptr);

  /// A new connection; nullptr: no memory. Accept state is set, no BIO yet. It may outlive this
  /// object.
  [[nodiscard]] SslPointer begin() const;

 private:
  explicit ServerContext(SslContextPointer entry) : entry_(std::move(entry)) {}

  // Serves the default certificates; the name a client asks for may lead to another context, which
  // this one owns.
  SslContextPointer entry_;
};

}  // namespace tandem::lb::tls
