// tandem's own short answers: errors in HAProxy's words, redirects and plain returns. It decides
// nothing and allocates nothing. Thread: any.
#pragma once

#include "http/h1_encoder.h"

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

namespace tandem::http {

struct LocalResponse {
  int status = 503;
  /// Body of 503 and its kind from error_page() when both are empty and `status` is an error.
  std::string_view content_type = {};
  std::string_view body = {};
  std::string_view location = {};  // redirects; empty: none
  std::span<const AddedField> added = {};
  bool close = false;       // Connection: close
  bool keep_alive = false;  // Connection: keep-alive, for an HTTP/1.0 client
  bool head_only = false;   // the request was HEAD: Content-Length stays, the body does not follow
};

/// Phrase of a status as HAProxy writes it ("Bad request"); "Other" for unknown ones.
[[nodiscard]] std::string_view reason_phrase(int status) noexcept;
/// HTML body of an error as HAProxy words it; that of 500 for statuses without words of their own.
[[nodiscard]] std::string_view error_page(int status) noexcept;

/// Enough room for write_local_response().
[[nodiscard]] std::size_t local_response_bytes_bound(const LocalResponse& response) noexcept;
/// Writes the whole answer, head and body. @return bytes written; nullopt: `out` is smaller than
/// local_response_bytes_bound().
[[nodiscard]] std::optional<std::size_t> write_local_response(
    std::span<char> out, const LocalResponse& response) noexcept;

}  // namespace tandem::http
