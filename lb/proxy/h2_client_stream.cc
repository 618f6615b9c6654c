#include "lb/proxy/h2_client_stream.h"

#include "common/check.h"
#include "lb/http2/field_block.h"
#include "lb/proxy/h2_downstream.h"
#include "lb/proxy/request_slot.h"

#include <string>
#include <utility>

namespace tandem::lb::proxy {
namespace {

/// Sixteen random bytes in base64 (RFC 6455 section 4.1); nothing depends on nobody guessing them.
std::string websocket_key(Random& random) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  constexpr int kWholeDigits = 21;
  std::string key;
  for (int i = 0; i < kWholeDigits; ++i) key.push_back(kDigits[random.next() % kDigits.size()]);
  // Of the last digit only two bits stand for a byte.
  key.push_back(kDigits[random.next() % 4 * 16]);
  return key + "==";
}

}  // namespace

H2ClientStream::H2ClientStream(Context& context, H2Downstream& connection, http2::Stream& stream)
    : context_(context),
      connection_(connection),
      stream_(&stream),
      slot_(RequestSlot::take(context)),
      source_(connection, stream),
      sink_(connection, stream) {
  stream.user = this;
}

H2ClientStream::~H2ClientStream() = default;

void H2ClientStream::start() {
  Exchange& exchange = slot_->exchange;
  exchange.begin(*this, connection_.frontend_index());
  http::RequestHead& head = exchange.request();
  head.clear();
  http2::RequestText& request = stream_->request;
  if (request.is_too_large()) return refuse(431, "head too large");
  // All of a short request may have come with its head: its body is no less there for that.
  const bool has_body =
      !stream_->has_ended() || !stream_->unread().empty() || !stream_->trailers().empty();
  const std::string_view text = request.finish(
      has_body, request.asks_for_tunnel() ? websocket_key(context_.random) : std::string());
  if (text.empty()) return refuse(400, request.trouble());
  const http::DecodeResult result = slot_->decoder.decode(text, head);
  if (result == http::DecodeResult::kError) {
    const http::ParseError& error = slot_->decoder.error();
    return refuse(error.status, error.detail);
  }
  // Made of checked parts, it is one head and nothing else.
  if (result != http::DecodeResult::kDone || head.head_bytes != text.size())
    return refuse(400, "malformed head");
  base_ = text.data();
  head.version = 20;
  if (request.asks_for_tunnel() && !head.upgrade)
    return refuse(501, "a protocol that may not be tunnelled");
  limit_.reset();
  exchange.start();
}

void H2ClientStream::refuse(int status, const char* words) {
  connection_.note_refused(*stream_, words);
  slot_->exchange.refuse(status, Cause::kProxy);
}

void H2ClientStream::cut() {
  if (stream_ != nullptr) slot_->exchange.cut();
}

void H2ClientStream::on_stream() {
  if (stream_ != nullptr) slot_->exchange.on_client_ready();
}

void H2ClientStream::on_deadline() {
  if (stream_ == nullptr) return;
  const Duration limit = connection_.timeouts().client;
  if (limit_.is_broken(slot_->exchange.request_body_bytes(), limit)) {
    slot_->exchange.on_client_timeout();
  } else {
    context_.wheel.set(*this, context_.loop.now() + limit);
  }
}

// ---- ClientSide
// ----------------------------------------------------------------------------------

const SocketAddress& H2ClientStream::address() const { return connection_.peer(); }

const SocketAddress& H2ClientStream::local_address() { return connection_.local_address(); }

bool H2ClientStream::is_first_request() const { return stream_->id() == 1; }

const tls::Stream* H2ClientStream::encryption() const { return connection_.encryption(); }

bool H2ClientStream::is_on_leaving_address() const {
  return context_.leaving->holds_local_address_of(connection_.fd());
}

bool H2ClientStream::send_head(const char* base, const http::ResponseHead& head,
                               const http::ResponseEdits& edits) {
  http2::FieldBlock& block = connection_.session().block;
  block.clear();
  const bool is_tunnel = edits.keep_upgrade && head.upgrade;
  if (stream_->request.asks_for_tunnel() && !is_tunnel && head.status / 100 == 2) {
    // Here 2xx would say that the tunnel is there (RFC 8441 section 5), and the server has none.
    http::ResponseHead refusal = head;
    refusal.status = 502;
    http2::put_response(block, base, refusal, edits);
  } else {
    http2::put_response(block, base, head, edits);
  }
  connection_.session().send_head(*stream_, block, !is_tunnel && edits.framing.is_empty());
  connection_.send_soon();
  return !stream_->is_broken();
}

bool H2ClientStream::send_interim(const char* base, const http::ResponseHead& head) {
  http2::FieldBlock& block = connection_.session().block;
  block.clear();
  http2::put_response(block, base, head, {});
  connection_.session().send_interim(*stream_, block);
  connection_.send_soon();
  return !stream_->is_broken();
}

bool H2ClientStream::send_local(std::string_view response) {
  http::ResponseDecoder decoder(context_.limits);
  decoder.reset({.request_method = slot_->exchange.request().method});
  http::ResponseHead head;
  if (decoder.decode(response, head) != http::DecodeResult::kDone) return false;
  const std::string_view body = response.substr(head.head_bytes);
  const bool has_body = !head.framing.is_empty() && !body.empty();
  const http::BodyFraming framing =
      has_body ? http::BodyFraming{.kind = http::BodyFraming::Kind::kLength, .length = body.size()}
               : http::BodyFraming{};
  if (!send_head(response.data(), head, {.framing = framing})) return false;
  if (!has_body) return true;
  const iovec piece{.iov_base = const_cast<char*>(body.data()), .iov_len = body.size()};
  return sink_.send({&piece, 1}, true, {});
}

void H2ClientStream::finish_sending() { static_cast<void>(sink_.send({}, true, {})); }

void H2ClientStream::wait_for_client(ClientWait wait) {
  const bool anew = limit_.begin(wait, stream_->bytes_sent(), slot_->exchange.request_body_bytes());
  if (wait == ClientWait::kNothing) {
    clear();
  } else if (anew) {
    context_.wheel.set(*this, context_.loop.now() + connection_.timeouts().client);
  }
}

void H2ClientStream::exchange_finished(AfterExchange) {
  // The exchange is on the stack below us: its slot may be used again, not destroyed.
  clear();
  http2::Stream& stream = *std::exchange(stream_, nullptr);
  stream.user = nullptr;
  RequestSlot::give_back(context_, std::move(slot_));
  connection_.stream_finished(*this, stream);
}

}  // namespace tandem::lb::proxy
