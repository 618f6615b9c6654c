// What proves to a node that the other one is its peer, and the TLS 1.3 that stands on it: bytes to
// bytes, without a socket. A secret that both configurations share is one proof; others get a
// factory of their own. Thread: a Credentials any, once made; a TlsStream its owner's.
#pragma once

#include "common/result.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

struct ssl_ctx_st;
struct ssl_st;

namespace tandem::failover::peer {

/// Immutable; shared by every link of a node.
class Credentials {
 public:
  /// Fewest characters of a secret. What a person makes up can be guessed by whoever records one
  /// handshake, at leisure: it should be 32 random bytes written as text.
  static constexpr std::size_t kSecretCharactersMin = 16;

  /// Errors: the secret is too short.
  [[nodiscard]] static Result<std::shared_ptr<const Credentials>> of_secret(
      std::string_view secret);

  [[nodiscard]] ssl_ctx_st* context() const noexcept { return context_.get(); }

 private:
  struct Free {
    void operator()(ssl_ctx_st* context) const noexcept;
  };

  Credentials() = default;

  std::unique_ptr<ssl_ctx_st, Free> context_;
};

/// One TLS connection between two byte streams that somebody else moves.
class TlsStream {
 public:
  enum class Side : std::uint8_t { kDials, kListens };
  enum class State : std::uint8_t { kHandshake, kSecure, kEnded, kFailed };

  /// AES-GCM is good for some 24 million records under one key (RFC 8446 section 5.5), which a link
  /// of fifty heartbeats a second reaches in days; OpenSSL counts, but changes nothing by itself.
  static constexpr std::uint32_t kSendsPerKey = 1U << 20U;

  TlsStream(std::shared_ptr<const Credentials> credentials, Side side,
            std::uint32_t sends_per_key = kSendsPerKey);

  /// Takes what came from the network, as far as it goes; `plain` gets what it meant. Call it with
  /// nothing to begin a handshake. After it take_output() may have something, even on failure.
  void receive(std::string_view bytes, std::string& plain);
  /// kSecure only.
  void send(std::string_view plain);
  /// What is to be written to the network, appended to `out`.
  void take_output(std::string& out);

  [[nodiscard]] State state() const noexcept { return state_; }
  /// After kFailed: what the other node did, in words.
  [[nodiscard]] const std::string& trouble() const noexcept { return trouble_; }

 private:
  struct Free {
    void operator()(ssl_st* ssl) const noexcept;
  };

  void shake_hands();
  void read(std::string& plain);
  void fail_with(int result);

  std::shared_ptr<const Credentials> credentials_;
  std::unique_ptr<ssl_st, Free> ssl_;
  State state_ = State::kHandshake;
  std::string trouble_;
  std::uint32_t sends_per_key_;
  std::uint32_t sends_ = 0;  // since the keys were last changed
};

}  // namespace tandem::failover::peer
