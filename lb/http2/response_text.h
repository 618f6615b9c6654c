// ResponseText: the fields of an HTTP/2 answer, as they come, written as the HTTP/1.1 head that
// says the same; the strict decoder of HTTP/1 then judges it, as RequestText's.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace tandem::lb::http2 {

/// One head, interim ones included. Owner: a stream. Thread: any, one at a time.
class ResponseText {
 public:
  /// `bytes_max`: as RequestText's.
  explicit ResponseText(std::size_t bytes_max) noexcept : bytes_max_(bytes_max) {}

  /// Another head begins.
  void begin();
  /// The next field, pseudo-fields included, names in lower case.
  void add(std::string_view name, std::string_view value);
  /// The head is complete. `is_last`: nothing follows it on this stream. `is_bodiless`: an answer
  /// that never has a body (to HEAD).
  /// @return valid until the next begin(); empty where the head is malformed.
  [[nodiscard]] std::string finish(bool is_last, bool is_bodiless);

 private:
  std::size_t bytes_max_;
  std::size_t bytes_ = 0;
  std::string status_;
  std::string fields_;  // whole lines
  bool has_length_ = false;
  bool is_bad_ = false;
};

}  // namespace tandem::lb::http2
