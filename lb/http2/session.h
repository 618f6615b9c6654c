// Session: HTTP/2 of one connection (RFC 9113), on nghttp2: frames, HPACK, windows, the state of
// each stream, and what a peer may cost. It reads no socket: bytes are given to it, and those it
// makes are taken from it. What came is noted at the streams; who uses the session then goes
// through those with news, so that nothing is called back from the middle of a read.
#pragma once

#include "common/intrusive_list.h"
#include "common/time.h"
#include "lb/http2/field_block.h"
#include "lb/http2/stream.h"
#include "lb/http2/workspace.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace tandem::lb::http2 {

/// The first bytes of a client that speaks HTTP/2 (RFC 9113 section 3.4).
inline constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What a peer may do for nothing before it is told to calm down: so much at once, and so much more
/// in each second. Pure.
class Allowance {
 public:
  constexpr Allowance(double at_once, double each_second) noexcept
      : most_(at_once), left_(at_once), each_second_(each_second) {}

  /// False: it is used up.
  [[nodiscard]] bool spend(double cost, Instant now) noexcept;
  void give_back(double cost) noexcept { left_ = std::min(most_, left_ + cost); }

 private:
  double most_;
  double left_;
  double each_second_;
  Instant refilled_at_{};
};

/// Owner: a connection. Thread: its, and that of its workspace.
class Session {
 public:
  struct Limits {
    std::uint32_t streams_max = 100;            // at once, opened by the peer
    std::uint32_t window_bytes = 65'535;        // that a stream may send unread
    std::uint32_t connection_window = 1 << 20;  // that is on its way
    std::size_t head_bytes_max = 15'360;        // as http::Limits
  };

  enum class Role : std::uint8_t { kServer, kClient };

  Session(Role role, const Limits& limits, Workspace& workspace);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// Bytes from the peer. False: the connection is over; what it should be told is in output().
  [[nodiscard]] bool receive(std::span<const char> bytes, Instant now);
  /// A stream with news, each once; nullptr: none is left.
  [[nodiscard]] Stream* next_news() noexcept;
  void note_news(Stream& stream);
  /// Calls `visit` for each stream.
  template <class Visit>
  void for_each_stream(Visit visit) {
    streams_.for_each(visit);
  }
  [[nodiscard]] bool has_streams() const noexcept { return stream_count_ > 0; }
  /// The connection is gone: so is what runs on it.
  void break_off();
  /// A header section has begun and is not complete.
  [[nodiscard]] bool is_in_head() const noexcept { return in_head_; }
  /// Nothing more will come of this connection or be told to it.
  [[nodiscard]] bool is_over() const noexcept;
  /// Why the connection was ended for the peer's doing, in words for the log; empty: it was not.
  [[nodiscard]] std::string_view trouble() const noexcept { return trouble_; }
  [[nodiscard]] bool was_flooded() const noexcept { return was_flooded_; }
  /// RST_STREAM frames of the peer since the last call.
  [[nodiscard]] std::uint32_t take_resets() noexcept { return std::exchange(resets_, 0); }

  // ---- a client's request
  /// A stream that is not on the wire yet.
  [[nodiscard]] Stream& open();
  /// Sends the head of its request; `last`: nothing follows. `is_head`: the answer has no body
  /// whatever it says. Nothing happens on a connection that takes no more: the stream is broken.
  void send_request(Stream& stream, const FieldBlock& fields, bool last, bool is_head);
  /// One more stream may be opened now.
  [[nodiscard]] bool has_room() const noexcept;
  /// The peer lets WebSockets through (RFC 8441 section 3).
  [[nodiscard]] bool takes_tunnels() const noexcept;

  /// `bytes` of stream.unread() have been used: the peer may send as many more.
  void consume(Stream& stream, std::size_t bytes);

  // ---- a server's answer
  /// `fields` of a head; `last`: nothing follows it.
  void send_head(Stream& stream, const FieldBlock& fields, bool last);
  void send_interim(Stream& stream, const FieldBlock& fields);
  /// Pieces of the body, and with `last` its end. Only while stream.is_drained().
  void send(Stream& stream, std::span<const iovec> pieces, bool last, std::string_view trailers);
  /// Ends a stream at once; `error`: of RFC 9113 section 7.
  void reset(Stream& stream, std::uint32_t error);
  /// Forgets a stream; what it has given to the session still goes out. One that is not closed is
  /// reset.
  void release(Stream& stream);

  /// Tells the peer to open no more streams here, and which were taken (RFC 9113 section 6.8).
  /// First `soon`, so that what is on its way is taken as well.
  void go_away(bool soon);
  /// The peer did what it must not, and is told so.
  void end(std::uint32_t error);

  /// Bytes for the peer: the frames of all streams, as their turns come, while fewer than
  /// kOutputBytesMax wait.
  [[nodiscard]] std::string_view output();
  void output_sent(std::size_t bytes) noexcept;
  [[nodiscard]] bool has_output() const noexcept { return sent_ < out_.size(); }

  /// Nothing has happened for a while: lets go of memory that only streams need.
  void rest() noexcept;

  FieldBlock& block;  // for whoever makes a head, until it is sent

  /// More than this is not made before some of it has been taken.
  static constexpr std::size_t kOutputBytesMax = 128 * 1024;

 private:
  struct Callbacks;
  struct Gap {
    std::int32_t first;
    std::int32_t last;
  };

  void produce();
  void make_frames();
  void let_go_of_output() noexcept;
  void fail(std::string_view trouble) noexcept;
  [[nodiscard]] Stream* find(std::int32_t id) const noexcept;
  [[nodiscard]] bool may_begin(const nghttp2_frame_hd& head);
  [[nodiscard]] bool note_stream(std::int32_t id);
  [[nodiscard]] bool count_frame(const nghttp2_frame& frame);
  void take_frame(const nghttp2_frame& frame);
  void take_head(Stream& stream, bool is_last);
  void close(Stream& stream, std::uint32_t error);

  Workspace& workspace_;
  Limits limits_;
  Role role_;
  nghttp2_session* session_ = nullptr;
  void* stream_table_ = nullptr;  // of session_, if it is one of the workspace's pages
  IntrusiveList<Stream, InSession> streams_;
  std::vector<Stream*> news_;
  std::size_t news_at_ = 0;
  std::uint32_t stream_count_ = 0;
  std::vector<char> out_;
  std::size_t sent_ = 0;
  Instant now_{};
  // A browser that leaves a page resets a hundred streams at once.
  Allowance resets_allowed_{150, 20};
  Allowance frames_allowed_{1'000, 200};
  // Updates of windows answer frames of ours.
  std::uint64_t updates_due_ = 0;
  std::int32_t head_of_ = 0;    // the stream of the latest header section
  std::size_t head_bytes_ = 0;  // that came of the header section that is coming
  std::int32_t newest_stream_ = -1;
  std::vector<Gap> gaps_;                         // streams that were left out
  std::uint32_t error_ = NGHTTP2_PROTOCOL_ERROR;  // of a frame that may not begin
  std::string_view trouble_;                      // literals, ours or nghttp2's
  std::string_view last_offence_;                 // of a frame
  std::uint32_t resets_ = 0;
  bool was_flooded_ = false;
  bool in_head_ = false;
  bool is_ended_ = false;
};

}  // namespace tandem::lb::http2
