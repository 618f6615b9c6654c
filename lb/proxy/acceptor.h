// Acceptor: a listening socket of one worker. It accepts while the limits of process and frontend
// allow it, and otherwise leaves connections in the kernel's queue.
#pragma once

#include "common/event/poller.h"
#include "common/event/wheel.h"
#include "common/intrusive_list.h"
#include "lb/proxy/client_connection.h"
#include "lb/proxy/context.h"

namespace tandem::lb::proxy {

/// Owner: the worker; outlives the connections it accepted. Thread: the worker's.
class Acceptor final : public event::Socket, public event::Deadline {
 public:
  /// Takes over a listening, non-blocking descriptor.
  Acceptor(Context& context, IntrusiveList<ClientConnection, InWorkerList>& connections,
           config::FrontendIndex frontend, int listening_fd);

  [[nodiscard]] const config::Frontend& frontend() const noexcept {
    return context_.snapshot.frontends[frontend_];
  }
  [[nodiscard]] config::FrontendIndex frontend_index() const noexcept { return frontend_; }

  /// As many connections wait in the kernel as its queue holds: others are refused or forgotten.
  [[nodiscard]] bool has_full_queue() const noexcept;

  /// Accepts no more; what was accepted goes on.
  void stop() noexcept;
  /// One of its connections has closed: its place is free.
  void connection_closed();

 private:
  void on_ready() override;
  void on_deadline() override;
  /// Takes over a connection that has been counted in.
  void begin_session(int fd, const SocketAddress& peer);
  [[nodiscard]] bool take_place();
  void give_place_back() noexcept;
  void pause(Duration how_long);

  // Accepted in one turn before others get theirs.
  static constexpr int kBatch = 64;
  // Places freed by other workers are noticed after this long.
  static constexpr Milliseconds kFullPause{10};
  // Without descriptors or memory, trying again at once would only spin.
  static constexpr Milliseconds kFailurePause{100};

  Context& context_;
  IntrusiveList<ClientConnection, InWorkerList>& connections_;
  config::FrontendIndex frontend_;
  bool is_full_ = false;
};

}  // namespace tandem::lb::proxy
