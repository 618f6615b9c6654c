// Relay: one direction of a TCP session, from the socket that sends to the one that takes.
//
// Short messages go through the worker's scratch: one read, one write, nothing kept. A read that
// fills the piece it was given shows that more is coming, and from then on the pump splices, until
// so little comes that copying is cheaper again.
#pragma once

#include "common/event/poller.h"
#include "lb/proxy/context.h"
#include "lb/proxy/output.h"
#include "lb/proxy/pump.h"

#include <cstddef>
#include <cstdint>
#include <span>

namespace tandem::lb::proxy {

/// Owner: a TcpSession. Thread: the worker's.
class Relay {
 public:
  explicit Relay(Context& context) noexcept : context_(context), pump_(context.pipes) {}

  /// Before anything else. Both sockets outlive the relay's use.
  void begin(event::Socket& from, event::Socket& to) noexcept {
    from_ = &from;
    to_ = &to;
  }

  /// Moves what can be moved now. kDone: the sender has finished, and all it sent has been taken;
  /// never kSourceMalformed. After kYields the sender's on_ready() will be called again.
  Pump::State run() { return state_ = move(); }
  /// Whether run() may find something to do since it last returned.
  [[nodiscard]] bool can_move() const noexcept {
    if (state_ == Pump::State::kWaitsForSink) return to_->writable();
    return state_ != Pump::State::kDone && from_->readable();
  }
  /// What run() said last; kWaitsForSource before the first time.
  [[nodiscard]] Pump::State state() const noexcept { return state_; }
  [[nodiscard]] bool is_done() const noexcept { return state_ == Pump::State::kDone; }

  /// Bytes the sender's socket has given.
  [[nodiscard]] std::uint64_t bytes_read() const noexcept { return bytes_read_ + pump_.bytes(); }
  /// Bytes the other side's socket has taken.
  [[nodiscard]] std::uint64_t bytes_written() const noexcept { return output_.bytes_sent(); }
  /// Of these, those that were spliced.
  [[nodiscard]] std::uint64_t bytes_spliced() const noexcept {
    return bytes_spliced_ + pump_.bytes_spliced();
  }

 private:
  class Source;
  class Sink;

  // Short messages that are passed on in a row before others get their turn.
  static constexpr int kRoundsPerTurn = 64;

  [[nodiscard]] Pump::State move();
  [[nodiscard]] Pump::State pass_on_short();
  [[nodiscard]] Pump::State pass_on_long();
  /// Writes what was read, and keeps what is not taken. Nothing may be waiting. False: broken.
  [[nodiscard]] bool pass_on(std::span<char> bytes);
  /// Helps what waits on its way. False: broken, or it still waits.
  [[nodiscard]] bool drain(Pump::State& state);

  Context& context_;
  event::Socket* from_ = nullptr;
  event::Socket* to_ = nullptr;
  Output output_;
  Pump pump_;
  std::uint64_t bytes_read_ = 0;     // those of the pump's present stretch apart
  std::uint64_t bytes_spliced_ = 0;  // likewise
  Pump::State state_ = Pump::State::kWaitsForSource;
  bool is_long_ = false;    // the pump has it
  bool has_ended_ = false;  // the sender has finished
};

}  // namespace tandem::lb::proxy
