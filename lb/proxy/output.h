// Output: bytes on their way to a connection. They are written at once; what the socket does not
// take is copied and kept until it is writable, and while something is kept nothing new is asked
// for: that is the whole of back-pressure.
#pragma once

#include "common/event/poller.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace tandem::lb::proxy {

/// Owner: a connection. Thread: the worker's.
class Output {
 public:
  /// Keeps a view of a head until the first bytes of the body can go out with it in one call;
  /// send() or flush() must follow before the turn ends or the bytes behind the view change.
  /// Behind bytes that wait already it is copied.
  void hold(std::string_view head);

  /// Writes what is held and `pieces` (at most kPiecesMax), keeps a copy of the rest.
  /// Nothing may be waiting. False: the connection is broken.
  [[nodiscard]] bool send(event::Socket& socket, std::span<const iovec> pieces, bool more = false);
  /// As send() for a few bytes that are there whole, also while others wait.
  [[nodiscard]] bool send_behind(event::Socket& socket, std::string_view bytes);
  /// Writes what is held or waiting. False: the connection is broken.
  [[nodiscard]] bool flush(event::Socket& socket);

  [[nodiscard]] bool is_empty() const noexcept { return held_.empty() && !waiting_; }
  [[nodiscard]] bool is_waiting() const noexcept { return waiting_ != nullptr; }
  /// Bytes the sockets have taken since reset().
  [[nodiscard]] std::uint64_t bytes_sent() const noexcept { return bytes_sent_; }
  void count_sent(std::uint64_t bytes) noexcept { bytes_sent_ += bytes; }
  void reset() noexcept;

  static constexpr std::size_t kPiecesMax = 64;

 private:
  struct Waiting {
    std::vector<char> bytes;
    std::size_t sent = 0;
  };

  bool write(event::Socket& socket, std::span<const iovec> message, bool more);
  void keep(std::span<const iovec> pieces, std::size_t skip);

  std::string_view held_;
  std::unique_ptr<Waiting> waiting_;
  std::uint64_t bytes_sent_ = 0;
};

}  // namespace tandem::lb::proxy
