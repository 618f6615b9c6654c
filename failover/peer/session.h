// Session: what one connection to the peer has brought so far, who it is, how it stands, how old
// that may be, and when it has been silent for too long. Pure; the time is handed in.
#pragma once

#include "common/result.h"
#include "common/time.h"
#include "failover/peer/message.h"

#include <optional>
#include <string>

namespace tandem::failover::peer {

inline constexpr Milliseconds kHeartbeatMin{20};
inline constexpr Milliseconds kHeartbeatMax{1'000};
/// A peer is gone when it was silent for so many of its heartbeats, or ours if they are longer.
inline constexpr int kSilentHeartbeats = 5;
/// ... and at least this long: a lost segment is sent again after up to 200 ms.
inline constexpr Milliseconds kSilenceMin{200};

/// Owner: a connection.
class Session {
 public:
  struct Terms {
    std::string own_node;
    std::string peer_node;
    Milliseconds heartbeat;  // our own, kHeartbeatMin to kHeartbeatMax
  };

  Session(Terms terms, Instant begun);

  /// Errors: the connection must end, and why in words.
  [[nodiscard]] Result<void> hear(const Message& message, Instant now);
  /// The next heartbeat to send. The clock of `now` must be the one of hear().
  [[nodiscard]] Heartbeat beat(const Status& own, Instant now);

  /// The peer has said who it is.
  [[nodiscard]] bool is_up() const noexcept { return hello_.has_value(); }
  /// is_up() only.
  [[nodiscard]] const Hello& hello() const noexcept { return *hello_; }
  [[nodiscard]] bool has_status() const noexcept { return has_status_; }
  /// As of the last heartbeat.
  [[nodiscard]] const Status& status() const noexcept { return status_; }
  /// What was heard last was said after this time of our own clock, however long it lay in buffers:
  /// the peer had heard by then what we said at that time.
  [[nodiscard]] Instant as_of() const noexcept { return as_of_; }
  [[nodiscard]] Duration silence() const noexcept;
  /// When the peer counts as gone, unless it is heard before.
  [[nodiscard]] Instant silent_at() const noexcept { return heard_at_ + silence(); }
  /// From here to there and back, without what the peer kept it for. nullopt: not known yet.
  [[nodiscard]] std::optional<Duration> round_trip() const noexcept { return round_trip_; }

 private:
  [[nodiscard]] Result<void> take(const Hello& hello);
  [[nodiscard]] Result<void> take(const Status& status);
  [[nodiscard]] Result<void> take(const Heartbeat& heartbeat);
  template <class Other>
  [[nodiscard]] Result<void> take(const Other&) {
    return {};
  }
  void measure(const Heartbeat& heartbeat);
  void merge(const Heartbeat& heartbeat);

  Terms terms_;
  std::optional<Hello> hello_;
  Status status_;
  bool has_status_ = false;
  Instant heard_at_;
  Instant as_of_;
  Instant beat_at_{};       // when we last sent a heartbeat
  std::uint64_t echo_ = 0;  // `sent` of the peer's last
  Instant echo_heard_at_{};
  std::optional<Duration> round_trip_;
};

}  // namespace tandem::failover::peer
