#include "lb/http2/response_text.h"

#include "http/local_response.h"
#include "http/message.h"
#include "lb/http2/head_text.h"

#include <charconv>
#include <utility>

namespace tandem::lb::http2 {
namespace {

namespace scan = http::scan;

/// RFC 9110 sections 15.2, 15.3.5 and 15.4.5.
bool never_has_body(std::string_view status) noexcept {
  return status.starts_with('1') || status == "204" || status == "304";
}

/// HTTP/2 has no words beside the number. HTTP/1 may leave them out, but some of its clients (those
/// on llhttp, h2load among them) then see no status at all.
std::string_view phrase_of(std::string_view status) noexcept {
  int number = 0;
  std::from_chars(status.data(), status.data() + status.size(), number);
  return http::reason_phrase(number);
}

}  // namespace

void ResponseText::begin() {
  bytes_ = 0;
  status_.clear();
  fields_.clear();
  has_length_ = is_bad_ = false;
}

void ResponseText::add(std::string_view name, std::string_view value) {
  bytes_ += name.size() + value.size() + kFieldFrameBytes;
  is_bad_ = is_bad_ || bytes_ > bytes_max_ || !is_all(value, scan::kValueByte);
  if (is_bad_) return;
  if (name == ":status") {
    status_ = value;
    return;
  }
  is_bad_ = name.empty() || !is_all(name, scan::kTokenByte);
  switch (http::field_id(name)) {
    // Only a head of HTTP/1 has them (RFC 9113 section 8.2.2).
    case http::FieldId::kConnection:
    case http::FieldId::kKeepAlive:
    case http::FieldId::kProxyConnection:
    case http::FieldId::kTransferEncoding:
    case http::FieldId::kUpgrade:
      is_bad_ = true;
      return;
    case http::FieldId::kContentLength:
      has_length_ = true;
      break;
    default:
      break;
  }
  put_line(fields_, name, value);
}

std::string ResponseText::finish(bool is_last, bool is_bodiless) {
  // There is no switching of protocols in HTTP/2 (RFC 9113 section 8.6).
  if (is_bad_ || status_.size() != 3 || status_ == "101") return {};
  std::string text = "HTTP/1.1 " + status_ + ' ';
  text.append(phrase_of(status_)).append("\r\n").append(fields_);
  if (!has_length_ && !is_bodiless && !never_has_body(status_))
    text += is_last ? "content-length: 0\r\n" : "transfer-encoding: chunked\r\n";
  return text + "\r\n";
}

}  // namespace tandem::lb::http2
