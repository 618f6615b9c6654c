// Leaving: the addresses of this node that are moving to the other node of a pair. Clients that
// came in on one of them are asked to end their connection with their next answer; those that come
// back then meet the other node. Immutable, shared by all workers. Thread: any.
#pragma once

#include "common/ip_address.h"

#include <memory>
#include <span>
#include <vector>

namespace tandem::lb::proxy {

class Leaving {
 public:
  /// Sorted, none twice, not empty.
  explicit Leaving(std::span<const IpAddress> addresses);

  /// Whether the connected socket `fd` came in on one of them. Asks the kernel.
  [[nodiscard]] bool holds_local_address_of(int fd) const noexcept;

 private:
  std::vector<IpAddress> addresses_;
};

/// nullptr: no address moves.
using LeavingAddresses = std::shared_ptr<const Leaving>;

}  // namespace tandem::lb::proxy
