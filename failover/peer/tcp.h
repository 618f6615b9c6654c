// The sockets under a peer link: made, bound and tuned; nothing is sent here. Any thread.
#pragma once

#include "common/address.h"
#include "common/file_descriptor.h"
#include "common/ip_address.h"
#include "common/result.h"
#include "common/time.h"

#include <cstdint>
#include <optional>

namespace tandem::failover::peer {

/// Listens on an address that the machine need not have yet. Errors: in words, with the address.
[[nodiscard]] Result<FileDescriptor> listen_on(const IpAddress& address, std::uint16_t port);

/// Begins to connect from one address to another, without waiting. Errors: in words.
[[nodiscard]] Result<FileDescriptor> dial(const IpAddress& from, const IpAddress& to,
                                          std::uint16_t port);

/// Small messages at once, a bounded queue in the kernel, and no patience with a peer that does not
/// acknowledge for twice `silence`. What the kernel refuses of it is done without.
void tune(int fd, Duration silence);

struct Accepted {
  FileDescriptor fd;
  IpAddress from;
};
/// nullopt: nobody waits, or there is no descriptor left.
[[nodiscard]] std::optional<Accepted> accept_one(int listener);

/// The address that a socket is bound to.
[[nodiscard]] SocketAddress local_address(int fd);

/// 0: connected; EINPROGRESS: not yet; else why not.
[[nodiscard]] int connect_result(int fd);

}  // namespace tandem::failover::peer
