#include "failover/wire/decode.h"

#include "failover/wire/checksum.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <cstddef>

namespace tandem::failover::wire {
namespace {

/// A payload and what was made of its length.
struct Frame {
  ByteView message;  // without a seal
  ByteView whole;    // with it
};

std::optional<Refusal> check_envelope(const Envelope& envelope, const Expectation& expectation) {
  const IpAddress& group = envelope.source.is_v6() ? kGroupV6 : kGroupV4;
  if (!expectation.is_unicast && envelope.hop_limit != kHopLimit) return Refusal::kWrongHopLimit;
  // A multicast router that took unicast too would undo the check of the hop limit.
  const bool is_meant_for_us =
      expectation.is_unicast ? !envelope.destination.is_multicast() : envelope.destination == group;
  if (!is_meant_for_us) return Refusal::kDestination;
  // An echo of our own advert would be answered, and the answer echoed.
  if (envelope.source == expectation.own) return Refusal::kOwn;
  if (expectation.is_unicast &&
      std::ranges::find(expectation.peers, envelope.source) == expectation.peers.end())
    return Refusal::kSource;
  return std::nullopt;
}

std::size_t message_bytes(ByteView payload, bool is_v6) noexcept {
  const std::size_t password_bytes = payload[kVersionTypeAt] >> 4 == kVersion2 ? kPasswordBytes : 0;
  return kAddressesAt + payload[kCountAt] * std::size_t{is_v6 ? 16U : 4U} + password_bytes;
}

std::optional<Refusal> check_header(ByteView payload, const Envelope& envelope,
                                    const Expectation& expectation) {
  if (payload.size() < kAddressesAt) return Refusal::kTruncated;
  const std::uint8_t version = payload[kVersionTypeAt] >> 4;
  if (version != expectation.version || (version == kVersion2 && envelope.source.is_v6()))
    return Refusal::kVersion;
  if ((payload[kVersionTypeAt] & 0x0f) != kTypeAdvert) return Refusal::kType;
  if (payload[kVridAt] != expectation.vrid) return Refusal::kVrid;
  if (payload[kCountAt] == 0) return Refusal::kCount;
  if (payload.size() < message_bytes(payload, envelope.source.is_v6())) return Refusal::kTruncated;
  return std::nullopt;
}

/// Over IPv4 a seal is not part of it; over IPv6 it is.
bool checksum_is_right(const Frame& frame, const Envelope& envelope,
                       const Expectation& expectation) {
  const auto holds_to = [&](const IpAddress& destination, ByteView bytes) {
    return Checksum()
        .add(bytes)
        .add_pseudo_header(envelope.source, destination, kProtocolVrrp, bytes.size())
        .is_right();
  };
  if (envelope.source.is_v6()) return holds_to(envelope.destination, frame.whole);
  if (Checksum().add(frame.message).is_right()) return true;
  if (expectation.version == kVersion2) return false;
  // Over multicast the destination is the group; over unicast old keepalived counts it as that.
  return holds_to(envelope.destination, frame.message) || holds_to(kGroupV4, frame.message);
}

std::optional<Refusal> check_version2(ByteView message, const Expectation& expectation) {
  const std::uint8_t type = expectation.password.empty() ? kAuthNone : kAuthPassword;
  if (message[kAuthTypeAt] != type) return Refusal::kAuthType;
  const auto password = password_field(expectation.password);
  if (type == kAuthPassword &&
      CRYPTO_memcmp(message.last(kPasswordBytes).data(), password.data(), kPasswordBytes) != 0)
    return Refusal::kPassword;
  if (std::chrono::seconds(message[kIntervalSecondsAt]) != expectation.interval)
    return Refusal::kInterval;
  return std::nullopt;
}

Centiseconds interval_of(ByteView message, std::uint8_t version) noexcept {
  if (version == kVersion2) return std::chrono::seconds(message[kIntervalSecondsAt]);
  return Centiseconds(get_u16(message, kIntervalAt) & 0x0fff);  // the other four bits are reserved
}

std::vector<IpAddress> addresses_of(ByteView message, bool is_v6) {
  const std::size_t address_bytes = is_v6 ? 16 : 4;
  std::vector<IpAddress> addresses;
  addresses.reserve(message[kCountAt]);
  for (std::size_t i = 0; i < message[kCountAt]; ++i)
    addresses.push_back(
        IpAddress::of(message.subspan(kAddressesAt + i * address_bytes, address_bytes)));
  return addresses;
}

bool is_same_set(std::vector<IpAddress> a, std::vector<IpAddress> b) {
  if (a == b) return true;
  std::ranges::sort(a);
  std::ranges::sort(b);
  return a == b;
}

std::optional<Refusal> check_addresses(const std::vector<IpAddress>& addresses,
                                       const Expectation& expectation) {
  if (!is_same_set(addresses, expectation.addresses)) return Refusal::kAddresses;
  // Where no link-local address is configured none can come first; keepalived sends that too.
  const bool has_link_local = std::ranges::any_of(addresses, &IpAddress::is_link_local);
  if (has_link_local && !addresses.front().is_link_local()) return Refusal::kAddressOrder;
  return std::nullopt;
}

std::expected<Advert, Refusal> read_message(const Frame& frame, const Envelope& envelope,
                                            const Expectation& expectation) {
  if (!checksum_is_right(frame, envelope, expectation)) return std::unexpected(Refusal::kChecksum);
  if (expectation.version == kVersion2)
    if (const auto refusal = check_version2(frame.message, expectation))
      return std::unexpected(*refusal);
  Advert advert{.version = expectation.version,
                .vrid = frame.message[kVridAt],
                .priority = frame.message[kPriorityAt],
                .interval = interval_of(frame.message, expectation.version),
                .addresses = addresses_of(frame.message, envelope.source.is_v6())};
  // It would make the down interval nothing: a backup would take over beside a live node.
  if (advert.interval == Centiseconds(0)) return std::unexpected(Refusal::kInterval);
  if (const auto refusal = check_addresses(advert.addresses, expectation))
    return std::unexpected(*refusal);
  return advert;
}

}  // namespace

std::optional<std::uint8_t> peek_vrid(ByteView payload) noexcept {
  if (payload.size() <= kVridAt) return std::nullopt;
  return payload[kVridAt];
}

std::expected<Advert, Refusal> decode(ByteView payload, const Envelope& envelope,
                                      const Expectation& expectation) {
  if (const auto refusal = check_envelope(envelope, expectation)) return std::unexpected(*refusal);
  if (const auto refusal = check_header(payload, envelope, expectation))
    return std::unexpected(*refusal);
  if (payload.size() > message_bytes(payload, envelope.source.is_v6()))
    return std::unexpected(Refusal::kLength);
  return read_message({.message = payload, .whole = payload}, envelope, expectation);
}

std::expected<Advert, Refusal> decode_sealed(ByteView payload, const Envelope& envelope,
                                             const Expectation& expectation, SealChecker& seals,
                                             WallTime now) {
  if (const auto refusal = check_envelope(envelope, expectation)) return std::unexpected(*refusal);
  if (const auto refusal = check_header(payload, envelope, expectation))
    return std::unexpected(*refusal);
  const ByteView message = payload.first(message_bytes(payload, envelope.source.is_v6()));
  if (payload.size() == message.size()) return std::unexpected(Refusal::kSealMissing);
  if (payload.size() != message.size() + kSealBytes) return std::unexpected(Refusal::kLength);
  if (const auto refusal = seals.verify(payload, envelope, now)) return std::unexpected(*refusal);
  auto advert = read_message({.message = message, .whole = payload}, envelope, expectation);
  if (advert && !seals.admit(payload, envelope, now)) return std::unexpected(Refusal::kReplay);
  return advert;
}

}  // namespace tandem::failover::wire
