// Acceptor: a listening socket of one worker. It accepts while the limits of process and frontend
// allow it, and otherwise leaves connections in the kernel's queue.
#pragma once

#include "common/event/poller.h"
#include "common/event/wheel.h"
#include "common/intrusive_list.h"
#include "common/sparingly.h"
#include "lb/proxy/client_connection.h"
#include "lb/proxy/context.h"
#include "lb/tls/server_context.h"
#include "lb/tls/stream.h"

#include <chrono>
#include <memory>
#include <string_view>

namespace tandem::lb::proxy {

/// Owner: the worker; outlives the connections it accepted. Thread: the worker's.
class Acceptor final : public event::Socket,
                       public event::Deadline,
                       private tls::HandshakeObserver {
 public:
  /// Which bind of which frontend it accepts for.
  struct Place {
    config::FrontendIndex frontend;
    std::uint32_t bind;
  };

  /// Takes over a listening, non-blocking descriptor. `tls`: nullptr where clients speak plainly.
  Acceptor(Context& context, IntrusiveList<ClientConnection, InWorkerList>& connections,
           Place place, std::shared_ptr<const tls::ServerContext> tls, int listening_fd);

  [[nodiscard]] const config::Frontend& frontend() const noexcept {
    return context_.snapshot.frontends[frontend_];
  }
  [[nodiscard]] const config::Bind& bind() const noexcept { return frontend().binds[bind_]; }
  [[nodiscard]] config::FrontendIndex frontend_index() const noexcept { return frontend_; }
  [[nodiscard]] std::uint32_t bind_index() const noexcept { return bind_; }

  /// As many connections wait in the kernel as its queue holds: others are refused or forgotten.
  [[nodiscard]] bool has_full_queue() const noexcept;

  /// Accepts no more; what was accepted goes on.
  void stop() noexcept;
  /// One of its connections has closed: its place is free.
  void connection_closed();
  /// Serves a connection that has been counted in: `peer` is the client, `local` the address it
  /// connected to; nullptr: that of the socket.
  void begin_session(int fd, const SocketAddress& peer, const SocketAddress* local = nullptr);
  /// Another object goes on with a connection that has begun.
  void go_on(ClientConnection& connection);
  /// A connection from `peer` is closed for want of a good PROXY header. `words`: for the log;
  /// empty where nothing came at all, as from who only looks whether somebody listens.
  void count_refused_header(figures::ProxyHeaderError error, const SocketAddress& peer,
                            std::string_view words);
  /// Connections accepted from now on go by it; others stay as they are.
  void set_tls(std::shared_ptr<const tls::ServerContext> tls) noexcept { tls_ = std::move(tls); }

 private:
  void on_ready() override;
  void on_deadline() override;
  void handshake_done(const tls::Stream& stream) override;
  void handshake_failed(std::string_view reason) override;
  void encrypted_connection_closed() override;
  void admit(int fd, const SocketAddress& peer);
  [[nodiscard]] bool take_place();
  void give_place_back() noexcept;
  void pause(Duration how_long);

  // Accepted in one turn before others get theirs.
  static constexpr int kBatch = 64;
  // Places freed by other workers are noticed after this long.
  static constexpr Milliseconds kFullPause{10};
  // Without descriptors or memory, trying again at once would only spin.
  static constexpr Milliseconds kFailurePause{100};
  // One line about bad PROXY headers in this time.
  static constexpr std::chrono::minutes kComplainEvery{1};

  Context& context_;
  IntrusiveList<ClientConnection, InWorkerList>& connections_;
  config::FrontendIndex frontend_;
  std::uint32_t bind_;
  std::shared_ptr<const tls::ServerContext> tls_;
  bool is_full_ = false;
  Sparingly about_headers_{kComplainEvery};
};

}  // namespace tandem::lb::proxy
