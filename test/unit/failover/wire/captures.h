// What keepalived 2.2.7 sends, to the byte, and a few words to write such bytes down with.
#pragma once

#include "failover/wire/checksum.h"
#include "failover/wire/decode.h"

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tandem::failover::wire {

/// "31 33 6401": spaces are skipped.
inline Bytes from_hex(std::string_view text) {
  Bytes bytes;
  int high = -1;
  for (const char c : text) {
    if (c == ' ') continue;
    const int digit = c <= '9' ? c - '0' : c - 'a' + 10;
    if (high >= 0) bytes.push_back(static_cast<std::uint8_t>(high << 4 | digit));
    high = high >= 0 ? -1 : digit;
  }
  return bytes;
}

inline std::string to_hex(ByteView bytes) {
  std::string text;
  for (const std::uint8_t byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

inline std::string plain_hex(std::string_view text) { return to_hex(from_hex(text)); }

inline IpAddress ip(std::string_view text) { return IpAddress::parse(text).value(); }

/// "ok", or the name of the reason.
template <class T>
std::string verdict(const std::expected<T, Refusal>& result) {
  return result ? "ok" : std::string(refusal_name(result.error()));
}

/// One advert as bytes and as meaning.
struct Capture {
  std::string_view name;
  std::string_view payload;
  Envelope envelope;
  Advert advert;
  std::string password;

  [[nodiscard]] Bytes bytes() const { return from_hex(payload); }
  [[nodiscard]] Form form() const { return {.has_pseudo_header = true, .password = password}; }
  /// Of a virtual router that takes it.
  [[nodiscard]] Expectation expectation() const {
    const bool is_unicast = !envelope.destination.is_multicast();
    return {.version = advert.version,
            .vrid = advert.vrid,
            .is_unicast = is_unicast,
            .interval = advert.interval,
            .addresses = advert.addresses,
            .password = password,
            .own = is_unicast ? envelope.destination : IpAddress(),
            .peers = is_unicast ? std::vector{envelope.source} : std::vector<IpAddress>()};
  }
};

inline Capture ipv4_multicast() {
  return {.name = "IPv4 multicast",
          .payload = "31336401 0014751f 0a4d0064",
          .envelope = {.source = ip("10.77.0.11"), .destination = kGroupV4},
          .advert = {.vrid = 51,
                     .priority = 100,
                     .interval = Centiseconds(20),
                     .addresses = {ip("10.77.0.100")}}};
}

inline Capture ipv4_farewell() {
  Capture capture = ipv4_multicast();
  capture.name = "IPv4 farewell";
  capture.payload = "31330001 0014d91f 0a4d0064";
  capture.advert.priority = 0;
  return capture;
}

inline Capture ipv4_unicast() {
  Capture capture = ipv4_multicast();
  capture.name = "IPv4 unicast";
  capture.payload = "31336401 00144ad9 0a4d0064";
  capture.envelope.destination = ip("10.77.0.12");
  return capture;
}

inline Capture ipv6_multicast() {
  return {.name = "IPv6 multicast",
          .payload =
              "31336402 00146f0d fe800000000000000000000000000100"
              "fd770000000000000000000000000100",
          .envelope = {.source = ip("fe80::ff:fe77:b"), .destination = kGroupV6},
          .advert = {.vrid = 51,
                     .priority = 100,
                     .interval = Centiseconds(20),
                     .addresses = {ip("fe80::100"), ip("fd77::100")}}};
}

inline Capture ipv6_unicast() {
  Capture capture = ipv6_multicast();
  capture.name = "IPv6 unicast";
  capture.payload =
      "31336402 00147112 fe800000000000000000000000000100"
      "fd770000000000000000000000000100";
  capture.envelope = {.source = ip("fd77::11"), .destination = ip("fd77::12"), .hop_limit = 64};
  return capture;
}

inline Capture version2_plain() {
  return {.name = "version 2",
          .payload = "21336401 00017019 0a4d0064 0000000000000000",
          .envelope = {.source = ip("10.77.0.11"), .destination = kGroupV4},
          .advert = {.version = kVersion2,
                     .vrid = 51,
                     .priority = 100,
                     .interval = std::chrono::seconds(1),
                     .addresses = {ip("10.77.0.100")}}};
}

inline Capture version2_password() {
  Capture capture = version2_plain();
  capture.name = "version 2 with a password";
  capture.payload = "21346401 010132fd 0a4d0065 7333637265740000";
  capture.advert.vrid = 52;
  capture.advert.addresses = {ip("10.77.0.101")};
  capture.password = "s3cret";
  return capture;
}

inline std::vector<Capture> all_captures() {
  return {ipv4_multicast(), ipv4_farewell(),  ipv4_unicast(),     ipv6_multicast(),
          ipv6_unicast(),   version2_plain(), version2_password()};
}

/// Changes bytes of a payload and puts the checksum right again, so that the change alone is seen.
/// Over IPv4 in the form without a pseudo-header.
inline Bytes changed(const Capture& capture,
                     const std::vector<std::pair<std::size_t, std::uint8_t>>& changes) {
  Bytes bytes = capture.bytes();
  for (const auto& [at, value] : changes) bytes.at(at) = value;
  put_u16(bytes, kChecksumAt, 0);
  Checksum checksum;
  checksum.add(bytes);
  if (capture.envelope.source.is_v6())
    checksum.add_pseudo_header(capture.envelope.source, capture.envelope.destination, kProtocolVrrp,
                               bytes.size());
  put_u16(bytes, kChecksumAt, checksum.value());
  return bytes;
}

}  // namespace tandem::failover::wire
