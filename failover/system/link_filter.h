// What the kernel drops before a process wakes up: classic BPF programs for raw sockets of protocol
// 112. They look at form alone (hop limit, version, VRID, length, source); checksums, addresses and
// seals are failover/wire's. Nothing relies on them for being right: they decide which queue a
// packet waits in, and so what a flood of the other kind can do to it. Pure, any thread.
#pragma once

#include "common/ip_address.h"

#include <linux/filter.h>

#include <cstdint>
#include <vector>

namespace tandem::failover::system {

using Filter = std::vector<sock_filter>;

/// What an advert for one virtual router looks like from outside.
struct AdvertForm {
  bool is_v6 = false;
  std::uint8_t version = 3;  // 2 or 3
  std::uint8_t vrid = 1;
  IpAddress own;                 // a packet that claims to be from here is none
  std::vector<IpAddress> peers;  // unicast: the only sources; empty: multicast, hop limit 255 alone
};

/// Passes what has the form: complete, at least one address, our VRID, not from ourselves.
[[nodiscard]] Filter filter_well_formed(const AdvertForm& form);
/// Passes exactly the rest.
[[nodiscard]] Filter filter_suspect(const AdvertForm& form);
/// Passes nothing: for sockets that only send, and while one is being set up.
[[nodiscard]] Filter filter_everything();

}  // namespace tandem::failover::system
