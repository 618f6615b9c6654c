// StreamListener: one bound stream socket, on a Unix path or an address, that takes clients as long
// as there is room for their connections. What a connection is, its owner knows.
#pragma once

#include "common/address.h"
#include "common/event/poller.h"
#include "common/event/socket_set.h"
#include "common/file_descriptor.h"
#include "common/result.h"
#include "common/unix_socket_file.h"

#include <functional>

namespace tandem::event {

/// Thread: the poller's. Room that comes again is to be told: poller.again(listener).
class StreamListener final : public Socket {
 public:
  /// `connections` outlives it; `on_client` adds to them.
  StreamListener(Poller& poller, const SocketSet& connections,
                 std::function<void(FileDescriptor)> on_client);

  /// Listens. A Unix socket that nobody listens on is replaced. Errors: what the system said, with
  /// the address.
  [[nodiscard]] Result<void> bind(const SocketAddress& address,
                                  const UnixSocketFile::Options& options);
  /// Where it listens (tests bind port 0). Only after bind() succeeded.
  [[nodiscard]] SocketAddress address() const;

 private:
  void on_ready() override;

  const SocketSet& connections_;
  std::function<void(FileDescriptor)> on_client_;
  UnixSocketFile file_;
};

}  // namespace tandem::event
