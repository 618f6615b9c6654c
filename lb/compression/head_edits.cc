#include "lb/compression/head_edits.h"

namespace tandem::lb::compression {

HeadEdits::HeadEdits(const Decision& decision, const Messages& messages) {
  using Kind = Decision::Kind;
  const http::ResponseHead& response = messages.response;
  const char* base = messages.response_base;
  if (decision.kind == Kind::kUntouched) return;
  if (decision.kind == Kind::kCompress) {
    add({"Content-Encoding", http::name_of(decision.coding)});
    // The server's ranges are of other bytes than these.
    if (response.find(base, "accept-ranges") != nullptr) remove("Accept-Ranges");
  }
  if (decision.kind != Kind::kVary) weaken_tag(messages);
  if (!http::lists(base, response.fields, "vary", "accept-encoding") &&
      !http::lists(base, response.fields, "vary", "*"))
    add({"Vary", "Accept-Encoding"});
}

void HeadEdits::weaken_tag(const Messages& messages) {
  // Two sequences of bytes must not share a strong tag (RFC 9110 section 8.8.1).
  const auto tag = messages.response.value_of(messages.response_base, "etag");
  if (!tag || !is_strong_tag(*tag)) return;
  weak_tag_ = "W/";
  weak_tag_ += *tag;
  remove("ETag");
  add({"ETag", weak_tag_});
}

}  // namespace tandem::lb::compression
