// The sockets of a link: raw ones of protocol 112 on one interface, ready to use. Not what is done
// with them (link.h). Everything here makes system calls and is meant for start and reopening.
// Thread: any.
#pragma once

#include "common/file_descriptor.h"
#include "common/ip_address.h"
#include "common/result.h"
#include "failover/system/link_filter.h"

#include <sys/socket.h>

#include <span>
#include <string>

namespace tandem::failover::system {

/// Where a link is.
struct LinkPlace {
  std::string interface;
  unsigned index = 0;  // of the interface, as it is now
  IpAddress source;    // one of the interface's addresses; its family is the link's
  bool is_unicast = false;
};

/// The interface's index. Error: there is none of that name.
[[nodiscard]] Result<unsigned> find_interface(const std::string& name);

/// An address of the interface to send from: IPv6 multicast needs a link-local one (RFC 9568
/// section 5.1.2.1), IPv6 unicast takes another. `never`: addresses that come and go with the role.
/// Error: the interface has none.
[[nodiscard]] Result<IpAddress> choose_source(const std::string& interface, bool is_v6,
                                              bool is_unicast, std::span<const IpAddress> never);

/// Sends from place.source with hop limit 255, DSCP CS6, first in every queue; receives nothing.
/// Error: words that name the interface and the address.
[[nodiscard]] Result<FileDescriptor> open_sender(const LinkPlace& place);

/// Receives what `filter` passes and is addressed to the group, or in unicast to place.source.
/// @param buffer_bytes what may wait unread; about 1 KiB for each packet however short.
/// Error: words that name the interface and the address.
[[nodiscard]] Result<FileDescriptor> open_receiver(const LinkPlace& place, const Filter& filter,
                                                   int buffer_bytes);

/// A socket address, with its length.
struct RawAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
  [[nodiscard]] const sockaddr* data() const noexcept {
    return reinterpret_cast<const sockaddr*>(&storage);
  }
};

/// `index` becomes the scope of a link-local or multicast IPv6 address.
[[nodiscard]] RawAddress raw_address(const IpAddress& address, unsigned index) noexcept;

}  // namespace tandem::failover::system
