// Listeners: opens the sockets on which clients are expected, one for each worker, before rights
// are dropped.
#pragma once

#include "common/result.h"
#include "lb/config/snapshot.h"
#include "lb/worker.h"

#include <cstdint>
#include <vector>

namespace tandem::lb {

/// For each worker its sockets: one for every bind of every frontend. TCP sockets share the address
/// by SO_REUSEPORT and may bind an address that this node does not hold yet (IP_FREEBIND); Unix
/// sockets are one queue that all workers accept from.
/// Errors: one line that names the key. Two processes on one address are refused, although
/// SO_REUSEPORT would let the kernel share it silently.
[[nodiscard]] Result<std::vector<std::vector<ListeningSocket>>> open_listeners(
    const config::Snapshot& snapshot, std::uint32_t workers);

}  // namespace tandem::lb
