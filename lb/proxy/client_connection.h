// ClientConnection: what a worker and its acceptors know of a client's connection, whatever is
// spoken on it.
#pragma once

#include "common/address.h"
#include "common/event/poller.h"
#include "common/intrusive_list.h"
#include "lb/tls/stream.h"

#include <memory>
#include <utility>

namespace tandem::lb::proxy {

struct InWorkerList {};  // every client connection of a worker

/// Owns itself: made by an acceptor, handed to the poller when it is closed. Thread: the worker's.
class ClientConnection : public event::Socket, public ListLink<InWorkerList> {
 public:
  using Socket::Socket;

  /// Before start(): the client speaks TLS.
  void encrypt(std::unique_ptr<tls::Stream> stream) { set_layer(std::move(stream)); }
  /// Before start(): the address the client connected to, where it was another balancer's.
  void set_local_address(const SocketAddress& address);
  /// Serves the client from now on.
  virtual void start() = 0;
  /// The process is stopping: whatever can end soon without a loss does.
  virtual void stop_soon() = 0;
  /// The time for stopping softly is over.
  virtual void stop_now() = 0;

 protected:
  /// Goes on with the client of `former`, which keeps nothing of it.
  void take_over(ClientConnection& former);
  /// The address the client connected to. Asks the kernel once if nobody has told; an empty one if
  /// the kernel does not know.
  [[nodiscard]] const SocketAddress& local_address();
  /// nullptr: the client speaks plainly.
  [[nodiscard]] const tls::Stream* stream() const noexcept {
    return static_cast<const tls::Stream*>(layer());  // no other layer is put on a client
  }

 private:
  std::unique_ptr<SocketAddress> local_;  // known only where it was asked for
};

}  // namespace tandem::lb::proxy
