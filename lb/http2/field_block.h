// FieldBlock: a header section on its way to HPACK: names in lower case, values as they stand.
#pragma once

#include "http/h1_encoder.h"
#include "http/message.h"

#include <nghttp2/nghttp2.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace tandem::lb::http2 {

/// Refers to what it was made of: to be sent before that changes. Used again and again.
/// Owner: a session. Thread: any, one at a time.
class FieldBlock {
 public:
  void clear() noexcept {
    fields_.clear();
    large_.clear();
    used_ = 0;
  }
  /// `value` must stay; `name` too, if it is in lower case already.
  void add(std::string_view name, std::string_view value);
  void add_number(std::string_view name, std::uint64_t value);
  /// `path`, with the "/" that a target in absolute form may lack.
  [[nodiscard]] std::string_view path_of(std::string_view path);

  [[nodiscard]] std::span<const nghttp2_nv> fields() const noexcept { return fields_; }

 private:
  /// `bytes` that stay where they are until clear().
  [[nodiscard]] char* room(std::size_t bytes);

  std::vector<nghttp2_nv> fields_;
  std::vector<std::unique_ptr<char[]>> blocks_;
  std::vector<std::unique_ptr<char[]>> large_;
  std::size_t used_ = 0;  // of blocks_ together
};

/// The head of an answer for a client, without what ends at this hop (RFC 9113 section 8.2.2). A
/// 101 says 200: the tunnel that the client asked for is there (RFC 8441 section 5).
void put_response(FieldBlock& block, const char* base, const http::ResponseHead& head,
                  const http::ResponseEdits& edits);

/// The head of a request for a server, without what ends at this hop. `scheme`: "http" or "https".
/// `edits` as for HTTP/1. `as_tunnel`: an Upgrade becomes an extended CONNECT (RFC 8441).
void put_request(FieldBlock& block, const char* base, const http::RequestHead& head,
                 const http::RequestEdits& edits, std::string_view scheme, bool as_tunnel);

/// Trailers, given as lines that end with CRLF.
void put_trailers(FieldBlock& block, std::string_view lines);

}  // namespace tandem::lb::http2
