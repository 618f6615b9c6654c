// LocalServer: a server as one worker has it: the standing that was published, the connections that
// are open, and the pool of those that are idle.
#pragma once

#include "common/event/poller.h"
#include "common/event/wheel.h"
#include "common/intrusive_list.h"
#include "common/sparingly.h"
#include "lb/config/snapshot.h"
#include "lb/figures/cells.h"
#include "lb/tls/stream.h"
#include "lb/upstream/connection.h"
#include "lb/upstream/multiplexed.h"
#include "lb/upstream/shared.h"
#include "lb/upstream/standing.h"

#include <chrono>
#include <cstdint>
#include <string_view>

namespace tandem::lb::upstream {

/// How careful a request must be with a connection that others have used before.
enum class ReuseNeed : std::uint8_t {
  kAny,      // would be sent again by itself if the server had just closed
  kCertain,  // must not be lost: only a fresh idle connection that was looked at
  kFresh,    // never a used one
};

/// Owner: the LocalBackend. Thread: the worker's.
class LocalServer final : public tls::HandshakeObserver {
 public:
  LocalServer(const config::Backend& backend, const config::Server& server, ServerShared& shared,
              figures::ServerCells& cells, event::Poller& poller, event::Wheel& wheel);
  ~LocalServer();
  LocalServer(const LocalServer&) = delete;
  LocalServer& operator=(const LocalServer&) = delete;

  [[nodiscard]] const config::Backend& backend() const noexcept { return backend_; }
  [[nodiscard]] const config::Server& config() const noexcept { return config_; }
  [[nodiscard]] ServerShared& shared() noexcept { return shared_; }
  [[nodiscard]] figures::ServerCells& cells() noexcept { return cells_; }
  [[nodiscard]] const ServerStanding& standing() const noexcept { return standing_; }

  /// Takes over what the control thread decided; drops idle connections and ends running sessions
  /// where that is part of it.
  void apply(const ServerStanding& standing);

  /// The idle connection used last, if there is one that will do; nullptr: make a new one.
  [[nodiscard]] Connection* take_idle(ReuseNeed need, Instant now);
  /// Makes a connection and starts connecting. nullptr: `error` holds errno.
  [[nodiscard]] Connection* open(int& error);
  /// A connection that others share and that has room, the oldest first; nullptr: none.
  [[nodiscard]] Multiplexed* multiplexed_with_room() noexcept;
  /// One more of these, made of a connection of open().
  void add(Multiplexed& connection) noexcept { multiplexed_.push_back(connection); }
  /// Gives back a connection on which the last answer is complete and nothing is left over.
  void keep_idle(Connection& connection, Instant now);
  /// Closes a connection, idle or in use; destroys it at the end of the turn.
  void discard(Connection& connection, bool with_reset = false);
  /// How much to read at once where the head of an answer is expected. Servers send alike again and
  /// again: where the last body was spliced, little, since what is read must be copied; where it
  /// was long and could not be spliced, much.
  [[nodiscard]] std::size_t head_read_bytes() const noexcept { return head_read_bytes_; }
  /// An answer is complete: bytes of its body, and whether they were spliced.
  void note_answer(std::uint64_t bytes, bool spliced) noexcept {
    const bool is_long = bytes > kHeadReadBytes;
    head_read_bytes_ = spliced ? kHeadReadBytesMin : is_long ? kHeadReadBytesMax : kHeadReadBytes;
  }
  static constexpr std::size_t kHeadReadBytesMin = 4 * 1024;
  static constexpr std::size_t kHeadReadBytes = 16 * 1024;
  static constexpr std::size_t kHeadReadBytesMax = 128 * 1024;  // as the workers' scratch

  /// What the end of an answer writes to is fetched while the kernel reads it: with thousands of
  /// servers none of it is in a cache. Changes nothing.
  void expect_answer() const noexcept {
    __builtin_prefetch(&shared_, 1);
    __builtin_prefetch(&cells_.bytes_in, 1);
    __builtin_prefetch(&cells_.used_connections, 1);
    __builtin_prefetch(&cells_.responses, 1);
    __builtin_prefetch(&cells_.first_byte_duration, 1);
    __builtin_prefetch(&cells_.total_duration, 1);
  }

  /// An idle connection has an event or has waited too long.
  void drop_idle(Connection& connection);

 private:
  /// One line about failed handshakes in this time.
  static constexpr std::chrono::minutes kComplainEvery{1};

  void handshake_done(const tls::Stream& stream) override;
  void handshake_failed(std::string_view reason) override;
  void encrypted_connection_closed() override {}
  void drop_all_idle();
  void shut_sessions();
  void learn_idle_limit(Duration idle_for) noexcept;

  const config::Backend& backend_;
  const config::Server& config_;
  ServerShared& shared_;
  figures::ServerCells& cells_;
  event::Poller& poller_;
  event::Wheel& wheel_;
  ServerStanding standing_;
  std::size_t head_read_bytes_ = kHeadReadBytes;
  std::uint32_t address_generation_ = 0;  // raised when the server moves
  IntrusiveList<Multiplexed, InMultiplexed> multiplexed_;
  IntrusiveList<Connection, InServerList> open_;
  IntrusiveList<Connection, InIdleList> idle_;  // front: used last
  std::uint32_t idle_count_ = 0;
  // How soon this server has been seen to close an idle connection; forgotten slowly.
  Duration idle_limit_ = Duration::max();
  Sparingly about_handshakes_{kComplainEvery};
};

}  // namespace tandem::lb::upstream
