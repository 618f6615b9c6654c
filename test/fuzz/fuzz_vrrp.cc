// Any bytes as an advert: no crash, and whatever is taken means the same after it was written anew.
// The first byte says how the rest came here; checksum and expectation are made to fit as well, so
// that what lies behind them is reached. Seeds: test/corpus/vrrp.
#include "failover/wire/checksum.h"
#include "failover/wire/decode.h"
#include "failover/wire/ip_header.h"
#include "test/fuzz/oracle.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace tandem::failover::wire {
namespace {

constexpr WallTime kNow{std::chrono::seconds(1'800'000'000)};

/// How a payload came here: the bits of an input's first byte.
struct Way {
  explicit Way(std::uint8_t bits)
      : is_v6((bits & 1U) != 0),
        is_unicast((bits & 2U) != 0),
        has_password((bits & 4U) != 0),
        is_repaired((bits & 8U) != 0) {}

  bool is_v6;
  bool is_unicast;
  bool has_password;
  bool is_repaired;

  [[nodiscard]] Envelope envelope() const {
    const auto address = [this](std::uint8_t last) {
      return is_v6 ? IpAddress(std::array<std::uint8_t, 16>{0xfe, 0x80, 0, 0, 0, 0, 0, 0,  //
                                                            0, 0, 0, 0xff, 0xfe, 0x77, 0, last})
                   : IpAddress(std::array<std::uint8_t, 4>{10, 77, 0, last});
    };
    const IpAddress group = is_v6 ? kGroupV6 : kGroupV4;
    return {.source = address(11), .destination = is_unicast ? address(12) : group};
  }
};

/// Takes whatever the payload says of itself, so far as a virtual router may be so.
Expectation fitting(ByteView payload, const Way& way) {
  Expectation expectation{.vrid = std::max<std::uint8_t>(1, peek_vrid(payload).value_or(1)),
                          .is_unicast = way.is_unicast,
                          .addresses = {},
                          .password = way.has_password ? "s3cret" : "",
                          .own = {},
                          .peers = {way.envelope().source}};
  if (payload.size() < kAddressesAt) return expectation;
  expectation.version = payload[kVersionTypeAt] >> 4 == kVersion2 ? kVersion2 : kVersion3;
  if (expectation.version == kVersion2)
    expectation.interval = std::chrono::seconds(payload[kIntervalSecondsAt]);
  const std::size_t address_bytes = way.is_v6 ? 16 : 4;
  for (std::size_t i = 0; i < payload[kCountAt]; ++i) {
    const std::size_t at = kAddressesAt + i * address_bytes;
    if (at + address_bytes > payload.size()) break;
    expectation.addresses.push_back(IpAddress::of(payload.subspan(at, address_bytes)));
  }
  std::ranges::sort(expectation.addresses);
  return expectation;
}

void repair_checksum(Bytes& payload, const Envelope& envelope) {
  if (payload.size() < kAddressesAt) return;
  put_u16(payload, kChecksumAt, 0);
  Checksum checksum;
  checksum.add(payload);
  if (envelope.source.is_v6())
    checksum.add_pseudo_header(envelope.source, envelope.destination, kProtocolVrrp,
                               payload.size());
  put_u16(payload, kChecksumAt, checksum.value());
}

void check_advert(const Advert& advert, const Envelope& envelope, const Expectation& expectation) {
  fuzz::expect("interval", advert.interval > Centiseconds(0));
  fuzz::expect("addresses", !advert.addresses.empty());
  for (const bool has_pseudo_header : {false, true}) {
    const Form form{.has_pseudo_header = has_pseudo_header, .password = expectation.password};
    const auto again = decode(encode(advert, envelope, form), envelope, expectation);
    fuzz::expect("read again", again.has_value());
    fuzz::expect("the same meaning", *again == advert);
  }
}

void check_sealed(const Advert& advert, const Envelope& envelope, const Expectation& expectation) {
  const Key key{.id = 1, .secret = std::string(kSecretBytesMin, 'k')};
  Sealer sealer(key);
  SealChecker checker({key});
  Bytes bytes = encode(advert, envelope, {.password = expectation.password});
  sealer.seal(bytes, envelope, kNow);
  const auto again = decode_sealed(bytes, envelope, expectation, checker, kNow);
  fuzz::expect("the same meaning under seal", again.has_value() && *again == advert);
  const auto recorded = decode_sealed(bytes, envelope, expectation, checker, kNow);
  fuzz::expect("but once", !recorded && recorded.error() == Refusal::kReplay);
}

void check_forgery(ByteView payload, const Envelope& envelope, const Expectation& expectation) {
  // The input may name this key, but nobody guesses an HMAC.
  SealChecker checker({{.id = 1, .secret = std::string(kSecretBytesMin, 'k')}});
  fuzz::expect("no forgery",
               !decode_sealed(payload, envelope, expectation, checker, kNow).has_value());
}

void check_packet(ByteView bytes) {
  const auto packet = read_ipv4(bytes);
  if (!packet) return;
  fuzz::expect("the payload lies within the packet",
               packet->payload.size() <= bytes.size() - kIpv4HeaderBytes);
  const auto header = ipv4_header(packet->envelope, packet->payload.size(), 1);
  Bytes again(header.begin(), header.end());
  append(again, packet->payload);
  const auto second = read_ipv4(again);
  fuzz::expect("the same packet", second && second->envelope.source == packet->envelope.source &&
                                      second->payload.size() == packet->payload.size());
}

}  // namespace
}  // namespace tandem::failover::wire

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tandem::failover::wire;
  if (size == 0) return 0;
  const Way way(data[0]);
  const Envelope envelope = way.envelope();
  Bytes payload(data + 1, data + size);
  check_packet(payload);
  if (way.is_repaired) repair_checksum(payload, envelope);
  const Expectation expectation = fitting(payload, way);
  if (const auto advert = decode(payload, envelope, expectation); advert) {
    check_advert(*advert, envelope, expectation);
    check_sealed(*advert, envelope, expectation);
  }
  check_forgery(payload, envelope, expectation);
  return 0;
}
