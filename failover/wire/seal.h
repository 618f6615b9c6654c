// The seal: an optional trailer of 28 bytes that proves who sent an advert and when. The scheme is
// draft-cassen-vrrp-auth-hmac (HMAC-SHA256, cut to 128 bits), which later keepalived speaks too, so
// that a sealed pair can be mixed. It hides nothing, and the plain form of RFC 9568 stays the
// default. Time is handed in; OpenSSL is only called. Owned by the thread that owns the sockets.
//
//    | type = 1 | key id | 0 (16 bits) | sequence (64 bits) | HMAC (128 bits) |
//
// The HMAC runs over a header made for the purpose (family, version, VRID, source), the message
// with its checksum field as zero, and the trailer with its HMAC as zero. The destination is not in
// it: one advert may go to several peers, each of which keeps its own account of the sequence.
#pragma once

#include "failover/wire/bytes.h"
#include "failover/wire/envelope.h"
#include "failover/wire/refusal.h"
#include "failover/wire/replay.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tandem::failover::wire {

inline constexpr std::size_t kSealBytes = 28;
inline constexpr std::size_t kSecretBytesMin = 32;
inline constexpr std::size_t kSecretBytesMax = 64;

struct Key {
  std::uint8_t id = 0;
  std::string secret;  // kSecretBytesMin to kSecretBytesMax bytes, any bytes
};

/// Puts seals on the adverts of one virtual router.
class Sealer {
 public:
  /// `width` is that of the receivers' ReplayWindow.
  explicit Sealer(Key key, std::chrono::seconds width = std::chrono::seconds(0));

  /// Appends the trailer to what encode() gave. Over IPv6 it is part of what the checksum covers,
  /// which is therefore written anew; over IPv4 it is not.
  ///
  /// The sequence is the time, or one more than the last where the clock has not moved on: it rises
  /// over a restart without anything having been written down. Only where the last one lies further
  /// ahead of the clock than the window is wide does it follow the clock back, because receivers
  /// would refuse all else; without a window it never does.
  void seal(Bytes& message, const Envelope& envelope, WallTime now);

 private:
  [[nodiscard]] std::uint64_t next_sequence(WallTime now) noexcept;

  Key key_;
  std::chrono::seconds width_;
  std::optional<std::uint64_t> last_;
};

/// Looks at the seals of the adverts that others send for one virtual router. Several keys are
/// known at a time, so that nodes change the one they send with one after the other.
class SealChecker {
 public:
  explicit SealChecker(std::vector<Key> keys, std::chrono::seconds width = std::chrono::seconds(0));

  /// Whether the last kSealBytes of `sealed` fit what stands before them, which must be a whole
  /// header of an advert at least. nullopt: they do. Changes nothing: a message may be genuine and
  /// still unfit. Refusals: kSealForm, kSealKey, kSealStale (before the costly part), kSeal.
  [[nodiscard]] std::optional<Refusal> verify(ByteView sealed, const Envelope& envelope,
                                              WallTime now) const;

  /// To be asked last, about a message that was verified and found fit; remembers it.
  [[nodiscard]] bool admit(ByteView sealed, const Envelope& envelope, WallTime now);

 private:
  std::vector<Key> keys_;
  ReplayWindow window_;
};

}  // namespace tandem::failover::wire
