// ClientConnection: what a worker and its acceptors know of a client's connection, whatever is
// spoken on it.
#pragma once

#include "common/event/poller.h"
#include "common/intrusive_list.h"

namespace tandem::lb::proxy {

struct InWorkerList {};  // every client connection of a worker

/// Owns itself: made by an acceptor, handed to the poller when it is closed. Thread: the worker's.
class ClientConnection : public event::Socket, public ListLink<InWorkerList> {
 public:
  using Socket::Socket;

  /// Serves the client from now on.
  virtual void start() = 0;
  /// The process is stopping: whatever can end soon without a loss does.
  virtual void stop_soon() = 0;
  /// The time for stopping softly is over.
  virtual void stop_now() = 0;
};

}  // namespace tandem::lb::proxy
