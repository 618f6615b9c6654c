// Reading adverts: the checks of RFC 9568 section 7.1 with its errata, of RFC 3768 section 7.1 for
// version 2, and what keepalived makes of both. Everything a network can send is a Refusal or an
// Advert that means what it says; what follows from it is failover/machine's. Pure, any thread.
//
// Where the RFC and the field differ:
// - Version 3 over IPv4 is taken with both checksums, with and without a pseudo-header; over
// unicast
//   also with one as if to 224.0.0.18, which keepalived up to 1.3.6 sends.
// - The hop limit must be 255 on multicast only. Over unicast keepalived sends 64 (IPv6), and there
//   may be routers between the nodes; there the source must be one of the configured peers.
// - Another interval than our own is fine in version 3: it is learned. Version 2 refuses it.
// - Other addresses than the configured ones are refused: two sites with one VRID would otherwise
//   fight. Their order does not matter.
#pragma once

#include "common/ip_address.h"
#include "failover/wire/advert.h"
#include "failover/wire/bytes.h"
#include "failover/wire/envelope.h"
#include "failover/wire/refusal.h"
#include "failover/wire/seal.h"

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

namespace tandem::failover::wire {

/// What one virtual router takes, for one family of addresses. Owner: the daemon.
struct Expectation {
  std::uint8_t version = kVersion3;
  std::uint8_t vrid = 0;
  bool is_unicast = false;
  Centiseconds interval{100};        // version 2: no other one is taken
  std::vector<IpAddress> addresses;  // those of the virtual router, in any order
  std::string password;              // version 2; empty: authentication type 0
  IpAddress own;                     // the address that we send from
  std::vector<IpAddress> peers;      // unicast: nobody else is listened to
};

/// The virtual router that a payload claims to be about: whose Expectation to ask. nullopt: too
/// short to say.
[[nodiscard]] std::optional<std::uint8_t> peek_vrid(ByteView payload) noexcept;

/// Reads a payload in plain form. The addresses are in the order in which they were sent.
[[nodiscard]] std::expected<Advert, Refusal> decode(ByteView payload, const Envelope& envelope,
                                                    const Expectation& expectation);

/// Reads a payload that must carry a seal. Only one that is found fit in every respect moves the
/// checker's account of the sender.
[[nodiscard]] std::expected<Advert, Refusal> decode_sealed(ByteView payload,
                                                           const Envelope& envelope,
                                                           const Expectation& expectation,
                                                           SealChecker& seals, WallTime now);

}  // namespace tandem::failover::wire
