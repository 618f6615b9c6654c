// Connection: one TCP or Unix connection to a server, from connect to close. It knows nothing of
// what is spoken on it: its user reads and writes, the pool keeps it when it is idle.
#pragma once

#include "common/address.h"
#include "common/event/poller.h"
#include "common/event/wheel.h"
#include "common/intrusive_list.h"
#include "common/time.h"
#include "lb/tls/stream.h"

#include <cstdint>

namespace tandem::lb::upstream {

class Connection;
class LocalServer;

/// Whoever runs a request on a connection.
class ConnectionUser {
 public:
  /// The connection became readable, writable or closed; while connecting: it has an answer.
  virtual void on_connection_ready() = 0;
  /// The server's standing asks for its running sessions to end (on-marked-down).
  virtual void on_server_shutdown() = 0;

 protected:
  ~ConnectionUser() = default;
};

struct InServerList {};  // every open connection of a server
struct InIdleList {};    // those that wait in its pool

/// Owner: the LocalServer it belongs to; lent to one user at a time. Thread: the worker's.
class Connection final : public event::Socket,
                         public event::Deadline,
                         public ListLink<InServerList>,
                         public ListLink<InIdleList> {
 public:
  Connection(event::Poller& poller, LocalServer& server) noexcept
      : Socket(poller), server_(server) {}

  /// Starts connecting. 0: under way or done; otherwise errno.
  [[nodiscard]] int connect(const SocketAddress& address) noexcept;
  /// After on_connection_ready() while connecting. 0: connected; otherwise errno.
  [[nodiscard]] int finish_connect() noexcept;
  /// Once it is connected: takes TLS on, where the server is configured to speak it. kDone, of 0
  /// bytes: what follows may be sent. To be called again when something has come.
  [[nodiscard]] event::Transfer secure();

  void set_user(ConnectionUser* user) noexcept { user_ = user; }
  [[nodiscard]] ConnectionUser* user() noexcept { return user_; }
  [[nodiscard]] LocalServer& server() noexcept { return server_; }
  /// Which of the server's addresses it leads to, see LocalServer::keep_idle().
  [[nodiscard]] std::uint32_t address_generation() const noexcept { return address_generation_; }
  void set_address_generation(std::uint32_t generation) noexcept {
    address_generation_ = generation;
  }

  /// A look at the socket right before a request that must not be lost is put on it: true if the
  /// server has neither closed it nor sent anything unasked. One system call.
  [[nodiscard]] bool is_quiet() noexcept;
  /// An idle one that is of no use any more: closed by the server, or the server speaks unasked.
  /// Looks at the socket only where something has come.
  [[nodiscard]] bool is_spent() noexcept { return peer_closed() || (readable() && !is_quiet()); }

  /// Remembers how much the server has acknowledged, before a request is written.
  void mark_request() noexcept { bytes_before_request_ = bytes_written_; }
  void count_written(std::uint64_t bytes) noexcept { bytes_written_ += bytes; }
  /// After the server's FIN: true only if its kernel has acknowledged no byte of the request, so
  /// that nothing of it can have been read (tcp(7), tcpi_bytes_acked). After a RST it says nothing.
  [[nodiscard]] bool request_surely_unread() const noexcept;

  [[nodiscard]] bool is_reused() const noexcept { return uses_ > 1; }
  void count_use() noexcept { ++uses_; }
  /// Since when it lies idle.
  [[nodiscard]] Instant idle_since() const noexcept { return idle_since_; }
  void set_idle_since(Instant when) noexcept { idle_since_ = when; }

  void on_ready() override;

 private:
  void on_deadline() override;  // idle for too long

  LocalServer& server_;
  ConnectionUser* user_ = nullptr;
  std::uint64_t bytes_written_ = 0;
  std::uint64_t bytes_before_request_ = 0;
  Instant idle_since_;
  std::uint32_t uses_ = 0;
  std::uint32_t address_generation_ = 0;
  bool is_tcp_ = true;
};

}  // namespace tandem::lb::upstream
