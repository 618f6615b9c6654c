// Server: the origin's loop. One thread, one listener, epoll with edges; deadlines in a heap. It
// owns the connections and knows nothing of HTTP. Written apart from the product's own loop, which
// it is there to test.
#pragma once

#include "common/address.h"
#include "common/file_descriptor.h"
#include "test/support/origin/connection.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <queue>
#include <string>
#include <unordered_map>
#include <vector>

namespace tandem::testing {

class Server {
 public:
  struct Options {
    SocketAddress listen;
    std::optional<std::chrono::milliseconds> idle_close;  // closes connections idle for so long
    std::string record_folder;  // one file of received bytes for each connection; empty: none
  };

  /// Listens. Errors are words for a person.
  [[nodiscard]] static Result<std::unique_ptr<Server>> open(Options options, Script script);

  /// Where it listens, with the port that the kernel chose.
  [[nodiscard]] SocketAddress address() const;

  /// Serves until a signal ends the process.
  [[noreturn]] void run();

 private:
  using Clock = std::chrono::steady_clock;
  struct Timer {
    Clock::time_point at;
    std::uint64_t number;
    std::uint64_t turn;
    bool operator>(const Timer& other) const { return at > other.at; }
  };
  struct Slot {
    std::unique_ptr<Connection> connection;
    std::uint64_t turn = 0;  // the latest timer; earlier ones are stale
  };

  Server(Options options, Script script, FileDescriptor listener, FileDescriptor epoll);

  void accept_all();
  void adopt(FileDescriptor socket);
  void serve(std::uint64_t number, unsigned events);
  void settle(std::uint64_t number, Slot& slot, bool alive);
  void fire_timers();
  [[nodiscard]] int milliseconds_to_wait() const;

  Options options_;
  Script script_;
  Counters counters_;
  std::string read_buffer_;
  FileDescriptor listener_;
  FileDescriptor epoll_;
  std::unordered_map<std::uint64_t, Slot> connections_;
  std::priority_queue<Timer, std::vector<Timer>, std::greater<>> timers_;
};

}  // namespace tandem::testing
