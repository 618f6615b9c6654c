// Stream: one request and its answer on an HTTP/2 connection (RFC 9113 section 5): what the peer
// has sent of it and nobody has taken yet, and what of ours the windows have not let pass.
#pragma once

#include "common/intrusive_list.h"
#include "lb/http2/request_text.h"
#include "lb/http2/response_text.h"

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::lb::http2 {

struct InSession {};

/// Who serves a stream.
class StreamUser {
 public:
  /// Something of the stream has changed.
  virtual void on_stream() = 0;

 protected:
  ~StreamUser() = default;
};

/// Owner: its session, until Session::release(). Thread: the session's.
class Stream : public ListLink<InSession> {
 public:
  Stream(std::int32_t id, std::size_t head_bytes_max)
      : request(head_bytes_max), id_(id), response_(head_bytes_max) {}

  /// Negative: of a request that has not been sent.
  [[nodiscard]] std::int32_t id() const noexcept { return id_; }

  // ---- what the peer has sent
  [[nodiscard]] bool has_head() const noexcept { return has_head_; }
  /// The next head of a server, as text of HTTP/1.1, interim ones before the last; nullptr: none is
  /// there. Empty text: a malformed one.
  [[nodiscard]] const std::string* next_response() noexcept {
    return responses_taken_ < responses_.size() ? &responses_[responses_taken_++] : nullptr;
  }
  /// END_STREAM came.
  [[nodiscard]] bool has_ended() const noexcept { return has_ended_; }
  /// It was reset, or its connection is gone, before both sides had ended.
  [[nodiscard]] bool is_broken() const noexcept { return is_broken_; }
  /// The session does not know it any more.
  [[nodiscard]] bool is_closed() const noexcept { return is_closed_; }
  /// Of a reset by the peer (RFC 9113 section 7), or NO_ERROR.
  [[nodiscard]] std::uint32_t error_code() const noexcept { return error_code_; }
  /// Body bytes that came and were not taken.
  [[nodiscard]] std::string_view unread() const noexcept {
    return {incoming_.data() + taken_, incoming_.size() - taken_};
  }
  /// All of the body came and was taken.
  [[nodiscard]] bool is_exhausted() const noexcept { return has_ended_ && unread().empty(); }
  /// Lines that end with CRLF; complete when has_ended().
  [[nodiscard]] const std::string& trailers() const noexcept { return trailers_in_; }
  /// Bytes that were taken can be had once more: nothing has been let go of.
  [[nodiscard]] bool can_rewind() const noexcept { return !has_forgotten_; }
  void rewind() noexcept { taken_ = taken_bytes_ = 0; }

  // ---- what we send
  /// Everything given so far is on its way out.
  [[nodiscard]] bool is_drained() const noexcept {
    return waiting_.size() == waiting_sent_ && finishes_ == has_sent_end_;
  }
  /// The end was given too.
  [[nodiscard]] bool has_finished() const noexcept { return finishes_; }
  /// Bytes of frames that are on their way out.
  [[nodiscard]] std::uint64_t bytes_sent() const noexcept { return bytes_sent_; }

  RequestText request;  // of a client's stream
  StreamUser* user = nullptr;

 private:
  friend class Session;

  /// So much of a body is kept to be sent once more, should its first attempt fail.
  static constexpr std::size_t kRewindBytesMax = 16 * 1024;

  void take(std::size_t bytes) noexcept;
  [[nodiscard]] std::size_t outgoing_bytes() const noexcept;
  /// Takes `bytes` <= outgoing_bytes() of what waits to `out`.
  void put_outgoing(std::size_t bytes, std::vector<char>& out);
  /// What has not gone out by the end of the call that gave it.
  void keep_outgoing();

  /// More interim answers than this are no answer.
  static constexpr std::size_t kResponsesMax = 80;

  std::int32_t id_;
  ResponseText response_;
  std::deque<std::string> responses_;
  std::size_t responses_taken_ = 0;
  bool is_head_request_ = false;
  std::vector<char> incoming_;
  std::size_t taken_ = 0;           // of incoming_
  std::size_t taken_bytes_ = 0;     // of the body, since its beginning or rewind()
  std::size_t credited_bytes_ = 0;  // of the body, that the peer was told of as taken
  std::string trailers_in_;
  std::span<const iovec> given_;  // during Session::send()
  std::size_t given_sent_ = 0;    // of the first of them
  std::vector<char> waiting_;
  std::size_t waiting_sent_ = 0;
  std::string trailers_out_;
  std::uint64_t bytes_sent_ = 0;
  std::uint32_t error_code_ = 0;
  bool has_head_ = false;
  bool in_trailers_ = false;
  bool has_ended_ = false;
  bool is_broken_ = false;
  bool is_closed_ = false;
  bool has_forgotten_ = false;
  bool finishes_ = false;  // our side ends behind what waits
  bool has_sent_end_ = false;
  bool is_news_ = false;
};

}  // namespace tandem::lb::http2
