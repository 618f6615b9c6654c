// Arrival: a connection from a balancer in front, until its PROXY header has told whose it really
// is. It takes exactly the header's bytes off the socket, so that whatever is spoken behind it, TLS
// or HTTP, begins untouched, and hands the connection back to its acceptor.
#pragma once

#include "common/address.h"
#include "common/event/wheel.h"
#include "lb/figures/cells.h"
#include "lb/proxy/client_connection.h"
#include "lb/proxy/context.h"
#include "lb/proxy_protocol/header.h"

#include <string_view>

namespace tandem::lb::proxy {

class Acceptor;

/// Whether a connection from `peer` has to begin with a header.
[[nodiscard]] bool expects_header(const config::AcceptProxy& accept,
                                  const SocketAddress& peer) noexcept;

/// Owns itself, as every ClientConnection. Thread: the worker's.
class Arrival final : public ClientConnection, public event::Deadline {
 public:
  /// Takes over a connected socket, which `acceptor` has counted in.
  Arrival(Context& context, Acceptor& acceptor, int fd, const SocketAddress& peer);

  /// Looks at once: the header is there already, mostly.
  void start() override;
  /// A header that is on its way may still come.
  void stop_soon() override { set_deadline(kStopWait); }
  void stop_now() override;

 private:
  void on_ready() override { look(); }
  void on_deadline() override;

  void look();
  void wait_for_more(bool is_empty);
  void take(const proxy_protocol::Header& header);
  void refuse(figures::ProxyHeaderError error, std::string_view words);
  void leave();

  void set_deadline(Duration wait) { context_.wheel.set(*this, context_.loop.now() + wait); }

  // As an idle client has when the process stops.
  static constexpr Milliseconds kStopWait{1'000};

  Context& context_;
  Acceptor& acceptor_;
  SocketAddress peer_;
};

}  // namespace tandem::lb::proxy
