// Where the bytes of a body come from and where they go: the two small interfaces that the pump and
// the exchange are written against, so that every version of HTTP is a codec under the same pump.
#pragma once

#include "common/event/poller.h"
#include "http/chunked.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace tandem::lb::proxy {

/// The body of one message as it arrives. Thread: the worker's.
class BodySource {
 public:
  /// What reading more came to.
  enum class Fill : std::uint8_t { kDone, kBlocked, kEnd, kFailed };

  virtual ~BodySource() = default;

  /// The next piece of what has been read already; no I/O. kNeedMore: fill() first.
  [[nodiscard]] virtual http::BodyStep next() = 0;
  /// Reads more, if there may be more. kEnd: the peer has finished sending, ends_with_close() says
  /// whether that is right.
  [[nodiscard]] virtual Fill fill() = 0;
  [[nodiscard]] virtual bool ends_with_close() const = 0;
  [[nodiscard]] virtual std::string_view trailers() const = 0;
  /// Keeps what was read and not used beyond this turn.
  virtual void park() = 0;

  /// Whoever moves this body is called again in the next turn, though no event may come.
  virtual void go_on_later() = 0;

  /// Body bytes that come next on socket(), are there to be read, and may be moved there without
  /// being read; 0: none, or too few to be worth it.
  [[nodiscard]] virtual std::uint64_t spliceable() const = 0;
  virtual void spliced(std::uint64_t bytes) = 0;
  /// Only where something is spliceable().
  [[nodiscard]] virtual event::Socket& socket() = 0;
};

/// The body of one message as it leaves. Thread: the worker's.
class BodySink {
 public:
  /// Most pieces in one send().
  static constexpr std::size_t kPiecesMax = 16;
  static constexpr std::uint64_t kTurnBytesMax = 2 * 1024 * 1024;

  virtual ~BodySink() = default;

  /// Everything given so far has been taken by the socket; only then may more be given.
  [[nodiscard]] virtual bool is_drained() const = 0;
  /// Tries to get there. False: broken.
  [[nodiscard]] virtual bool flush() = 0;
  /// Sends pieces of the body, or, with `last`, its end. False: broken.
  [[nodiscard]] virtual bool send(std::span<const iovec> pieces, bool last,
                                  std::string_view trailers) = 0;
  /// Most bytes that one run of a pump should give it before other connections get their turn.
  [[nodiscard]] virtual std::uint64_t turn_bytes_max() const { return kTurnBytesMax; }
  /// What is spliced into socket() is what the peer reads.
  [[nodiscard]] virtual bool can_splice() const = 0;
  /// Announces `bytes` that will be spliced into socket(). False: broken.
  [[nodiscard]] virtual bool begin_splice(std::uint64_t bytes) = 0;
  virtual void spliced(std::uint64_t bytes) = 0;
  /// Only where can_splice().
  [[nodiscard]] virtual event::Socket& socket() = 0;
};

}  // namespace tandem::lb::proxy
