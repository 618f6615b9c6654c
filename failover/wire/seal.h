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

/// How far ahead of the clock a seal is that is made to be used later.
inline constexpr std::chrono::milliseconds kSealLead{1'000};

struct Key {
  std::uint8_t id = 0;
  std::string secret;  // kSecretBytesMin to kSecretBytesMax bytes, any bytes
};

/// Puts seals on the adverts of one virtual router.
///
/// Some are made now and used when nobody can make one any more: a farewell for a dead node. They
/// must be beyond all that the node has sent by then, and what the node sends after its return must
/// be beyond them. So such a seal is a little ahead of the clock, is made anew when the others come
/// near it, and whoever begins anew begins as far ahead of the clock:
///
///        clock now         + kSealLead
///   ---------|---------------------|-----> sequence
///    adverts ^             farewell^       a successor's first advert, later, is beyond this
class Sealer {
 public:
  /// `width` is that of the receivers' ReplayWindow.
  explicit Sealer(Key key, std::chrono::seconds width = std::chrono::seconds(0));

  /// Goes on where another one for the same source has been, in this process or in one before it;
  /// before the first seal. `last`: what that one used last, where it is known.
  void follow(std::optional<std::uint64_t> last, WallTime now) noexcept;

  /// Appends the trailer to what encode() gave. Over IPv6 it is part of what the checksum covers,
  /// which is therefore written anew; over IPv4 it is not.
  ///
  /// The sequence is the time, or one more than the last where the clock has not moved on: it rises
  /// over a restart without anything having been written down. Only where the last one lies further
  /// ahead of the clock than the window is wide does it follow the clock back, because receivers
  /// would refuse all else; without a window it never does.
  void seal(Bytes& message, const Envelope& envelope, WallTime now);

  /// The same for a message to be sent later, in place of this sealer: good until
  /// must_seal_ahead().
  void seal_ahead(Bytes& message, const Envelope& envelope, WallTime now);
  /// Whether the next seal() would reach what was sealed ahead, or the clock has been put back far
  /// behind it: seal_ahead() comes first. False as long as nothing was sealed ahead.
  [[nodiscard]] bool must_seal_ahead(WallTime now) const noexcept;

  [[nodiscard]] std::optional<std::uint64_t> last() const noexcept { return last_; }

 private:
  [[nodiscard]] std::uint64_t next_sequence(WallTime now) const noexcept;
  void append_seal(Bytes& message, const Envelope& envelope, std::uint64_t sequence) const;

  Key key_;
  std::chrono::seconds width_;
  std::optional<std::uint64_t> last_;
  std::optional<std::uint64_t> ahead_;
};

/// What two sequences are apart, in seconds: for people, and never for a decision.
[[nodiscard]] double seconds_between(std::uint64_t earlier, std::uint64_t later) noexcept;

/// What a trailer says, whether or not it is true. `sealed` is at least kSealBytes long.
[[nodiscard]] std::uint8_t seal_key_id(ByteView sealed) noexcept;
[[nodiscard]] std::uint64_t seal_sequence(ByteView sealed) noexcept;

/// Looks at the seals of the adverts that others send for one virtual router. Several keys are
/// known at a time, so that nodes change the one they send with one after the other.
class SealChecker {
 public:
  /// `marks`: what another checker had heard, see marks().
  explicit SealChecker(std::vector<Key> keys, std::chrono::seconds width = std::chrono::seconds(0),
                       std::vector<ReplayWindow::Mark> marks = {});

  /// Whether the last kSealBytes of `sealed` fit what stands before them, which must be a whole
  /// header of an advert at least. nullopt: they do. Changes nothing: a message may be genuine and
  /// still unfit. Refusals: kSealForm, kSealKey, kSealStale (before the costly part), kSeal.
  [[nodiscard]] std::optional<Refusal> verify(ByteView sealed, const Envelope& envelope,
                                              WallTime now) const;

  /// To be asked last, about a message that was verified and found fit; remembers it.
  [[nodiscard]] bool admit(ByteView sealed, const Envelope& envelope, WallTime now);

  [[nodiscard]] const std::vector<ReplayWindow::Mark>& marks() const noexcept {
    return window_.marks();
  }

 private:
  std::vector<Key> keys_;
  ReplayWindow window_;
};

}  // namespace tandem::failover::wire
