#include "failover/wire/seal.h"

#include "common/check.h"
#include "failover/wire/advert.h"
#include "failover/wire/checksum.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <utility>

namespace tandem::failover::wire {
namespace {

constexpr std::uint8_t kSchemeSha256 = 1;
constexpr std::size_t kMacBytes = 16;
// Within the trailer:
constexpr std::size_t kSchemeAt = 0;
constexpr std::size_t kKeyAt = 1;
constexpr std::size_t kReservedAt = 2;
constexpr std::size_t kSequenceAt = 4;
constexpr std::size_t kMacAt = 12;

constexpr double kSequencesPerSecond = 4294967296.0;
constexpr std::uint64_t kLeadAsSequence =
    static_cast<std::uint64_t>(std::chrono::ceil<std::chrono::seconds>(kSealLead).count()) << 32;
/// More adverts than a node sends until its clock has caught up with what it began beyond.
constexpr std::uint64_t kSealsAheadMin = 1U << 16;

using Mac = std::array<std::uint8_t, kMacBytes>;

/// Family, version, VRID, zero, and 16 bytes for the source: ties the message to its virtual router
/// and sender, so that it cannot be used in the name of another that has the same key.
Bytes purpose_header(ByteView message, const IpAddress& source) {
  Bytes header{static_cast<std::uint8_t>(source.is_v6() ? 6 : 4),
               static_cast<std::uint8_t>(message[kVersionTypeAt] >> 4), message[kVridAt], 0};
  append(header, source.bytes());
  header.resize(20);
  return header;
}

/// `unsigned_part`: the message and the trailer up to its HMAC.
Mac mac_of(const Key& key, ByteView unsigned_part, const IpAddress& source) {
  Bytes input = purpose_header(unsigned_part, source);
  const std::size_t message_at = input.size();
  append(input, unsigned_part);
  put_u16(input, message_at + kChecksumAt, 0);
  input.resize(input.size() + kMacBytes);  // the HMAC's own place, as zero
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest{};
  unsigned int digest_bytes = 0;
  TANDEM_CHECK(HMAC(EVP_sha256(), key.secret.data(), static_cast<int>(key.secret.size()),
                    input.data(), input.size(), digest.data(), &digest_bytes) != nullptr);
  TANDEM_CHECK(digest_bytes >= kMacBytes);
  Mac mac;
  std::copy_n(digest.begin(), mac.size(), mac.begin());
  return mac;
}

void check_key(const Key& key) {
  TANDEM_CHECK(key.secret.size() >= kSecretBytesMin && key.secret.size() <= kSecretBytesMax);
}

}  // namespace

Sealer::Sealer(Key key, std::chrono::seconds width) : key_(std::move(key)), width_(width) {
  check_key(key_);
}

std::uint64_t Sealer::next_sequence(WallTime now) const noexcept {
  const std::uint64_t clock = sequence_at(now);
  const bool rises = !last_ || is_after(clock, *last_);
  const bool is_stranded =
      !rises && width_ > std::chrono::seconds(0) && seconds_ahead(*last_, clock) > width_.count();
  return rises || is_stranded ? clock : *last_ + 1;
}

void Sealer::follow(std::optional<std::uint64_t> last, WallTime now) noexcept {
  const std::uint64_t beyond = sequence_at(now + kSealLead);
  last_ = last && is_after(*last, beyond) ? *last : beyond;
}

void Sealer::seal(Bytes& message, const Envelope& envelope, WallTime now) {
  last_ = next_sequence(now);
  append_seal(message, envelope, *last_);
}

void Sealer::seal_ahead(Bytes& message, const Envelope& envelope, WallTime now) {
  const std::uint64_t clock = sequence_at(now + kSealLead);
  // Where the clock is behind what was used, seals only count up from there, by one each.
  const std::uint64_t counted = next_sequence(now) + kSealsAheadMin;
  ahead_ = is_after(clock, counted) ? clock : counted;
  append_seal(message, envelope, *ahead_);
}

bool Sealer::must_seal_ahead(WallTime now) const noexcept {
  if (!ahead_) return false;
  const std::uint64_t next = next_sequence(now);
  return !is_after(*ahead_, next) || is_after(*ahead_, next + 2 * kLeadAsSequence);
}

void Sealer::append_seal(Bytes& message, const Envelope& envelope, std::uint64_t sequence) const {
  append(message, std::array<std::uint8_t, 4>{kSchemeSha256, key_.id, 0, 0});
  append_u64(message, sequence);
  append(message, mac_of(key_, message, envelope.source));
  if (!envelope.source.is_v6()) return;
  put_u16(message, kChecksumAt, 0);
  Checksum checksum;
  checksum.add(message).add_pseudo_header(envelope.source, envelope.destination, kProtocolVrrp,
                                          message.size());
  put_u16(message, kChecksumAt, checksum.value());
}

double seconds_between(std::uint64_t earlier, std::uint64_t later) noexcept {
  return static_cast<double>(static_cast<std::int64_t>(later - earlier)) / kSequencesPerSecond;
}

std::uint8_t seal_key_id(ByteView sealed) noexcept { return sealed.last(kSealBytes)[kKeyAt]; }

std::uint64_t seal_sequence(ByteView sealed) noexcept {
  return get_u64(sealed.last(kSealBytes), kSequenceAt);
}

SealChecker::SealChecker(std::vector<Key> keys, std::chrono::seconds width,
                         std::vector<ReplayWindow::Mark> marks)
    : keys_(std::move(keys)), window_(width, std::move(marks)) {
  for (const Key& key : keys_) check_key(key);
}

std::optional<Refusal> SealChecker::verify(ByteView sealed, const Envelope& envelope,
                                           WallTime now) const {
  TANDEM_CHECK(sealed.size() >= kAddressesAt + kSealBytes);
  const ByteView seal = sealed.last(kSealBytes);
  if (seal[kSchemeAt] != kSchemeSha256 || get_u16(seal, kReservedAt) != 0)
    return Refusal::kSealForm;
  const auto key = std::ranges::find(keys_, seal[kKeyAt], &Key::id);
  if (key == keys_.end()) return Refusal::kSealKey;
  // A flood of recorded adverts must not cost a digest each.
  if (!window_.is_fresh(get_u64(seal, kSequenceAt), now)) return Refusal::kSealStale;
  const Mac mac = mac_of(*key, sealed.first(sealed.size() - kMacBytes), envelope.source);
  // In constant time: how long a comparison takes must not tell how much of a guess was right.
  if (CRYPTO_memcmp(mac.data(), seal.subspan(kMacAt).data(), mac.size()) != 0)
    return Refusal::kSeal;
  return std::nullopt;
}

bool SealChecker::admit(ByteView sealed, const Envelope& envelope, WallTime now) {
  return window_.admit(envelope.source, seal_sequence(sealed), now);
}

}  // namespace tandem::failover::wire
