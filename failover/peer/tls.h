// TlsStream: the TLS 1.3 between two nodes that prove who they are (credentials.h): bytes to bytes,
// without a socket. Thread: its owner's.
#pragma once

#include "failover/peer/credentials.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

struct ssl_st;

namespace tandem::failover::peer {

/// One TLS connection between two byte streams that somebody else moves.
class TlsStream {
 public:
  enum class Side : std::uint8_t { kDials, kListens };
  enum class State : std::uint8_t { kHandshake, kSecure, kEnded, kFailed };

  /// AES-GCM is good for some 24 million records under one key (RFC 8446 section 5.5), which a link
  /// of fifty heartbeats a second reaches in days; OpenSSL counts, but changes nothing by itself.
  static constexpr std::uint32_t kSendsPerKey = 1U << 20U;

  /// `peer_node`: whose certificate is expected. A secret names nobody.
  TlsStream(std::shared_ptr<const Credentials> credentials, Side side, std::string peer_node,
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
  [[nodiscard]] bool is_proven() const;
  [[nodiscard]] std::string words_of(unsigned long error) const;
  [[nodiscard]] std::string words_of_certificate() const;

  std::shared_ptr<const Credentials> credentials_;
  std::unique_ptr<ssl_st, Free> ssl_;
  State state_ = State::kHandshake;
  std::string trouble_;
  std::string peer_node_;
  std::uint32_t sends_per_key_;
  std::uint32_t sends_ = 0;  // since the keys were last changed
};

}  // namespace tandem::failover::peer
