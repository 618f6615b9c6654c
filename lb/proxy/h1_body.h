// The HTTP/1.x side of body.h: bytes between an Input or Output and the body framing of one
// message.
#pragma once

#include "http/chunked.h"
#include "lb/proxy/body.h"
#include "lb/proxy/input.h"
#include "lb/proxy/output.h"

#include <optional>

namespace tandem::lb::proxy {

/// Fewer bytes than this are cheaper to copy than to splice (measured: docs/decisions/splice.md).
inline constexpr std::uint64_t kSpliceBytesMin = 16 * 1024;

/// The same for what is left of a body of a known length: one read that takes all of it, and one
/// write with its head, are cheaper than a pipe between them.
inline constexpr std::uint64_t kSpliceLengthBytesMin = 96 * 1024;

/// The same for a chunk: its size line is read first, and what follows it ends the pipe's work.
inline constexpr std::uint64_t kSpliceChunkBytesMin = 128 * 1024;

/// Reads the body of a message from a connection. Thread: the worker's.
class H1Source final : public BodySource {
 public:
  H1Source(event::Socket& socket, Input& input, BufferPool& pool, std::span<char> scratch,
           http::FieldSection::Role role, const http::Limits& limits,
           const http::BodyFraming& framing) noexcept
      : socket_(socket),
        input_(input),
        pool_(pool),
        scratch_(scratch),
        decoder_(role, limits, framing) {}

  [[nodiscard]] http::BodyStep next() override;
  [[nodiscard]] Fill fill() override;
  [[nodiscard]] bool ends_with_close() const override { return decoder_.ends_with_close(); }
  /// The whole body has been read.
  [[nodiscard]] bool finished() const noexcept { return decoder_.finished(); }
  [[nodiscard]] std::string_view trailers() const override { return decoder_.trailers(); }
  void park() override { input_.park(pool_); }
  void go_on_later() override { socket_.poller().again(socket_); }
  [[nodiscard]] std::uint64_t spliceable() const override;
  void spliced(std::uint64_t bytes) override {
    input_.note_taken_past();
    decoder_.skip_data(bytes);
  }
  [[nodiscard]] event::Socket& socket() override { return socket_; }

 private:
  event::Socket& socket_;
  Input& input_;
  BufferPool& pool_;
  std::span<char> scratch_;
  http::BodyDecoder decoder_;
  bool bulk_ = false;  // the last read filled the scratch: a stream without length worth splicing
};

/// Writes the body of a message to a connection. Thread: the worker's.
class H1Sink final : public BodySink {
 public:
  H1Sink(event::Socket& socket, Output& output, bool chunked) noexcept
      : socket_(socket), output_(output), chunked_(chunked) {}

  [[nodiscard]] bool is_drained() const override { return !output_.is_waiting(); }
  [[nodiscard]] bool flush() override { return output_.flush(socket_); }
  [[nodiscard]] bool send(std::span<const iovec> pieces, bool last,
                          std::string_view trailers) override;

  [[nodiscard]] bool can_splice() const override { return socket_.is_plain(); }
  [[nodiscard]] bool begin_splice(std::uint64_t bytes) override;
  void spliced(std::uint64_t bytes) override { output_.count_sent(bytes); }
  [[nodiscard]] event::Socket& socket() override { return socket_; }

 private:
  bool send_chunk(std::span<const iovec> pieces, bool last, std::string_view trailers);

  event::Socket& socket_;
  Output& output_;
  bool chunked_;
  bool chunk_open_ = false;  // a spliced chunk still lacks its CRLF
};

}  // namespace tandem::lb::proxy
