// CommandServer: control sockets on the loop of the control thread. Accepts, reads lines, runs
// commands, writes answers; the peer who does not read stops being served, nobody else.
#pragma once

#include "common/address.h"
#include "common/command/table.h"
#include "common/event/poller.h"
#include "common/event/socket_set.h"
#include "common/event/stream_listener.h"
#include "common/file_descriptor.h"
#include "common/result.h"
#include "common/time.h"

#include <sys/types.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::command {

/// One control socket.
struct Endpoint {
  SocketAddress address;
  mode_t mode = 0600;  // Unix sockets only
  Level level = Level::kOperator;
  uid_t owner = static_cast<uid_t>(-1);  // Unix sockets only; -1: whoever binds
  gid_t group = static_cast<gid_t>(-1);
};

/// What commands have changed is made so everywhere, then `done` is called in a later turn; an
/// answer waits for that. @return true where that is so already: `done` is not called.
using Settle = std::function<bool(std::function<void()> done)>;

/// Thread: the loop's. Destroy before its poller.
class CommandServer {
 public:
  /// Further peers wait in the kernel's queue.
  static constexpr std::size_t kConnectionsMax = 64;
  /// Above it no further command is run until the peer has read.
  static constexpr std::size_t kOutputBytesMax = 256 * 1024;
  /// An answer waits no longer for what its command has changed; a line in the log says so.
  static constexpr Milliseconds kSettleTime{1'000};

  /// `table` outlives the server. No `settle`: an answer waits for nothing.
  CommandServer(event::Poller& poller, const CommandTable& table, Settle settle = nullptr);
  ~CommandServer();
  CommandServer(const CommandServer&) = delete;
  CommandServer& operator=(const CommandServer&) = delete;

  /// Binds and accepts. A Unix socket that nobody listens on is replaced; one that is in use is an
  /// error. Errors: one line that begins with `key` (the place in the configuration).
  [[nodiscard]] Result<void> listen(const Endpoint& endpoint, std::string_view key);

  /// Where it listens, in the order of listen() (tests bind port 0).
  [[nodiscard]] std::vector<SocketAddress> addresses() const;
  [[nodiscard]] std::size_t connections() const noexcept;

  /// Stops accepting and removes the Unix sockets; connections go on until their end.
  void close_listeners();

 private:
  void serve(FileDescriptor client, Level level);

  event::Poller& poller_;
  event::SocketSet connections_{kConnectionsMax};
  std::vector<std::unique_ptr<event::StreamListener>> listeners_;
  const CommandTable& table_;
  Settle settle_;
};

}  // namespace tandem::command
