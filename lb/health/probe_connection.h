// ProbeConnection: what every check over a socket shares: connecting without waiting, one time
// limit over all, the result told once. Kinds of checks derive from it. Internal to lb/health.
#pragma once

#include "common/event/poller.h"
#include "common/event/timer.h"
#include "lb/health/prober.h"
#include "lb/tls/stream.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace tandem::lb::health {

/// Thread: the poller's. Destroyed through Poller::retire() (SocketProbe does it).
class ProbeConnection : public event::Socket {
 public:
  ProbeConnection(event::Poller& poller, const ProbeTarget& target, ProbeDone done);

  /// Opens the socket and starts to connect. Once.
  void begin();
  /// Closes, tells nobody.
  void abandon() noexcept;

 protected:
  /// The connection stands, TLS included; called once.
  virtual void on_connected() = 0;
  /// Readable, writable or closed by the peer, any time after on_connected().
  virtual void on_progress() = 0;
  /// What running out of time means once the connection stands.
  [[nodiscard]] virtual Status late_status() const noexcept = 0;
  /// What was waited for then.
  [[nodiscard]] virtual std::string late_description() const { return {}; }

  /// Closes and tells the result, from a callback of the loop. Nothing may follow it but a return:
  /// the owner may have given this object up.
  void finish(Status status, int code, std::string_view description);
  /// The same; duration and a clean description are seen to.
  void finish(Result result);
  /// finish() with the words of an errno.
  void finish_with_error(Status status, int error);

  [[nodiscard]] const ProbeTarget& target() const noexcept { return target_; }
  [[nodiscard]] bool is_finished() const noexcept { return !done_; }

 private:
  void on_ready() final;
  void on_timer();
  void on_connect_ready();
  void shake_hands();
  [[nodiscard]] bool introduce();
  [[nodiscard]] int connect_now();

  ProbeTarget target_;
  ProbeDone done_;
  Instant started_;
  event::Timer timer_;
  int early_error_ = 0;  // connecting failed at once: told in a later turn
  enum class Phase : std::uint8_t { kConnecting, kHandshake, kTalking };
  Phase phase_ = Phase::kConnecting;
};

/// SOCKERR for what our own side lacks (descriptors, memory, local ports), else L4CON.
[[nodiscard]] Status connect_failure(int error) noexcept;

/// A ProbeConnection as a Probe.
class SocketProbe final : public Probe {
 public:
  SocketProbe(event::Poller& poller, std::unique_ptr<ProbeConnection> connection)
      : poller_(poller), connection_(std::move(connection)) {
    connection_->begin();
  }
  ~SocketProbe() override {
    connection_->abandon();
    poller_.retire(std::move(connection_));
  }
  SocketProbe(const SocketProbe&) = delete;
  SocketProbe& operator=(const SocketProbe&) = delete;

 private:
  event::Poller& poller_;
  std::unique_ptr<ProbeConnection> connection_;
};

}  // namespace tandem::lb::health
