// RequestText: the fields of an HTTP/2 request, as they come, written as the HTTP/1.1 head that
// says the same. The strict decoder of HTTP/1 then judges it: what it would refuse from a client of
// HTTP/1 reaches no server by way of HTTP/2 either (RFC 9113 section 10.3).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tandem::lb::http2 {

/// Owner: a stream. Thread: any, one at a time.
class RequestText {
 public:
  /// `bytes_max`: of the whole head; fields beyond it are dropped, and the decoder, whose limit is
  /// the same, refuses what is there.
  explicit RequestText(std::size_t bytes_max) noexcept : bytes_max_(bytes_max) {}

  /// The next field of the header section, pseudo-fields included, names in lower case.
  void add(std::string_view name, std::string_view value);
  /// The section is complete. `has_body`: the stream goes on. `key`: of a WebSocket's handshake
  /// (RFC 6455 section 4.1), for a request that asks for one (RFC 8441).
  /// @return the head, valid as long as this object; empty: trouble() tells.
  [[nodiscard]] std::string_view finish(bool has_body, std::string_view key);

  /// Why there is no head, in words for the log; nullptr: nothing is wrong.
  [[nodiscard]] const char* trouble() const noexcept { return trouble_; }
  /// An extended CONNECT (RFC 8441 section 4): both directions become plain bytes if the server
  /// agrees.
  [[nodiscard]] bool asks_for_tunnel() const noexcept { return !protocol_.empty(); }
  /// More came than `bytes_max`.
  [[nodiscard]] bool is_too_large() const noexcept { return is_too_large_; }

 private:
  void add_pseudo(std::string_view name, std::string_view value);
  void add_cookie(std::string_view value);
  void fail(const char* trouble) noexcept {
    if (trouble_ == nullptr) trouble_ = trouble;
  }
  [[nodiscard]] bool has_good_line();

  std::size_t bytes_max_;
  std::size_t bytes_ = 0;
  std::string method_;
  std::string scheme_;
  std::string authority_;
  std::string path_;
  std::string protocol_;
  std::string host_;
  std::string cookies_;  // crumbs joined (RFC 9113 section 8.2.3)
  std::string fields_;   // whole lines
  std::string text_;
  const char* trouble_ = nullptr;
  bool has_authority_ = false;
  bool has_host_ = false;
  bool has_length_ = false;
  bool is_too_large_ = false;
};

}  // namespace tandem::lb::http2
