#include "lb/proxy/h2_upstream.h"

#include "common/check.h"
#include "lb/http2/field_block.h"
#include "lb/tls/digest.h"

#include <utility>

namespace tandem::lb::proxy {

void H2Upstream::attach(H2ServerConnection& connection, upstream::ConnectionUser& user) {
  TANDEM_DCHECK(stream_ == nullptr);
  connection_ = &connection;
  user_ = &user;
  stream_ = &connection.open_stream(*this);
  source_.emplace(connection, *stream_);
  sink_.emplace(connection, *stream_);
  response_.clear();
  protocol_.clear();
  is_malformed_ = answered_ = false;
}

ServerSide::Connect H2Upstream::connect(ClientSide& client) { return connection_->connect(client); }

void H2Upstream::send_head(const char* base, const http::RequestHead& head,
                           const http::RequestEdits& edits) {
  http2::Session& session = connection_->session();
  const bool as_tunnel = edits.keep_upgrade && head.upgrade && session.takes_tunnels();
  if (as_tunnel) {
    protocol_ = head.find(http::FieldId::kUpgrade)->value.in(base);
    websocket_key_ = head.value_of(base, "sec-websocket-key").value_or("");
  }
  session.block.clear();
  http2::put_request(session.block, base, head, edits,
                     connection_->is_encrypted() ? "https" : "http", as_tunnel);
  session.send_request(*stream_, session.block, !as_tunnel && head.framing.is_empty(),
                       head.method == http::Method::kHead);
  connection_->send_soon();
  answer_to_ = {.request_method = head.method, .upgrade_sent = as_tunnel};
  decoder_.reset(answer_to_);
}

/// The 200 that opens a tunnel (RFC 8441 section 5), as HTTP/1 says it (RFC 6455 section 4.2.2).
std::string H2Upstream::as_switch(const std::string& text) const {
  constexpr std::string_view kOpened = "HTTP/1.1 200 ";
  constexpr std::string_view kAccept = "\r\nsec-websocket-accept: ";
  constexpr std::string_view kChunked = "\r\ntransfer-encoding: chunked";
  if (!text.starts_with(kOpened)) return text;
  std::string answer = "HTTP/1.1 101 Switching Protocols" + text.substr(text.find("\r\n"));
  if (const std::size_t at = answer.find(kChunked); at != std::string::npos)
    answer.erase(at, kChunked.size());
  // Some servers say it though it means nothing in HTTP/2: ours is the one for this client's key.
  if (const std::size_t at = answer.find(kAccept); at != std::string::npos)
    answer.erase(at + 2, answer.find("\r\n", at + 2) - at);
  answer.resize(answer.size() - 2);  // the empty line
  answer += "connection: upgrade\r\nupgrade: " + protocol_ + "\r\n";
  if (!websocket_key_.empty())
    answer += "sec-websocket-accept: " + tls::websocket_accept(websocket_key_) + "\r\n";
  return answer + "\r\n";
}

ServerSide::Read H2Upstream::read_head(http::ResponseHead& head) {
  const std::string* text = stream_->next_response();
  if (text == nullptr) return stream_->is_broken() ? Read::kClosed : Read::kBlocked;
  answered_ = true;
  response_ = protocol_.empty() ? *text : as_switch(*text);
  const http::DecodeResult result = decoder_.decode(response_, head);
  is_malformed_ = result != http::DecodeResult::kDone || head.head_bytes != response_.size();
  if (is_malformed_) return Read::kMalformed;
  if (head.interim) decoder_.reset(answer_to_);
  return Read::kHead;
}

bool H2Upstream::request_surely_unread() const {
  return stream_->is_broken() && stream_->error_code() == NGHTTP2_REFUSED_STREAM;
}

http::ParseError H2Upstream::error() const {
  http::ParseError error = decoder_.error();
  if (error.status == 0) error = {.status = 502, .detail = "malformed head in HTTP/2"};
  return error;
}

void H2Upstream::finish_sending() { static_cast<void>(sink_->send({}, true, {})); }

void H2Upstream::release(bool reusable) {
  if (stream_ == nullptr) return;
  source_.reset();
  sink_.reset();
  std::exchange(connection_, nullptr)->close_stream(*std::exchange(stream_, nullptr), reusable);
}

}  // namespace tandem::lb::proxy
