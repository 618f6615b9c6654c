// The client's side of SCRAM-SHA-256 (RFC 5802, RFC 7677), without channel binding: a login that
// shows that both sides know a password, and tells it to nobody. Pure; any thread.
//
//   client-first = "n,,n=,r=" nonce
//   server-first = "r=" nonce more ",s=" salt ",i=" rounds
//   client-final = "c=biws,r=" nonce more ",p=" proof
//   server-final = "v=" signature
#pragma once

#include "common/result.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace tandem::lb::tls {

/// Of one login.
class ScramClient {
 public:
  /// Most rounds that a server may ask for: some ten milliseconds of work.
  static constexpr std::uint32_t kRoundsMax = 65'536;

  /// `nonce`: printable, no commas, never used before; see make_nonce(). `password` counts as it
  /// stands: not prepared (RFC 4013), which makes no difference to ASCII.
  ScramClient(std::string password, std::string nonce);

  /// What is said first.
  [[nodiscard]] std::string first() const;
  /// What is said to this server-first. Errors, in words: it breaks the rules.
  [[nodiscard]] Result<std::string> answer(std::string_view server_first);
  /// Whether this server-final shows that the server knows the password. After answer().
  [[nodiscard]] bool is_proof(std::string_view server_final) const;

  /// 24 characters that nobody can guess.
  [[nodiscard]] static std::string make_nonce();

 private:
  std::string password_;
  std::string nonce_;
  std::string signature_;  // what the server must show; empty: nothing was answered
};

}  // namespace tandem::lb::tls
