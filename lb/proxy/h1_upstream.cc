#include "lb/proxy/h1_upstream.h"

#include "common/check.h"
#include "lb/upstream/introduction.h"
#include "lb/upstream/local_server.h"

namespace tandem::lb::proxy {

void H1Upstream::attach(upstream::Connection& connection, upstream::ConnectionUser& user) {
  TANDEM_DCHECK(connection_ == nullptr);
  connection_ = &connection;
  connection.set_user(&user);
  answered_ = false;
  ended_with_fin_ = false;
}

ServerSide::Connect H1Upstream::connect(ClientSide& client) {
  // Once it is not plain, it is the handshake that goes on.
  if (connection_->is_plain()) {
    if (connection_->finish_connect() != 0) return Connect::kFailed;
    if (!connection_->writable()) return Connect::kWaits;
    if (upstream::wants_introduction(connection_->server().config()) &&
        !upstream::introduce(*connection_, client.address(), client.local_address(),
                             client.encryption(), true))
      return Connect::kFailed;
  }
  switch (connection_->secure().status) {
    case event::Transfer::Status::kBlocked:
      return Connect::kWaits;
    case event::Transfer::Status::kDone:
      return Connect::kReady;
    default:
      return Connect::kFailed;
  }
}

void H1Upstream::send_head(const char* base, const http::RequestHead& head,
                           const http::RequestEdits& edits) {
  connection_->mark_request();
  output_.reset();
  const auto size = http::encode_request(context_.encode_scratch, base, head, edits);
  TANDEM_CHECK(size.has_value());  // the scratch is larger than any head that was accepted
  output_.hold({context_.encode_scratch.data(), *size});
  sink_.emplace(*connection_, output_, head.framing.kind == http::BodyFraming::Kind::kChunked);
  answer_to_ = {.request_method = head.method, .upgrade_sent = edits.keep_upgrade && head.upgrade};
  decoder_.reset(answer_to_);
}

H1Upstream::Read H1Upstream::read_head(http::ResponseHead& head) {
  for (;;) {
    if (!input_.unread().empty()) {
      const std::string_view message = input_.unread();
      answered_ = true;
      const http::DecodeResult result = decoder_.decode(message, head);
      if (result == http::DecodeResult::kError) return Read::kMalformed;
      if (result == http::DecodeResult::kDone) {
        response_base_ = message.data();
        input_.consume(head.head_bytes);
        if (head.interim) decoder_.reset(answer_to_);
        return Read::kHead;
      }
      input_.park(context_.buffers);
    }
    if (!connection_->readable()) return Read::kBlocked;
    const event::Transfer transfer =
        input_.unread().empty()
            ? input_.fill(
                  *connection_,
                  std::span(context_.read_scratch).first(connection_->server().head_read_bytes()))
            : input_.append(*connection_, context_.buffers);
    switch (transfer.status) {
      case event::Transfer::Status::kDone:
        if (transfer.bytes == 0) return Read::kMalformed;  // longer than a block
        break;
      case event::Transfer::Status::kBlocked:
        return Read::kBlocked;
      case event::Transfer::Status::kEnd:
        ended_with_fin_ = true;
        return Read::kClosed;
      case event::Transfer::Status::kFailed:
        return Read::kClosed;
    }
  }
}

void H1Upstream::begin_body(const http::ResponseHead& head) {
  source_.emplace(*connection_, input_, context_.buffers, context_.read_scratch,
                  http::FieldSection::Role::kResponse, context_.limits, head.framing);
}

void H1Upstream::begin_tunnel() {
  source_.emplace(*connection_, input_, context_.buffers, context_.read_scratch,
                  http::FieldSection::Role::kResponse, context_.limits,
                  http::BodyFraming{.kind = http::BodyFraming::Kind::kUntilClose});
  sink_.emplace(*connection_, output_, false);
}

void H1Upstream::finish_sending() {
  if (connection_ != nullptr) connection_->finish_sending();
}

void H1Upstream::release(bool reusable) {
  if (connection_ == nullptr) return;
  upstream::Connection& connection = *connection_;
  connection_ = nullptr;
  connection.count_written(output_.bytes_sent());
  // Bytes behind the end of an answer belong to nobody: that connection is not to be trusted.
  reusable = reusable && input_.unread().empty() && output_.is_empty();
  input_.reset();
  output_.reset();
  if (reusable) {
    connection.server().keep_idle(connection, context_.loop.now());
  } else {
    connection.server().discard(connection);
  }
}

}  // namespace tandem::lb::proxy
