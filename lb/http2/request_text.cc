#include "lb/http2/request_text.h"

#include "http/field_rules.h"
#include "http/message.h"
#include "lb/http2/head_text.h"

#include <utility>

namespace tandem::lb::http2 {
namespace {

namespace scan = http::scan;

bool is_token_text(std::string_view text) noexcept {
  return !text.empty() && is_all(text, scan::kTokenByte);
}

}  // namespace

void RequestText::add(std::string_view name, std::string_view value) {
  bytes_ += name.size() + value.size() + kFieldFrameBytes;
  if (bytes_ > bytes_max_) {
    is_too_large_ = true;
    return;
  }
  // The text is taken apart again by its line ends: none may come in with a value.
  if (!is_all(value, scan::kValueByte)) return fail("control byte in a field value");
  if (name.starts_with(':')) return add_pseudo(name, value);
  if (!is_token_text(name)) return fail("forbidden byte in a field name");
  switch (http::field_id(name)) {
    case http::FieldId::kConnection:
    case http::FieldId::kKeepAlive:
    case http::FieldId::kProxyConnection:
    case http::FieldId::kTransferEncoding:
    case http::FieldId::kUpgrade:
    case http::FieldId::kHttp2Settings:
      return fail("a field of a connection (RFC 9113 section 8.2.2)");
    case http::FieldId::kTe:
      if (value != "trailers") return fail("TE other than \"trailers\"");
      // As a client of HTTP/1.1 says it.
      fields_.append("te: trailers\r\n");
      return;
    case http::FieldId::kHost:
      if (std::exchange(has_host_, true)) return fail("repeated Host");
      host_ = value;
      return;
    case http::FieldId::kCookie:
      return add_cookie(value);
    case http::FieldId::kContentLength:
      has_length_ = true;
      break;
    default:
      break;
  }
  put_line(fields_, name, value);
}

void RequestText::add_pseudo(std::string_view name, std::string_view value) {
  if (name == ":method") {
    method_ = value;
  } else if (name == ":scheme") {
    scheme_ = value;
  } else if (name == ":authority") {
    has_authority_ = true;
    authority_ = value;
  } else if (name == ":path") {
    path_ = value;
  } else if (name == ":protocol") {
    protocol_ = value;
  } else {
    fail("unknown pseudo-field");
  }
}

void RequestText::add_cookie(std::string_view value) {
  if (!cookies_.empty()) cookies_.append("; ");
  cookies_.append(value);
}

bool RequestText::has_good_line() {
  if (trouble_ != nullptr) return false;
  if (!is_token_text(method_)) {
    fail("forbidden byte in the method");
  } else if (method_ == "CONNECT" && protocol_.empty()) {
    return true;  // the decoder has an answer for it
  } else if (scheme_ != "http" && scheme_ != "https") {
    fail("scheme other than http and https");
  } else if (!path_.starts_with('/') && (path_ != "*" || method_ != "OPTIONS")) {
    fail("invalid :path");
  } else if (!is_all(path_, scan::kTargetByte)) {
    fail("forbidden byte in :path");
  } else if (has_authority_ && has_host_ &&
             (!http::is_valid_authority(host_) || !http::is_valid_authority(authority_) ||
              !http::same_authority(host_, authority_, scheme_ == "https" ? 443 : 80))) {
    fail("Host disagrees with :authority");
  } else if (!protocol_.empty() && !is_token_text(protocol_)) {
    fail("invalid :protocol");
  }
  return trouble_ == nullptr;
}

std::string_view RequestText::finish(bool has_body, std::string_view key) {
  if (!has_good_line()) return {};
  const bool tunnels = asks_for_tunnel();
  const std::string& authority = has_authority_ ? authority_ : host_;
  text_.reserve(fields_.size() + path_.size() + authority.size() + cookies_.size() + 256);
  if (tunnels) {
    text_.append("GET");
  } else {
    text_.append(method_);
  }
  text_.append(" ").append(method_ == "CONNECT" && !tunnels ? authority : path_);
  text_.append(" HTTP/1.1\r\n");
  if (has_authority_ || has_host_) put_line(text_, "host", authority);
  text_.append(fields_);
  if (!cookies_.empty()) put_line(text_, "cookie", cookies_);
  if (tunnels) {
    put_line(text_, "connection", "upgrade");
    put_line(text_, "upgrade", protocol_);
    put_line(text_, "sec-websocket-key", key);
  } else if (has_body && !has_length_) {
    put_line(text_, "transfer-encoding", "chunked");
  }
  text_.append("\r\n");
  return text_;
}

}  // namespace tandem::lb::http2
