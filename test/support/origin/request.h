// RequestReader: takes HTTP/1 requests off a byte stream as a lenient server would. It is an
// oracle, not a judge: whatever came is recorded elsewhere byte by byte.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tandem::testing {

/// One request. The views point into the head that was read and live as long as it.
struct Request {
  std::string_view method;
  std::string_view target;
  std::string_view version;
  std::vector<std::pair<std::string_view, std::string_view>> headers;
  std::uint64_t content_length = 0;
  bool chunked = false;
  bool wants_close = false;
  bool expects_continue = false;
};

/// Length of the head that `buffer` begins with, its empty line included; 0: not complete yet.
[[nodiscard]] std::size_t head_length(std::string_view buffer);

/// Reads a head of head_length() bytes into `request`, whose storage is used again.
void read_head(std::string_view head, Request& request);

/// Takes the body of one request off a stream.
class BodyReader {
 public:
  /// `hash`, `keep`: whether the bytes are wanted beside their number.
  void begin(const Request& request, bool hash, bool keep);

  /// Takes what belongs to the body from the front of `bytes`; returns how much that was.
  [[nodiscard]] std::size_t take(std::string_view bytes);

  [[nodiscard]] bool is_done() const { return state_ == State::kDone; }
  [[nodiscard]] std::uint64_t length() const { return length_; }
  /// FNV-1a of the decoded body; 0 when it was not wanted.
  [[nodiscard]] std::uint64_t hash() const { return wants_hash_ ? hash_ : 0; }
  [[nodiscard]] const std::string& kept() const { return kept_; }

 private:
  enum class State : std::uint8_t { kData, kSizeLine, kDataEnd, kTrailer, kDone };

  std::size_t take_data(std::string_view bytes);
  std::size_t take_line(std::string_view bytes);
  void end_line();

  State state_ = State::kDone;
  bool chunked_ = false;
  bool wants_hash_ = false;
  bool wants_bytes_ = false;
  std::uint64_t left_ = 0;
  std::uint64_t length_ = 0;
  std::uint64_t hash_ = 0;
  std::string line_;
  std::string kept_;
};

}  // namespace tandem::testing
