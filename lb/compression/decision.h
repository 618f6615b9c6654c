// Whether an answer goes to its client compressed: what the configuration, the request and the
// head of the answer say about it. Pure; keeps no reference. Thread: any.
#pragma once

#include "http/content_coding.h"
#include "http/message.h"
#include "lb/config/snapshot.h"

namespace tandem::lb::compression {

/// A request and the head of its answer, with what they are decoded from.
struct Messages {
  const http::RequestHead& request;
  const char* request_base;
  const http::ResponseHead& response;
  const char* response_base;
};

struct Decision {
  enum class Kind : std::uint8_t {
    kUntouched,
    /// Not compressed for this client, while it would be for another: caches have to know.
    kVary,
    /// A 304 for what this client holds compressed: its ETag is the weak one.
    kWeakTag,
    /// A HEAD is answered with the fields that a GET would be, and has no body to be compressed.
    kCompress,
  };
  Kind kind = Kind::kUntouched;
  http::ContentCoding coding = http::ContentCoding::kGzip;  // kCompress
};

[[nodiscard]] Decision decide(const config::Compression& settings,
                              const Messages& messages) noexcept;

/// `text` is one ETag that is not weak (RFC 9110 section 8.8.3).
[[nodiscard]] bool is_strong_tag(std::string_view text) noexcept;

}  // namespace tandem::lb::compression
