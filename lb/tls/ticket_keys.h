// TicketKeys: what session tickets are sealed with (RFC 5077 section 4, which OpenSSL keeps to in
// TLS 1.3, too). A ticket holds the whole session, so nothing is kept here for a client that may
// come back; but whoever has its key can read the session of TLS 1.2 that it stands for. Hence
// random keys, each used for an hour, accepted for one more and then forgotten.
//
// Keys out of a file stand as they are until the file is read again: two nodes that share it take
// each other's tickets.
#pragma once

#include "common/result.h"
#include "common/time.h"
#include "lb/tls/openssl.h"

#include <array>
#include <cstddef>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace tandem::lb::tls {

inline constexpr std::size_t kTicketNameBytes = 16;
/// How long a random key seals tickets; it opens them for as long again. A ticket is good for one.
inline constexpr std::chrono::hours kTicketKeyPeriod{1};
/// Of a file, as HAProxy has it: so many keys at its end count.
inline constexpr std::size_t kTicketKeysUsed = 3;

/// A value; its bytes are wiped with it.
struct TicketKey {
  std::array<unsigned char, kTicketNameBytes> name{};  // stands in front of each ticket
  std::array<unsigned char, 32> encryption{};
  std::array<unsigned char, 32> authentication{};
  std::size_t secret_bytes = 32;  // of each of the two: 16 (AES-128) or 32 (AES-256)

  TicketKey() = default;
  TicketKey(const TicketKey&) = default;
  TicketKey& operator=(const TicketKey&) = default;
  ~TicketKey();
};

/// Owner: a ServerContext, with all connections made by it. Any thread: a key is copied under a
/// mutex, which is nothing beside the handshake that needs it.
class TicketKeys {
 public:
  /// Random ones.
  TicketKeys() = default;
  /// Keys of a file in its order, at least one. The last three open tickets; the last but one seals
  /// them: a new key, appended to the files of both nodes one after the other, is known to both
  /// before the next one makes it seal.
  explicit TicketKeys(std::vector<TicketKey> keys);

  /// The text of such a file: lines of base64, each of 48 bytes (name, AES-128 key, HMAC key) or 80
  /// (the same for AES-256), as HAProxy's tls-ticket-keys. Errors name the line, never its text.
  [[nodiscard]] static Result<std::vector<TicketKey>> parse(std::string_view lines);

  struct Found {
    TicketKey key;
    bool is_current = true;  // false: the client should get a new ticket
  };

  [[nodiscard]] TicketKey sealing(Instant now);
  /// nullopt: nobody's, or too old: the client shakes hands in full.
  [[nodiscard]] std::optional<Found> find(std::span<const unsigned char, kTicketNameBytes> name,
                                          Instant now);

 private:
  void rotate(Instant now);

  std::mutex mutex_;
  const bool is_fixed_ = false;
  std::vector<TicketKey> keys_;  // oldest first
  std::size_t sealing_ = 0;      // index
  Instant until_{};              // the sealing one's end; random keys only
};

/// What SSL_CTX_set_tlsext_ticket_key_evp_cb(3) asks for: sets the two contexts up with a key of
/// `keys`. `name` and `iv` are those of the ticket, to be written if it `is_new`.
[[nodiscard]] int use_ticket_key(TicketKeys& keys, unsigned char* name, unsigned char* iv,
                                 EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac, bool is_new);

}  // namespace tandem::lb::tls
