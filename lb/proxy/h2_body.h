// The HTTP/2 side of body.h: bytes between a stream and whoever moves them. Windows hold both
// directions back, each stream on its own.
#pragma once

#include "lb/http2/session.h"
#include "lb/http2/stream.h"
#include "lb/proxy/body.h"

namespace tandem::lb::proxy {

/// The connection that a stream is on, as its bodies need it. Thread: the worker's.
class H2Carrier {
 public:
  [[nodiscard]] virtual http2::Session& session() = 0;
  [[nodiscard]] virtual event::Socket& socket() = 0;
  /// The session has something to send: written at the end of this turn, with all that comes until
  /// then.
  virtual void send_soon() = 0;
  /// `stream`'s user is called in the next turn.
  virtual void call_later(http2::Stream& stream) = 0;

 protected:
  ~H2Carrier() = default;
};

/// Reads the body of a message from a stream. Thread: the worker's.
class H2Source final : public BodySource {
 public:
  H2Source(H2Carrier& carrier, http2::Stream& stream) noexcept
      : carrier_(carrier), stream_(stream) {}

  [[nodiscard]] http::BodyStep next() override;
  [[nodiscard]] Fill fill() override;
  // The end of a stream is told by a frame; that of its connection breaks it off.
  [[nodiscard]] bool ends_with_close() const override { return false; }
  [[nodiscard]] std::string_view trailers() const override { return stream_.trailers(); }
  void park() override { let_go(); }
  void go_on_later() override { carrier_.call_later(stream_); }
  [[nodiscard]] std::uint64_t spliceable() const override { return 0; }
  void spliced(std::uint64_t) override {}
  [[nodiscard]] event::Socket& socket() override { return carrier_.socket(); }

 private:
  void let_go();

  H2Carrier& carrier_;
  http2::Stream& stream_;
  std::size_t handed_out_ = 0;  // of what is unread: used by the time of the next fill() or park()
};

/// Writes the body of a message to a stream. Thread: the worker's.
class H2Sink final : public BodySink {
 public:
  H2Sink(H2Carrier& carrier, http2::Stream& stream) noexcept : carrier_(carrier), stream_(stream) {}

  [[nodiscard]] bool is_drained() const override { return stream_.is_drained(); }
  [[nodiscard]] bool flush() override;
  [[nodiscard]] bool send(std::span<const iovec> pieces, bool last,
                          std::string_view trailers) override;
  [[nodiscard]] bool can_splice() const override { return false; }
  [[nodiscard]] bool begin_splice(std::uint64_t) override { return false; }
  void spliced(std::uint64_t) override {}
  [[nodiscard]] event::Socket& socket() override { return carrier_.socket(); }

 private:
  H2Carrier& carrier_;
  http2::Stream& stream_;
};

}  // namespace tandem::lb::proxy
