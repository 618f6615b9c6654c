// Credentials: what proves to a node that the other one is its peer: a secret that both
// configurations share, or certificates of a CA that both believe. How TLS (tls.h) is set up for
// either; no connection. Thread: any, once made.
#pragma once

#include "common/result.h"

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

struct ssl_ctx_st;

namespace tandem::failover::peer {

/// Texts of PEM files.
struct Certificates {
  std::string_view own;          // the node's, what leads from it to the CA, and its private key
  std::string_view authorities;  // whose certificates are believed; no others are
};

/// What is wrong with one of them.
struct CertificateFlaw {
  bool is_of_authorities = false;
  std::string words;  // for a person; nothing of the key
};

/// Immutable; shared by every link of a node.
class Credentials {
 public:
  /// Fewest characters of a secret. What a person makes up can be guessed by whoever records one
  /// handshake, at leisure: it should be 32 random bytes written as text.
  static constexpr std::size_t kSecretCharactersMin = 16;

  /// Errors: the secret is too short.
  [[nodiscard]] static Result<std::shared_ptr<const Credentials>> of_secret(
      std::string_view secret);

  /// `node` is this one's name, which its certificate must be for: the other nodes look. That it
  /// comes from the CA and is valid today they look at, too: here that may change any day.
  [[nodiscard]] static Result<std::shared_ptr<const Credentials>, CertificateFlaw> of_certificates(
      const Certificates& files, const std::string& node);

  [[nodiscard]] ssl_ctx_st* context() const noexcept { return context_.get(); }
  /// False: they are a secret.
  [[nodiscard]] bool are_certificates() const noexcept { return are_certificates_; }

 private:
  struct Free {
    void operator()(ssl_ctx_st* context) const noexcept;
  };

  explicit Credentials(bool are_certificates);

  std::unique_ptr<ssl_ctx_st, Free> context_;
  bool are_certificates_;
};

}  // namespace tandem::failover::peer
